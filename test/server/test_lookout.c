/* server/lookout.c, app/wait.c, app/body.c: waiting for descriptors, and bodies that are paused,
 * through the whole of a core on the fake engine. */
#include "app/app.h"
#include "app/body.h"
#include "ringlet.h"
#include "server/late.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BODY_MAX = 10 << 20, UPLOAD = 1 << 20 };

struct play {
    struct app app;
    struct stage *stage;
    int ends[2];                /* a socket pair: handlers wait for the first */
    struct ringlet_reply *held; /* the last one kept */
    struct ringlet_body *body;  /* the last one that came, paused from its first piece on */
    uint64_t taken;
    int gone, called, dropped;
    bool pauses;
};

static void note_gone(void *state)
{
    ((struct play *)state)->gone++;
}

/* What has come answers the request; when nothing has, only the call is counted. */
static void say_what_came(struct ringlet_reply *reply, void *state)
{
    struct play *play = state;
    char bytes[64];

    play->called++;
    ssize_t len = read(play->ends[0], bytes, sizeof bytes);
    if (len > 0)
        ringlet_reply_send(reply, bytes, (size_t)len);
}

static void count_call(struct ringlet_reply *reply, void *state)
{
    (void)reply;
    ((struct play *)state)->called++;
}

static void keep(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    assert_int_equal(ringlet_reply_descriptor(reply, play->ends[0], RINGLET_READABLE, count_call),
                     -EINVAL);
    play->held = ringlet_reply_later(reply, note_gone, play);
    assert_non_null(play->held);
}

/* GET /read: what comes through the descriptor */
static void read_first(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    keep(request, reply, data);
    assert_int_equal(
        ringlet_reply_descriptor(play->held, play->ends[0], RINGLET_READABLE, say_what_came), 0);
}

/* GET /stream: every time something comes, a piece */
static void pass_on(struct ringlet_reply *reply, void *state)
{
    struct play *play = state;
    char bytes[64];
    ssize_t len;

    play->called++;
    while ((len = read(play->ends[0], bytes, sizeof bytes)) > 0)
        assert_int_equal(ringlet_reply_piece(reply, bytes, (size_t)len), 0);
    if (len == 0)
        ringlet_reply_end(reply);
    else
        ringlet_reply_descriptor(reply, play->ends[0], RINGLET_READABLE, pass_on);
}

static void stream(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    keep(request, reply, data);
    ringlet_reply_begin(play->held, RINGLET_LENGTH_UNKNOWN);
    assert_int_equal(ringlet_reply_descriptor(play->held, play->ends[0], RINGLET_READABLE, pass_on),
                     0);
}

/* --- bodies --- */

static int take(struct ringlet_body *body, const void *bytes, size_t len, void **state, void *data)
{
    struct play *play = data;

    if (!bytes) {
        play->dropped++;
        return 0;
    }
    *state = play;
    play->body = body;
    play->taken += len;
    if (play->pauses)
        assert_int_equal(ringlet_body_pause(body), 0);
    return 0;
}

static void say_taken(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    ringlet_body_state(request);
    ringlet_reply_printf(reply, "%ju", (uintmax_t)play->taken);
}

static void go_on(struct ringlet_body *body, void **state, void *data)
{
    struct play *play = data;

    assert_ptr_equal(*state, play);
    play->called++;
    assert_int_equal(ringlet_body_more(body), 0);
}

static struct play *play_open(void)
{
    const struct endpoint_body pieces = { .wanted = true, .max = BODY_MAX, .piece = take };
    struct play *play = calloc(1, sizeof *play);
    struct config config = stage_config();

    assert_non_null(play);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, play->ends),
                     0);
    struct endpoints *endpoints = &play->app.endpoints;
    endpoints_init(endpoints);
    endpoints_add(endpoints, "GET", "/keep", keep, play);
    endpoints_add(endpoints, "GET", "/read", read_first, play);
    endpoints_add(endpoints, "GET", "/stream", stream, play);
    endpoints_add_body(endpoints, "POST", "/take", &pieces, say_taken, play);
    config.app = &play->app;
    play->stage = stage_open(&config);
    return play;
}

static void play_free(struct play *play)
{
    endpoints_release(&play->app.endpoints);
    for (int i = 0; i < 2; i++)
        if (play->ends[i] >= 0)
            close(play->ends[i]);
    free(play);
}

static void play_close(struct play *play)
{
    stage_close(play->stage);
    play_free(play);
}

static void tell(struct play *play, const char *text)
{
    assert_int_equal(write(play->ends[1], text, strlen(text)), strlen(text));
    stage_settle(play->stage);
}

static void expect_said(struct client *client, const char *body)
{
    assert_true(str_equal(client_answer(client, false).body, str_from(body)));
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"

/* --- descriptors --- */

static void a_descriptor_is_waited_for(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/read") GET("/hello.txt"));

    (void)state;
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    assert_int_equal(play->called, 0);
    tell(play, "news");
    assert_int_equal(play->called, 1);
    expect_said(client, "news");
    client_gets_file(client, FILE_HELLO);
    tell(play, "more"); /* nobody waits for it */
    assert_int_equal(play->called, 1);
    play_close(play);
}

static void a_stream_may_wait_again_and_again(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/stream"));

    (void)state;
    client_skip(client, client_unread(client).len);
    for (int i = 1; i <= 20; i++) {
        tell(play, "tick");
        assert_int_equal(play->called, i);
        assert_true(str_equal(client_unread(client), STR("4\r\ntick\r\n")));
        client_skip(client, client_unread(client).len);
        stage_pass(play->stage, 60000);
    }
    close(play->ends[1]);
    play->ends[1] = -1;
    stage_settle(play->stage);
    assert_true(str_equal(client_unread(client), STR("0\r\n\r\n")));
    client_skip(client, client_unread(client).len);
    play_close(play);
}

static void fill(int fd)
{
    char bytes[4096] = { 0 };

    while (write(fd, bytes, sizeof bytes) > 0)
        continue;
}

static void drain(int fd)
{
    char bytes[4096];

    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
}

static void room_is_waited_for(void **state)
{
    struct play *play = play_open();
    const unsigned either = RINGLET_READABLE | RINGLET_WRITABLE;

    (void)state;
    client_visit(play->stage, GET("/keep"));
    fill(play->ends[0]);
    ringlet_reply_descriptor(play->held, play->ends[0], RINGLET_WRITABLE, count_call);
    stage_settle(play->stage);
    tell(play, "x");
    assert_int_equal(play->called, 0);
    drain(play->ends[1]);
    stage_settle(play->stage);
    assert_int_equal(play->called, 1);
    fill(play->ends[0]);
    stage_settle(play->stage);
    assert_int_equal(play->called, 1); /* once */
    ringlet_reply_descriptor(play->held, play->ends[0], either, count_call);
    stage_settle(play->stage); /* what is there already counts */
    assert_int_equal(play->called, 2);
    ringlet_reply_send(play->held, "ok", 2);
    play_close(play);
}

static void only_the_last_one_asked_for_counts(void **state)
{
    struct play *play = play_open();
    int other[2];

    (void)state;
    assert_int_equal(pipe2(other, O_NONBLOCK | O_CLOEXEC), 0);
    client_visit(play->stage, GET("/read"));
    assert_int_equal(ringlet_reply_descriptor(play->held, other[0], RINGLET_READABLE, count_call),
                     0);
    tell(play, "x");
    assert_int_equal(play->called, 0);
    assert_int_equal(write(other[1], "x", 1), 1);
    stage_settle(play->stage);
    assert_int_equal(play->called, 1);
    for (int i = 0; i < 2; i++) { /* taken back before the server has looked, and after */
        ringlet_reply_descriptor(play->held, other[0], RINGLET_READABLE, count_call);
        if (i == 1)
            drain(other[0]);
        if (i == 1)
            stage_settle(play->stage);
        assert_int_equal(ringlet_reply_descriptor(play->held, -1, 0, NULL), 0);
        stage_settle(play->stage);
        assert_int_equal(write(other[1], "x", 1), 1);
        stage_settle(play->stage);
    }
    assert_int_equal(play->called, 1);
    close(other[0]);
    close(other[1]);
    ringlet_reply_send(play->held, "ok", 2);
    play_close(play);
}

static void a_timer_may_stand_beside(void **state)
{
    struct play *play = play_open();

    (void)state;
    struct client *client = client_visit(play->stage, GET("/read"));
    ringlet_reply_timer(play->held, 100, count_call);
    stage_settle(play->stage);
    stage_pass(play->stage, 100);
    assert_int_equal(play->called, 1);
    tell(play, "late");
    assert_int_equal(play->called, 2);
    expect_said(client, "late");
    client_more(client, GET("/read"));
    ringlet_reply_timer(play->held, 100, count_call);
    tell(play, "soon");
    expect_said(client, "soon");
    stage_pass(play->stage, 100); /* it has been finished */
    assert_int_equal(play->called, 3);
    play_close(play);
}

static void two_may_wait_for_the_same(void **state)
{
    struct play *play = play_open();
    struct client *one = client_visit(play->stage, GET("/read"));
    struct client *other = client_visit(play->stage, GET("/read"));

    (void)state;
    tell(play, "a");
    assert_int_equal(play->called, 2); /* the second has found nothing left */
    bool first = client_unread(one).len > 0;
    expect_said(first ? one : other, "a");
    client_gets_nothing(first ? other : one, FAKE_SAW_NOTHING);
    client_leave(first ? other : one);
    stage_settle(play->stage);
    play_close(play);
}

/* The wait goes on, and the other end sees the end when it is over. */
static void the_program_may_close_its_own(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/read"));
    int kept = fcntl(play->ends[0], F_DUPFD_CLOEXEC, 0);

    (void)state;
    close(play->ends[0]);
    play->ends[0] = kept;
    tell(play, "still");
    expect_said(client, "still");
    client_more(client, GET("/read"));
    close(play->ends[0]);
    play->ends[0] = -1;
    assert_int_equal(send(play->ends[1], "x", 1, MSG_NOSIGNAL), 1);
    stage_settle(play->stage);
    assert_int_equal(play->called, 2); /* it could not read any more */
    assert_int_equal(send(play->ends[1], "x", 1, MSG_NOSIGNAL), -1);
    fake_peer_reset(client->peer);
    stage_settle(play->stage);
    assert_int_equal(play->gone, 1);
    play_close(play);
}

static void nothing_is_called_once_the_client_has_gone(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/read"));

    (void)state;
    fake_peer_reset(client->peer);
    stage_settle(play->stage);
    assert_int_equal(play->gone, 1);
    tell(play, "x");
    assert_int_equal(play->called, 0);
    drain(play->ends[0]);
    client = client_visit(play->stage, GET("/read"));
    fake_peer_reset(client->peer); /* both in one turn, in any order */
    tell(play, "x");
    assert_int_equal(play->gone, 2);
    assert_int_equal(play->stage->loop.core.errands, 0);
    play_close(play);
}

static void a_stop_ends_the_wait(void **state)
{
    struct play *play = play_open();

    (void)state;
    client_visit(play->stage, GET("/read"));
    loop_stop(&play->stage->loop);
    assert_int_equal(play->gone, 1);
    assert_int_equal(write(play->ends[1], "x", 1), 1);
    while (!loop_is_over(&play->stage->loop))
        stage_turn(play->stage, false);
    assert_int_equal(play->called, 0);
    stage_free(play->stage);
    play_free(play);
}

static void what_cannot_be_watched_is_refused(void **state)
{
    struct play *play = play_open();
    int file = open(stage_site(), O_RDONLY | O_CLOEXEC), free_fd = dup(file), before, after;

    (void)state;
    client_visit(play->stage, GET("/keep"));
    close(free_fd);
    before = dup(file);
    close(before);
    assert_int_equal(ringlet_reply_descriptor(NULL, 0, RINGLET_READABLE, count_call), -EINVAL);
    const int wrong[] = { -1, free_fd, file };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            ringlet_reply_descriptor(play->held, wrong[i], RINGLET_READABLE, count_call), -EINVAL);
    assert_int_equal(ringlet_reply_descriptor(play->held, play->ends[0], 0, count_call), -EINVAL);
    assert_int_equal(ringlet_reply_descriptor(play->held, play->ends[0], 4, count_call), -EINVAL);
    after = dup(file); /* no duplicate is left */
    assert_int_equal(before, after);
    close(after);
    close(file);
    ringlet_reply_send(play->held, "ok", 2);
    assert_int_equal(
        ringlet_reply_descriptor(play->held, play->ends[0], RINGLET_READABLE, count_call),
        -EALREADY);
    play_close(play);
}

/* Another handler's call comes first in the same turn: what it has finished is not called. */
static void finish_other(struct ringlet_reply *reply, void *state)
{
    struct play *play = state;

    play->called++;
    if (play->held == reply)
        return;
    ringlet_reply_send(play->held, "by the other", 12);
    ringlet_reply_send(reply, "first", 5);
}

static void what_another_has_finished_is_not_called(void **state)
{
    struct play *play = play_open();
    struct client *first = client_visit(play->stage, GET("/keep"));

    (void)state;
    ringlet_reply_timer(play->held, 10, finish_other);
    ringlet_reply_descriptor(play->held, play->ends[0], RINGLET_READABLE, finish_other);
    stage_settle(play->stage);
    struct client *second = client_visit(play->stage, GET("/keep"));
    ringlet_reply_timer(play->held, 10, finish_other);
    ringlet_reply_descriptor(play->held, play->ends[0], RINGLET_READABLE, finish_other);
    stage_settle(play->stage);
    stage_pass(play->stage, 10);
    assert_int_equal(play->called, 1);
    expect_said(first, "first");
    expect_said(second, "by the other");
    tell(play, "x");
    assert_int_equal(play->called, 1);
    play_close(play);
}

/* Likewise what another has taken back, or asked anew. */
static void take_back(struct ringlet_reply *reply, void *state)
{
    struct play *play = state;

    play->called++;
    if (play->held == reply)
        return;
    ringlet_reply_timer(play->held, 0, NULL);
    ringlet_reply_descriptor(play->held, -1, 0, NULL);
    ringlet_reply_send(reply, "first", 5);
}

static void put_off(struct ringlet_reply *reply, void *state)
{
    struct play *play = state;

    play->called++;
    if (play->held != reply)
        ringlet_reply_timer(play->held, 20, put_off);
    ringlet_reply_send(reply, "first", 5);
}

static void what_another_has_asked_anew_is_not_called(void **state)
{
    struct play *play = play_open();

    (void)state;
    struct client *first = client_visit(play->stage, GET("/keep"));
    ringlet_reply_timer(play->held, 10, take_back);
    struct client *second = client_visit(play->stage, GET("/keep"));
    ringlet_reply_timer(play->held, 10, take_back);
    stage_settle(play->stage);
    stage_pass(play->stage, 10);
    assert_int_equal(play->called, 1);
    expect_said(first, "first");
    client_more(first, GET("/keep"));
    ringlet_reply_timer(play->held, 10, put_off);
    struct ringlet_reply *other = play->held;
    client_more(second, ""); /* a turn, so that the timers stand in this order */
    client_visit(play->stage, GET("/keep"));
    ringlet_reply_timer(play->held, 10, put_off);
    assert_ptr_not_equal(other, play->held);
    stage_settle(play->stage);
    stage_pass(play->stage, 10);
    assert_int_equal(play->called, 2);
    stage_pass(play->stage, 10);
    assert_int_equal(play->called, 2);
    stage_pass(play->stage, 10);
    assert_int_equal(play->called, 3);
    client_leave(second);
    stage_settle(play->stage);
    play_close(play);
}

/* --- bodies that are paused --- */

static struct client *upload(struct play *play, size_t len)
{
    struct client *client = client_open(play->stage);
    char *bytes = calloc(1, len), head[128];
    struct text text = text_in(head, sizeof head);

    assert_non_null(bytes);
    text_add(&text, STR("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: "));
    text_add_number(&text, len);
    text_add(&text, STR("\r\n\r\n"));
    client_say_bytes(client, text.at, text.len);
    client_say_bytes(client, bytes, len);
    free(bytes);
    stage_settle(play->stage);
    return client;
}

/* What the client may be ahead by is what the engine and the kernel hold. */
static void a_paused_body_stays_with_the_client(void **state)
{
    struct play *play = play_open();
    uint64_t before;

    (void)state;
    play->pauses = true;
    struct client *client = upload(play, UPLOAD);
    assert_in_range(play->taken, 1, LOOP_BUFFER_SIZE);
    for (int i = 0; i < 10; i++) { /* no deadline runs */
        before = play->taken;
        stage_pass(play->stage, 10 * (uint64_t)play->stage->config.body_ms);
        assert_int_equal(play->taken, before);
        assert_int_equal(ringlet_body_more(play->body), 0);
        stage_settle(play->stage);
        assert_in_range(play->taken, before + 1, before + LOOP_BUFFER_SIZE);
    }
    size_t said = client->out_at;
    assert_true(said < play->taken + FAKE_WINDOW + IO_SOCK_LEASES_MAX * LOOP_BUFFER_SIZE);
    assert_true(said < UPLOAD);
    play->pauses = false;
    ringlet_body_more(play->body);
    stage_settle(play->stage);
    expect_said(client, "1048576");
    assert_int_equal(play->dropped, 0);
    play_close(play);
}

static void a_handler_waits_for_the_last_piece(void **state)
{
    struct play *play = play_open();

    (void)state;
    play->pauses = true;
    struct client *client = upload(play, 5);
    client_say(client, GET("/hello.txt"));
    stage_settle(play->stage);
    assert_int_equal(play->taken, 5);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    ringlet_body_more(play->body);
    stage_settle(play->stage);
    expect_said(client, "5");
    client_gets_file(client, FILE_HELLO);
    client_more(client, "POST /take HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    assert_int_equal(play->taken, 7);
    ringlet_body_more(play->body);
    stage_settle(play->stage);
    assert_int_equal(play->taken, 10);
    ringlet_body_more(play->body);
    stage_settle(play->stage);
    expect_said(client, "10");
    play_close(play);
}

static void a_body_goes_on_by_a_timer_or_a_descriptor(void **state)
{
    struct play *play = play_open();

    (void)state;
    play->pauses = true;
    struct client *client = upload(play, 10000);
    for (int i = 0; play->taken < 10000; i++) {
        uint64_t before = play->taken;
        assert_true(i < 100);
        if (i % 2)
            ringlet_body_timer(play->body, 50, go_on);
        else
            ringlet_body_descriptor(play->body, play->ends[0], RINGLET_READABLE, go_on);
        stage_settle(play->stage);
        assert_int_equal(play->taken, before);
        drain(play->ends[0]);
        if (i % 2)
            stage_pass(play->stage, 50);
        else
            tell(play, "x");
        drain(play->ends[0]);
        assert_true(play->taken > before);
        assert_int_equal(play->called, i + 1);
    }
    ringlet_body_more(play->body);
    stage_settle(play->stage);
    expect_said(client, "10000");
    play_close(play);
}

static void a_paused_body_may_lose_its_client(void **state)
{
    struct play *play = play_open();

    (void)state;
    play->pauses = true;
    struct client *client = upload(play, 5);
    ringlet_body_timer(play->body, 50, go_on);
    ringlet_body_descriptor(play->body, play->ends[0], RINGLET_READABLE, go_on);
    stage_settle(play->stage);
    fake_peer_reset(client->peer);
    stage_settle(play->stage);
    assert_int_equal(play->dropped, 1);
    tell(play, "x");
    stage_pass(play->stage, 50);
    assert_int_equal(play->called, 0);
    play_close(play);
}

/* The client has said all it has, and waits. */
static void a_client_that_has_finished_waits_for_a_paused_body(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    play->pauses = true;
    client->finishes = true;
    client_more(client, "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    stage_pass(play->stage, 10 * (uint64_t)RINGLET_HALF_CLOSED_MS);
    ringlet_body_more(play->body);
    stage_settle(play->stage);
    expect_said(client, "3");
    play_close(play);
}

static void a_body_that_is_null_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ringlet_body_pause(NULL), -EINVAL);
    assert_int_equal(ringlet_body_more(NULL), -EINVAL);
    assert_int_equal(ringlet_body_timer(NULL, 1, go_on), -EINVAL);
    assert_int_equal(ringlet_body_descriptor(NULL, 0, RINGLET_READABLE, go_on), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_is_waited_for),
        cmocka_unit_test(a_stream_may_wait_again_and_again),
        cmocka_unit_test(room_is_waited_for),
        cmocka_unit_test(only_the_last_one_asked_for_counts),
        cmocka_unit_test(a_timer_may_stand_beside),
        cmocka_unit_test(two_may_wait_for_the_same),
        cmocka_unit_test(the_program_may_close_its_own),
        cmocka_unit_test(nothing_is_called_once_the_client_has_gone),
        cmocka_unit_test(a_stop_ends_the_wait),
        cmocka_unit_test(what_cannot_be_watched_is_refused),
        cmocka_unit_test(what_another_has_finished_is_not_called),
        cmocka_unit_test(what_another_has_asked_anew_is_not_called),
        cmocka_unit_test(a_paused_body_stays_with_the_client),
        cmocka_unit_test(a_handler_waits_for_the_last_piece),
        cmocka_unit_test(a_body_goes_on_by_a_timer_or_a_descriptor),
        cmocka_unit_test(a_paused_body_may_lose_its_client),
        cmocka_unit_test(a_client_that_has_finished_waits_for_a_paused_body),
        cmocka_unit_test(a_body_that_is_null_is_refused),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

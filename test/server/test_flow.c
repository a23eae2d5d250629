/* server/flow.c: replies in pieces, through the whole of a core on the fake engine. */
#include "app/app.h"
#include "app/kept.h"
#include "http/chunked.h"
#include "ringlet.h"
#include "server/handle.h"
#include "stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATTERN = 1 << 20, WINDOW = 4096, SEEDS = 40 };

/* What a handler is asked for in its query, and how far it has come. */
struct task {
    struct play *play;
    struct ringlet_reply *reply;
    uint64_t total, piece, every_ms;
    bool give;
    uint64_t at;
};

struct play {
    struct app app;
    struct stage *stage;
    char *pattern;
    struct ringlet_reply *held; /* for a test to do with as it likes */
    int gone, released, refused, given;
    size_t most; /* that has waited at any time */
};

static char byte_at(uint64_t at)
{
    return (char)('a' + at % 23);
}

static uint64_t number_of(struct ringlet_request *request, const char *name, uint64_t otherwise)
{
    struct ringlet_slice text = ringlet_query_value(request, name);
    unsigned long long number = 0;

    if (!text.at)
        return otherwise;
    assert_true(str_number(str_of(text.at, text.len), UINT32_MAX, &number));
    return number;
}

static void note_gone(void *state)
{
    ((struct play *)state)->gone++;
}

static void task_gone(void *state)
{
    struct task *task = state;

    task->play->gone++;
    free(task);
}

static void count_release(void *owner)
{
    ((struct play *)owner)->released++;
}

static void note_most(struct play *play, struct ringlet_reply *reply)
{
    const struct pieces *pieces = &kept_of(reply)->pieces;

    if (pieces->waiting + pieces->going_out > play->most)
        play->most = pieces->waiting + pieces->going_out;
}

static int say_piece(struct task *task, size_t len)
{
    struct play *play = task->play;
    const char *bytes = play->pattern + task->at % 23;
    int error = task->give ? ringlet_reply_give_piece(task->reply, bytes, len, count_release, play)
                           : ringlet_reply_piece(task->reply, bytes, len);

    if (!error) {
        task->at += len;
        play->given++;
    }
    note_most(play, task->reply);
    return error;
}

/* As many pieces as are taken, or one if there is a time between them. */
static void go_on(struct ringlet_reply *reply, void *state)
{
    struct task *task = state;
    int error = 0;

    while (!error && task->at < task->total) {
        uint64_t left = task->total - task->at;
        error = say_piece(task, left < task->piece ? left : task->piece);
        if (!error && task->every_ms > 0 && task->at < task->total) {
            assert_int_equal(ringlet_reply_timer(reply, (uint32_t)task->every_ms, go_on), 0);
            return;
        }
    }
    if (error) {
        assert_int_equal(error, -EAGAIN);
        task->play->refused++;
        assert_int_equal(ringlet_reply_room(reply, go_on), 0);
        return;
    }
    assert_int_equal(ringlet_reply_end(reply), 0);
    assert_int_equal(ringlet_reply_end(reply), -EALREADY);
    assert_int_equal(ringlet_reply_piece(reply, "x", 1), -EALREADY);
    free(task);
}

/* GET /stream?total=&piece=&every=&give=&known=&status= */
static void stream(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct task *task = malloc(sizeof *task);
    uint64_t total = number_of(request, "total", 0);
    bool known = number_of(request, "known", 0);

    assert_non_null(task);
    *task = (struct task){ .play = data,
                           .total = total,
                           .piece = number_of(request, "piece", 100),
                           .every_ms = number_of(request, "every", 0),
                           .give = number_of(request, "give", 0) };
    ringlet_reply_status(reply, (int)number_of(request, "status", 200));
    task->reply = ringlet_reply_later(reply, task_gone, task);
    assert_non_null(task->reply);
    assert_int_equal(ringlet_reply_header(task->reply, "X-Early", "yes"), 0);
    assert_int_equal(ringlet_reply_begin(task->reply, known ? total : RINGLET_LENGTH_UNKNOWN), 0);
    go_on(task->reply, task);
}

/* GET /hold?length=: begun, and left to the test */
static void hold(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    play->held = ringlet_reply_later(reply, note_gone, play);
    assert_non_null(play->held);
    uint64_t length = number_of(request, "length", UINT64_MAX);
    assert_int_equal(ringlet_reply_begin(play->held, length), 0);
}

/* GET /later: only kept */
static void keep(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    play->held = ringlet_reply_later(reply, note_gone, play);
    assert_non_null(play->held);
}

/* What can't be done to a reply that is not kept, or not begun, or is begun. */
static void misuse(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    assert_int_equal(ringlet_reply_begin(NULL, 2), -EINVAL);
    assert_int_equal(ringlet_reply_piece(NULL, "x", 1), -EINVAL);
    assert_int_equal(ringlet_reply_give_piece(NULL, "x", 1, count_release, play), -EINVAL);
    assert_int_equal(ringlet_reply_room(NULL, go_on), -EINVAL);
    assert_int_equal(ringlet_reply_end(NULL), -EINVAL);
    assert_int_equal(ringlet_reply_abort(NULL), -EINVAL);
    assert_int_equal(ringlet_reply_begin(reply, 2), -EINVAL);
    assert_int_equal(ringlet_reply_piece(reply, "x", 1), -EINVAL);
    assert_int_equal(ringlet_reply_give_piece(reply, "x", 1, count_release, play), -EINVAL);
    assert_int_equal(ringlet_reply_room(reply, go_on), -EINVAL);
    assert_int_equal(ringlet_reply_end(reply), -EINVAL);
    assert_int_equal(ringlet_reply_abort(reply), -EINVAL);
    struct ringlet_reply *kept = ringlet_reply_later(reply, note_gone, play);
    assert_int_equal(ringlet_reply_begin(reply, 2), -EALREADY);
    assert_int_equal(ringlet_reply_piece(kept, "x", 1), -EINVAL);
    assert_int_equal(ringlet_reply_give_piece(kept, "x", 1, count_release, play), -EINVAL);
    assert_int_equal(ringlet_reply_room(kept, go_on), -EINVAL);
    assert_int_equal(ringlet_reply_end(kept), -EINVAL);
    assert_int_equal(ringlet_reply_begin(kept, 2), 0);
    assert_int_equal(ringlet_reply_begin(kept, 2), -EALREADY);
    assert_int_equal(ringlet_reply_piece(kept, NULL, 1), -EINVAL);
    assert_int_equal(ringlet_reply_piece(kept, NULL, 0), 0);
    assert_int_equal(ringlet_reply_give_piece(kept, NULL, 1, count_release, play), -EINVAL);
    assert_int_equal(ringlet_reply_status(kept, 404), -EALREADY);
    assert_int_equal(ringlet_reply_header(kept, "X-Late", "yes"), -EALREADY);
    assert_int_equal(ringlet_reply_send(kept, "ok", 2), -EALREADY);
    assert_int_equal(ringlet_reply_piece(kept, play->pattern, RINGLET_PIECES_SIZE + 1), -EINVAL);
    assert_int_equal(ringlet_reply_abort(kept), 0);
    assert_int_equal(ringlet_reply_abort(kept), -EALREADY);
    assert_int_equal(play->released, 0);
}

/* GET /skip?status=: who has no content to give need not give it */
static void leave_out(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    ringlet_reply_status(reply, (int)number_of(request, "status", 200));
    struct ringlet_reply *kept = ringlet_reply_later(reply, note_gone, data);
    assert_int_equal(ringlet_reply_begin(kept, 4), 0);
    assert_int_equal(ringlet_reply_end(kept), 0);
}

/* GET /twice: an answer, while another one is given */
static void say_twice(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_reply *kept = ringlet_reply_later(reply, note_gone, data);

    (void)request;
    assert_int_equal(ringlet_reply_begin(kept, RINGLET_LENGTH_UNKNOWN), 0);
    assert_int_equal(ringlet_reply_send(kept, "ok", 2), -EALREADY);
    assert_int_equal(ringlet_reply_end(kept), 0);
}

static void say(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_send(reply, "ok", 2);
}

static struct play *play_open(void)
{
    struct play *play = calloc(1, sizeof *play);
    struct config config = stage_config();

    assert_non_null(play);
    play->pattern = malloc(PATTERN + 23);
    assert_non_null(play->pattern);
    for (size_t i = 0; i < PATTERN + 23; i++)
        play->pattern[i] = byte_at(i);
    struct endpoints *endpoints = &play->app.endpoints;
    endpoints_init(endpoints);
    endpoints_add(endpoints, "GET", "/stream", stream, play);
    endpoints_add(endpoints, "GET", "/hold", hold, play);
    endpoints_add(endpoints, "GET", "/later", keep, play);
    endpoints_add(endpoints, "GET", "/misuse", misuse, play);
    endpoints_add(endpoints, "GET", "/skip", leave_out, play);
    endpoints_add(endpoints, "GET", "/twice", say_twice, play);
    endpoints_add(endpoints, "GET", "/say", say, play);
    config.app = &play->app;
    play->stage = stage_open(&config);
    return play;
}

static void play_free(struct play *play)
{
    endpoints_release(&play->app.endpoints);
    free(play->pattern);
    free(play);
}

static void play_close(struct play *play)
{
    stage_close(play->stage);
    play_free(play);
}

#define GET(target)    "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD(target)   "HEAD " target " HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET_10(target) "GET " target " HTTP/1.0\r\nHost: h\r\n\r\n"

/* --- what a client reads --- */

static struct answer expect_head(struct client *client, bool chunked)
{
    struct answer answer;
    size_t used = answer_read_head(&answer, client_unread(client));

    assert_true(used > 0);
    assert_int_equal(answer_field(&answer, "Transfer-Encoding").at != NULL, chunked);
    client_skip(client, used);
    return answer;
}

static void expect_text(struct client *client, const char *text)
{
    size_t len = strlen(text);

    assert_true(client_unread(client).len >= len);
    assert_memory_equal(client_unread(client).at, text, len);
    client_skip(client, len);
}

static void expect_said(struct client *client, const char *body)
{
    assert_true(str_equal(client_answer(client, false).body, str_from(body)));
}

static void expect_pattern(struct str bytes, uint64_t *at)
{
    for (size_t i = 0; i < bytes.len; i++, ++*at)
        if (bytes.at[i] != byte_at(*at))
            fail_msg("another byte at %llu", (unsigned long long)*at);
}

/* Read on in the chunks that have come. */
static void read_chunks(struct client *client, struct http_chunked *chunks, uint64_t *at)
{
    while (!chunks->done && client_unread(client).len > 0) {
        struct str bytes = client_unread(client), content;
        ssize_t used = http_chunked_read(chunks, bytes.at, bytes.len, &content);
        assert_true(used > 0);
        expect_pattern(content, at);
        client_skip(client, (size_t)used);
    }
}

static void expect_chunks(struct client *client, uint64_t total)
{
    struct http_chunked chunks;
    uint64_t at = 0;

    http_chunked_start(&chunks);
    read_chunks(client, &chunks, &at);
    assert_true(chunks.done);
    assert_int_equal(at, total);
}

/* What the program says between two turns goes out with the next. */
static void say_held(struct play *play, const char *text)
{
    assert_int_equal(ringlet_reply_piece(play->held, text, strlen(text)), 0);
    stage_settle(play->stage);
}

/* --- the tests --- */

static void pieces_go_out_as_they_are_given(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/hold") GET("/say"));

    (void)state;
    struct answer answer = expect_head(client, true);
    assert_int_equal(answer.status, 200);
    assert_true(str_equal(answer_field(&answer, "Content-Type"), STR("text/plain; charset=utf-8")));
    assert_null(kept_of(play->held)->texts); /* a stream that is silent takes little */
    say_held(play, "a");
    expect_text(client, "1\r\na\r\n");
    say_held(play, "");
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    say_held(play, "bcd");
    expect_text(client, "3\r\nbcd\r\n");
    assert_int_equal(ringlet_reply_end(play->held), 0);
    stage_settle(play->stage);
    expect_text(client, "0\r\n\r\n");
    expect_said(client, "ok");
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void all_may_be_said_in_the_handler(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/stream?total=10&piece=3") GET("/say"));

    (void)state;
    struct answer answer = expect_head(client, true);
    assert_true(str_equal(answer_field(&answer, "X-Early"), STR("yes")));
    expect_text(client, "a\r\nabcdefghij\r\n0\r\n\r\n"); /* copies share a chunk */
    expect_said(client, "ok");
    client_more(client, GET("/stream?total=10&piece=6&give=1"));
    expect_head(client, true);
    expect_text(client, "6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n");
    client_more(client, GET("/stream?total=0"));
    expect_head(client, true);
    expect_text(client, "0\r\n\r\n");
    assert_int_equal(play->released, 2);
    play_close(play);
}

static void a_known_length_needs_no_chunks(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, GET("/stream?known=1&total=200000&piece=5000&every=1")
                                      GET("/stream?known=1") GET("/say"));

    (void)state;
    for (int i = 0; i < 40; i++)
        stage_pass(play->stage, 1);
    struct answer answer = client_answer(client, false);
    uint64_t at = 0;
    assert_int_equal(answer.length, 200000);
    expect_pattern(answer.body, &at);
    assert_int_equal(client_answer(client, false).length, 0);
    expect_said(client, "ok");
    play_close(play);
}

static void http_1_0_gets_no_chunks(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, GET_10("/stream?total=9&piece=4&every=1") GET_10("/say"));
    struct client *keeps =
        client_visit(play->stage, "GET /stream?total=9&known=1 HTTP/1.0\r\nHost: h\r\n"
                                  "Connection: keep-alive\r\n\r\n" GET_10("/say"));

    (void)state;
    stage_pass(play->stage, 1);
    stage_pass(play->stage, 1);
    assert_true(expect_head(client, false).closes);
    expect_text(client, "abcdefghi");
    client_gets_nothing(client, FAKE_SAW_FIN);
    struct answer answer = client_answer(keeps, false);
    assert_true(answer.persists_1_0);
    assert_true(str_equal(answer.body, STR("abcdefghi")));
    expect_said(keeps, "ok");
    play_close(play);
}

static void some_replies_have_no_content(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, HEAD("/stream?total=9") HEAD("/stream?total=9&known=1&give=1")
                                      GET("/stream?total=9&status=204")
                                          GET("/stream?total=9&status=304&known=1") GET("/say"));

    (void)state;
    expect_head(client, false);
    assert_int_equal(expect_head(client, false).length, 9);
    assert_int_equal(expect_head(client, false).status, 204);
    assert_int_equal(expect_head(client, false).status, 304);
    expect_said(client, "ok");
    assert_int_equal(play->released, 1);
    assert_int_equal(play->gone, 0);
    client_more(client, HEAD("/skip") GET("/skip?status=204") GET("/skip?status=304") GET("/say"));
    for (int i = 0; i < 3; i++)
        expect_head(client, false);
    expect_said(client, "ok");
    client_more(client, HEAD("/hold") HEAD("/stream?total=9&piece=5&every=1") GET("/say"));
    expect_head(client, false);
    expect_head(client, false);
    expect_said(client, "ok");
    assert_int_equal(play->gone, 2);
    play_close(play);
}

/* What waits is bounded, and the rest is given when there is room. */
static void a_slow_reader_holds_back_the_handler(void **state)
{
    static const char *const targets[] = { GET("/stream?total=1000000&piece=1000"),
                                           GET("/stream?total=1000000&piece=7"),
                                           GET("/stream?total=1000000&piece=20000&give=1"),
                                           GET("/stream?total=1000000&piece=300&give=1") };

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct play *play = play_open();
        struct client *client = client_open(play->stage);
        fake_peer_set_window(client->peer, WINDOW);
        client->read_max = 0;
        client_more(client, targets[i]);
        assert_int_equal(play->refused, 1);
        expect_said(client_visit(play->stage, GET("/say")), "ok");
        assert_int_equal(play->refused, 1);
        client->read_max = SIZE_MAX;
        stage_settle(play->stage);
        expect_head(client, true);
        expect_chunks(client, 1000000);
        assert_true(play->refused > 10);
        assert_true(play->most <= RINGLET_PIECES_SIZE);
        assert_true(play->most > RINGLET_PIECES_SIZE / 2);
        assert_int_equal(play->released, i < 2 ? 0 : play->given);
        play_close(play);
    }
}

static void a_large_piece_is_taken_alone(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/hold"));
    const char *bytes = play->pattern;

    (void)state;
    assert_int_equal(ringlet_reply_piece(play->held, bytes, RINGLET_PIECES_SIZE + 1), -EMSGSIZE);
    assert_int_equal(ringlet_reply_give_piece(play->held, bytes, PATTERN, count_release, play), 0);
    assert_int_equal(ringlet_reply_piece(play->held, bytes, 1), -EAGAIN);
    assert_int_equal(ringlet_reply_give_piece(play->held, bytes, 1, count_release, play), -EAGAIN);
    assert_int_equal(ringlet_reply_end(play->held), 0);
    stage_settle(play->stage);
    expect_head(client, true);
    expect_chunks(client, PATTERN);
    assert_int_equal(play->released, 1);
    play_close(play);
}

/* The bytes are the program's again when they are sent, and when they never will be. */
static void what_was_given_is_released(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);
    const char *bytes = play->pattern;

    (void)state;
    client->read_max = 0;
    fake_peer_set_window(client->peer, WINDOW);
    client_more(client, GET("/hold"));
    for (int i = 0; i < 6; i++)
        assert_int_equal(ringlet_reply_give_piece(play->held, bytes, 10000, count_release, play),
                         0);
    stage_settle(play->stage);
    assert_int_equal(play->released, 0);
    fake_peer_reset(client->peer);
    stage_settle(play->stage);
    assert_int_equal(play->released, 6);
    assert_int_equal(play->gone, 1);
    play_close(play);
}

/* What is said on standard error meanwhile goes to a pipe. */
static void listen_in(int ends[2], int *before)
{
    *before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
}

static void expect_heard(const int ends[2], int before, const char *wanted)
{
    char said[512];

    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(ends[1]);
    ssize_t len = read(ends[0], said, sizeof said - 1);
    close(ends[0]);
    assert_true(len >= 0);
    said[len] = '\0';
    assert_string_equal(said, wanted);
}

static void a_promise_is_kept_or_the_connection_cut(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/hold?length=4"));
    int ends[2], before;

    (void)state;
    say_held(play, "abc");
    assert_int_equal(expect_head(client, false).length, 4);
    expect_text(client, "abc");
    listen_in(ends, &before);
    assert_int_equal(ringlet_reply_end(play->held), -EINVAL);
    stage_settle(play->stage);
    expect_heard(ends, before,
                 "ringlet: GET /hold: the handler has ended its reply before the length it has "
                 "promised; the connection is cut\n");
    client_gets_nothing(client, FAKE_SAW_RST);
    assert_int_equal(play->gone, 0);

    stage_pass(play->stage, MISUSE_TELL_MS);
    client = client_visit(play->stage, GET("/hold?length=4"));
    listen_in(ends, &before);
    assert_int_equal(ringlet_reply_piece(play->held, "abcd", 4), 0);
    assert_int_equal(ringlet_reply_piece(play->held, "", 0), 0);
    assert_int_equal(ringlet_reply_piece(play->held, "e", 1), -EINVAL);
    assert_int_equal(ringlet_reply_piece(play->held, "", 0), -EINVAL);
    assert_int_equal(play->gone, 0);
    stage_settle(play->stage);
    expect_heard(ends, before,
                 "ringlet: GET /hold: the handler has given more pieces than the length it has "
                 "promised; the connection is cut\n");
    assert_int_equal(play->gone, 1);
    assert_int_equal(client->saw, FAKE_SAW_RST);
    play_close(play);
}

static void a_handler_may_give_up(void **state)
{
    struct play *play = play_open();
    struct client *begun = client_visit(play->stage, GET("/hold") GET("/say"));

    (void)state;
    say_held(play, "a");
    expect_head(begun, true);
    expect_text(begun, "1\r\na\r\n");
    assert_int_equal(ringlet_reply_abort(play->held), 0);
    stage_settle(play->stage);
    client_gets_nothing(begun, FAKE_SAW_RST);
    struct client *waiting = client_visit(play->stage, GET("/later"));
    assert_int_equal(ringlet_reply_abort(play->held), 0);
    stage_settle(play->stage);
    client_gets_nothing(waiting, FAKE_SAW_RST);
    struct client *stuck = client_open(play->stage);
    stuck->read_max = 0;
    fake_peer_set_window(stuck->peer, WINDOW);
    client_more(stuck, GET("/hold"));
    for (int i = 0; i < 6; i++)
        assert_int_equal(ringlet_reply_piece(play->held, play->pattern, 10000), 0);
    stage_settle(play->stage);
    assert_int_equal(ringlet_reply_abort(play->held), 0);
    stage_settle(play->stage);
    assert_int_equal(stuck->saw, FAKE_SAW_RST);
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void calls_are_refused_where_they_mean_nothing(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/say"));
    int ends[2], before;

    (void)state;
    expect_said(client, "ok");
    listen_in(ends, &before);
    client_more(client, GET("/misuse"));
    expect_heard(ends, before,
                 "ringlet: GET /misuse: the handler has given more pieces than the length it has "
                 "promised; the connection is cut\n");
    assert_int_equal(client->saw, FAKE_SAW_RST);
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void two_answers_are_reported(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/say"));
    int ends[2], before;

    (void)state;
    expect_said(client, "ok");
    listen_in(ends, &before);
    client_more(client, GET("/twice") GET("/say"));
    expect_heard(ends, before,
                 "ringlet: GET /twice: the handler has replied more than once; the "
                 "first reply counts\n");
    expect_head(client, true);
    expect_text(client, "0\r\n\r\n");
    expect_said(client, "ok");
    play_close(play);
}

/* Who says nothing for long is not cut; that the client has gone is seen nevertheless. */
static void a_silence_may_be_long(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/hold"));

    (void)state;
    expect_head(client, true);
    for (int i = 0; i < 10; i++)
        stage_pass(play->stage, 600000);
    say_held(play, "a");
    expect_text(client, "1\r\na\r\n");
    stage_pass(play->stage, 600000);
    assert_int_equal(play->gone, 0);
    fake_peer_reset(client->peer);
    stage_settle(play->stage);
    assert_int_equal(play->gone, 1);
    play_close(play);
}

/* It may still read, as long as there is something to read. */
static void a_client_that_has_finished_is_given_up_in_a_silence(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    client->finishes = true;
    client_more(client, GET("/hold"));
    expect_head(client, true);
    for (int i = 0; i < 3; i++) {
        stage_pass(play->stage, RINGLET_HALF_CLOSED_MS - 1);
        say_held(play, "a");
        expect_text(client, "1\r\na\r\n");
    }
    assert_int_equal(play->gone, 0);
    stage_pass(play->stage, RINGLET_HALF_CLOSED_MS);
    assert_int_equal(play->gone, 1);
    client_gets_nothing(client, FAKE_SAW_RST);
    play_close(play);
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    client->read_max = 0;
    fake_peer_set_window(client->peer, WINDOW);
    client_more(client, GET("/stream?total=1000000&piece=1000"));
    stage_pass(play->stage, play->stage->config.write_ms);
    stage_pass(play->stage, play->stage->config.write_ms);
    assert_int_equal(play->gone, 1);
    assert_int_equal(client->saw, FAKE_SAW_RST);
    play_close(play);
}

static void a_stop_ends_a_stream(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/hold"));

    (void)state;
    loop_drain(&play->stage->loop);
    stage_pass(play->stage, play->stage->config.drain_ms - 1);
    say_held(play, "a");
    expect_head(client, true);
    expect_text(client, "1\r\na\r\n");
    stage_pass(play->stage, 1);
    assert_int_equal(play->gone, 1);
    while (!loop_is_over(&play->stage->loop))
        stage_turn(play->stage, false);
    stage_free(play->stage);
    play_free(play);
}

/* In the log stands what has gone out, however it has ended. */
static void a_stream_is_logged_when_it_is_over(void **state)
{
    struct play *play = calloc(1, sizeof *play);
    struct config config = stage_config();
    char log[] = "/tmp/ringlet-stream-XXXXXX", said[512];
    int fd = mkstemp(log);

    (void)state;
    assert_true(play && fd >= 0);
    endpoints_init(&play->app.endpoints);
    endpoints_add(&play->app.endpoints, "GET", "/hold", hold, play);
    config.app = &play->app;
    config.log = log;
    play->stage = stage_open(&config);
    client_visit(play->stage, GET("/hold"));
    say_held(play, "abc");
    ringlet_reply_end(play->held);
    stage_settle(play->stage);
    struct client *client = client_visit(play->stage, GET("/hold"));
    say_held(play, "abcdef");
    fake_peer_reset(client->peer);
    stage_close(play->stage);
    ssize_t len = read(fd, said, sizeof said - 1);
    close(fd);
    unlink(log);
    assert_true(len > 0);
    said[len] = '\0';
    assert_non_null(strstr(said, "\"GET /hold HTTP/1.1\" 200 3 "));
    assert_non_null(strstr(said, "\"GET /hold HTTP/1.1\" 200 6 "));
    endpoints_release(&play->app.endpoints);
    free(play);
}

/* However sends are cut and events are late: everybody gets what is due, in order. */
static void pipelined_streams_under_any_schedule(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct play *play = play_open();
        fake_io_seed(play->stage->io, seed);
        struct client *client = client_open(play->stage);
        fake_peer_set_window(client->peer, WINDOW);
        client->read_max = 1 + seed * 97 % 3000;
        client_say(client, GET("/say") GET("/stream?total=70000&piece=999&give=1") GET("/say")
                               GET("/stream?total=2000&piece=500&every=3") GET("/hello.txt"));
        for (int i = 0; i < 20; i++) {
            stage_settle(play->stage);
            stage_pass(play->stage, 3);
        }
        expect_said(client, "ok");
        expect_head(client, true);
        expect_chunks(client, 70000);
        expect_said(client, "ok");
        expect_head(client, true);
        expect_chunks(client, 2000);
        client_gets_file(client, FILE_HELLO);
        assert_int_equal(play->gone, 0);
        assert_true(play->most <= RINGLET_PIECES_SIZE);
        play_close(play);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_go_out_as_they_are_given),
        cmocka_unit_test(all_may_be_said_in_the_handler),
        cmocka_unit_test(a_known_length_needs_no_chunks),
        cmocka_unit_test(http_1_0_gets_no_chunks),
        cmocka_unit_test(some_replies_have_no_content),
        cmocka_unit_test(a_slow_reader_holds_back_the_handler),
        cmocka_unit_test(a_large_piece_is_taken_alone),
        cmocka_unit_test(what_was_given_is_released),
        cmocka_unit_test(a_promise_is_kept_or_the_connection_cut),
        cmocka_unit_test(a_handler_may_give_up),
        cmocka_unit_test(calls_are_refused_where_they_mean_nothing),
        cmocka_unit_test(two_answers_are_reported),
        cmocka_unit_test(a_silence_may_be_long),
        cmocka_unit_test(a_client_that_has_finished_is_given_up_in_a_silence),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut),
        cmocka_unit_test(a_stop_ends_a_stream),
        cmocka_unit_test(a_stream_is_logged_when_it_is_over),
        cmocka_unit_test(pipelined_streams_under_any_schedule),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* server/late.c, app/kept.c: replies that come later, through the whole of a core on the fake
 * engine.
 */
#include "app/app.h"
#include "ear.h"
#include "ringlet.h"
#include "server/late.h"
#include "stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WAITERS_MAX = 8, LARGE = 100000 };

struct play {
    struct app app;
    struct stage *stage;
    struct ringlet_reply *waiters[WAITERS_MAX]; /* for /tell */
    int waiter_count, gone, ticks, released;
    char *large;
};

static void note_gone(void *state)
{
    ((struct play *)state)->gone++;
}

static void say_late(struct ringlet_reply *reply, void *state)
{
    ((struct play *)state)->ticks++;
    assert_int_equal(ringlet_reply_header(reply, "X-Late", "yes"), 0);
    assert_int_equal(ringlet_reply_send(reply, "late", 4), 0);
    assert_int_equal(ringlet_reply_send(reply, "later", 5), -EALREADY);
    assert_int_equal(ringlet_reply_timer(reply, 1, say_late), -EALREADY);
}

/* GET /sleep?ms=N */
static void sleep_first(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice ms = ringlet_query_value(request, "ms");
    unsigned long long number = 0;

    assert_true(str_number(str_of(ms.at, ms.len), 100000, &number));
    assert_int_equal(ringlet_reply_status(reply, 202), 0);
    assert_int_equal(ringlet_reply_header(reply, "X-Early", "yes"), 0);
    assert_int_equal(ringlet_reply_timer(reply, 1, say_late), -EINVAL);
    struct ringlet_reply *kept = ringlet_reply_later(reply, note_gone, data);
    assert_non_null(kept);
    assert_null(ringlet_reply_later(reply, note_gone, data));
    assert_null(ringlet_reply_later(kept, note_gone, data));
    assert_int_equal(ringlet_reply_timer(kept, 5, say_late), 0);
    assert_int_equal(ringlet_reply_timer(kept, 1, NULL), 0);
    assert_int_equal(ringlet_reply_timer(kept, (uint32_t)number, say_late), 0);
}

/* GET /unset: the timer is taken back, and set again when the test says so. */
static void unset(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    play->waiters[0] = ringlet_reply_later(reply, note_gone, data);
    assert_int_equal(ringlet_reply_timer(play->waiters[0], 5, say_late), 0);
    assert_int_equal(ringlet_reply_timer(play->waiters[0], 5, NULL), 0);
}

/* Three times, and then. */
static void tick(struct ringlet_reply *reply, void *state)
{
    struct play *play = state;

    if (++play->ticks < 3)
        ringlet_reply_timer(reply, 10, tick);
    else
        ringlet_reply_printf(reply, "%d ticks", play->ticks);
}

static void tick_first(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    ringlet_reply_timer(ringlet_reply_later(reply, NULL, data), 10, tick);
}

static void wait_to_be_told(struct ringlet_request *request, struct ringlet_reply *reply,
                            void *data)
{
    struct play *play = data;

    (void)request;
    play->waiters[play->waiter_count++] = ringlet_reply_later(reply, note_gone, data);
}

static void count_release(void *owner)
{
    ((struct play *)owner)->released++;
}

static void tell_all(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    for (int i = 0; i < play->waiter_count; i++)
        ringlet_reply_give(play->waiters[i], play->large, LARGE, count_release, play);
    play->waiter_count = 0;
    ringlet_reply_send(reply, "told", 4);
}

static void keep_and_finish(struct ringlet_request *request, struct ringlet_reply *reply,
                            void *data)
{
    struct ringlet_slice body = ringlet_body(request);

    ringlet_reply_send(ringlet_reply_later(reply, note_gone, data), body.at, body.len);
}

static struct play *play_open(void)
{
    const struct endpoint_body whole = { .wanted = true, .max = LARGE };
    struct play *play = calloc(1, sizeof *play);
    struct config config = stage_config();

    assert_non_null(play);
    play->large = malloc(LARGE);
    assert_non_null(play->large);
    memset(play->large, 'x', LARGE);
    struct endpoints *endpoints = &play->app.endpoints;
    endpoints_init(endpoints);
    endpoints_add(endpoints, "GET", "/sleep", sleep_first, play);
    endpoints_add(endpoints, "POST", "/sleep", sleep_first, play);
    endpoints_add(endpoints, "GET", "/tick", tick_first, play);
    endpoints_add(endpoints, "GET", "/unset", unset, play);
    endpoints_add(endpoints, "GET", "/wait", wait_to_be_told, play);
    endpoints_add(endpoints, "GET", "/tell", tell_all, play);
    endpoints_add_body(endpoints, "POST", "/now", &whole, keep_and_finish, play);
    config.app = &play->app;
    play->stage = stage_open(&config);
    return play;
}

static void play_close(struct play *play)
{
    stage_close(play->stage);
    endpoints_release(&play->app.endpoints);
    free(play->large);
    free(play);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"

static void expect_late(struct client *client, bool head_only)
{
    struct answer answer = client_answer(client, head_only);

    assert_int_equal(answer.status, 202);
    assert_true(str_equal(answer_field(&answer, "X-Early"), STR("yes")));
    assert_true(str_equal(answer_field(&answer, "X-Late"), STR("yes")));
    assert_int_equal(answer.length, 4);
}

static void expect_body(struct client *client, const char *body)
{
    struct answer answer = client_answer(client, false);

    assert_int_equal(answer.status, 200);
    assert_true(str_equal(answer.body, str_from(body)));
}

static void a_timer_is_waited_for(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/sleep?ms=1000"));

    (void)state;
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 999);
    assert_int_equal(play->ticks, 0);
    stage_pass(play->stage, 1);
    assert_int_equal(play->ticks, 1);
    expect_late(client, false);
    client_more(client, "HEAD /sleep?ms=0 HTTP/1.1\r\nHost: h\r\n\r\n");
    stage_pass(play->stage, 1);
    expect_late(client, true);
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void timers_are_called_in_their_order(void **state)
{
    struct play *play = play_open();
    struct client *slow = client_visit(play->stage, GET("/sleep?ms=300"));
    struct client *quick = client_visit(play->stage, GET("/sleep?ms=100"));
    struct client *middle = client_visit(play->stage, GET("/sleep?ms=200"));

    (void)state;
    stage_pass(play->stage, 100);
    expect_late(quick, false);
    client_gets_nothing(middle, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 100);
    expect_late(middle, false);
    client_gets_nothing(slow, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 100);
    expect_late(slow, false);
    play_close(play);
}

static void a_timer_may_be_set_again(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/tick"));

    (void)state;
    for (int i = 1; i <= 3; i++) {
        client_gets_nothing(client, FAKE_SAW_NOTHING);
        stage_pass(play->stage, 10);
        assert_int_equal(play->ticks, i);
    }
    expect_body(client, "3 ticks");
    play_close(play);
}

static void a_timer_may_be_taken_back(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/unset"));

    (void)state;
    stage_pass(play->stage, 5);
    assert_int_equal(ringlet_reply_timer(play->waiters[0], 7, say_late), 0);
    stage_settle(play->stage);
    assert_int_equal(ringlet_reply_timer(play->waiters[0], 5, NULL), 0);
    stage_settle(play->stage);
    stage_pass(play->stage, 7);
    assert_int_equal(play->ticks, 0);
    ringlet_reply_send(play->waiters[0], "ok", 2);
    stage_settle(play->stage);
    expect_body(client, "ok");
    play_close(play);
}

/* What comes behind a late reply waits for it, and what comes before does not. */
static void pipelined_requests_keep_their_order(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, GET("/hello.txt") GET("/sleep?ms=50") GET("/small.css")
                                      GET("/sleep?ms=50") GET("/none") GET("/tell"));

    (void)state;
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 50);
    expect_late(client, false);
    client_gets_file(client, FILE_SMALL);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 50);
    expect_late(client, false);
    client_gets_plain(client, 404);
    expect_body(client, "told");
    play_close(play);
}

static void another_handler_may_finish_it(void **state)
{
    struct play *play = play_open();
    struct client *clients[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        clients[i] = client_visit(play->stage, GET("/wait"));
    struct client *teller = client_visit(play->stage, GET("/wait") GET("/hello.txt"));
    expect_body(client_visit(play->stage, GET("/tell")), "told");
    for (int i = 0; i < 3; i++)
        assert_int_equal(client_answer(clients[i], false).length, LARGE);
    assert_int_equal(client_answer(teller, false).length, LARGE);
    client_gets_file(teller, FILE_HELLO);
    assert_int_equal(play->released, 4);
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void it_may_be_finished_at_once(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, "POST /now HTTP/1.1\r\nHost: h\r\n"
                                                      "Content-Length: 3\r\n\r\nabc" GET("/tell"));

    (void)state;
    expect_body(client, "abc");
    expect_body(client, "told");
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void a_body_may_follow_a_late_reply(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, "POST /sleep?ms=50 HTTP/1.1\r\nHost: h\r\n"
                                  "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");

    (void)state;
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 50);
    expect_late(client, false);
    client_more(client, "abc" GET("/tell"));
    expect_body(client, "told");
    play_close(play);
}

static void what_is_said_twice_is_reported(void **state)
{
    struct play *play = play_open();
    struct ear ear;

    (void)state;
    ear_open(&ear);
    struct client *client = client_visit(play->stage, GET("/sleep?ms=1"));
    stage_pass(play->stage, 1);
    expect_late(client, false);
    assert_string_equal(ear_close(&ear),
                        "ringlet: GET /sleep: the handler has replied more than once; the first "
                        "reply counts\n");
    play_close(play);
}

/* Nothing would ever finish it; one that waits for its timer is another matter. */
static void what_is_forgotten_is_reported(void **state)
{
    struct play *play = play_open();
    struct ear ear;
    struct client *client = client_visit(play->stage, GET("/wait"));
    struct client *waits = client_visit(play->stage, GET("/sleep?ms=100000"));

    (void)state;
    ear_open(&ear);
    stage_pass(play->stage, RINGLET_UNFINISHED_MS - 1);
    assert_string_equal(ear_close(&ear), "");
    ear_open(&ear);
    stage_pass(play->stage, 1);
    stage_pass(play->stage, 30000);
    assert_string_equal(ear_close(&ear),
                        "ringlet: GET /wait: the handler has kept a reply for a minute and "
                        "waits for nothing to finish it\n");
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    expect_body(client_visit(play->stage, GET("/tell")), "told");
    assert_int_equal(client_answer(client, false).length, LARGE);
    stage_pass(play->stage, 10000);
    expect_late(waits, false);
    play_close(play);
}

static void a_client_that_goes_is_told(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/sleep?ms=1000") GET("/hello.txt"));

    (void)state;
    assert_int_equal(play->gone, 0);
    fake_peer_reset(client->peer);
    stage_settle(play->stage);
    assert_int_equal(play->gone, 1);
    stage_pass(play->stage, 1000);
    assert_int_equal(play->ticks, 0);
    play_close(play);
}

/* It may still read: the answer goes out. */
static void a_client_that_has_finished_is_answered(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    client->finishes = true;
    client_say(client, GET("/sleep?ms=1000"));
    stage_settle(play->stage);
    stage_pass(play->stage, 1000);
    expect_late(client, false);
    client_gets_nothing(client, FAKE_SAW_FIN);
    assert_int_equal(play->gone, 0);
    play_close(play);
}

static void a_drain_waits_and_a_stop_does_not(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, GET("/sleep?ms=1000"));

    (void)state;
    client_visit(play->stage, GET("/wait"));
    loop_drain(&play->stage->loop);
    stage_pass(play->stage, 1000);
    struct answer answer = client_answer(client, false);
    assert_true(answer.closes);
    loop_stop(&play->stage->loop);
    assert_int_equal(play->gone, 1);
    while (!loop_is_over(&play->stage->loop))
        stage_turn(play->stage, false);
    stage_free(play->stage);
    endpoints_release(&play->app.endpoints);
    free(play->large);
    free(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_is_waited_for),
        cmocka_unit_test(timers_are_called_in_their_order),
        cmocka_unit_test(a_timer_may_be_set_again),
        cmocka_unit_test(a_timer_may_be_taken_back),
        cmocka_unit_test(pipelined_requests_keep_their_order),
        cmocka_unit_test(another_handler_may_finish_it),
        cmocka_unit_test(it_may_be_finished_at_once),
        cmocka_unit_test(a_body_may_follow_a_late_reply),
        cmocka_unit_test(what_is_said_twice_is_reported),
        cmocka_unit_test(what_is_forgotten_is_reported),
        cmocka_unit_test(a_client_that_goes_is_told),
        cmocka_unit_test(a_client_that_has_finished_is_answered),
        cmocka_unit_test(a_drain_waits_and_a_stop_does_not),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

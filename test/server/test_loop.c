/* server/loop.c: admission, running out of descriptors, drains and stops. */
#include "stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"
#define HUGE  "GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n"

static struct stage *calm_with(uint32_t max_conns)
{
    struct config config = stage_config();

    config.max_conns = max_conns;
    return stage_open(&config);
}

static struct stage *calm(void)
{
    return calm_with(STAGE_CLIENTS_MAX);
}

/* --- an engine that watches, and holds back file operations --- */

static int last_timeout_ms;
static bool hold_files;
static struct io_file_op *held_file;

static int spy_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    last_timeout_ms = timeout_ms;
    return fake_io_engine.wait(io, events, max, timeout_ms);
}

static void spy_file(struct io *io, struct io_file_op *op)
{
    if (hold_files && !held_file)
        held_file = op;
    else
        fake_io_engine.file(io, op);
}

static struct stage *spied(struct io_engine *spy)
{
    struct stage *stage = calm();

    *spy = fake_io_engine;
    spy->wait = spy_wait;
    spy->file = spy_file;
    hold_files = false;
    held_file = NULL;
    stage->loop.core.source.engine = spy;
    return stage;
}

/* --- being there --- */

static void an_idle_loop_sleeps_for_ever(void **state)
{
    struct io_engine spy;
    struct stage *stage = spied(&spy);

    (void)state;
    struct client *client = client_visit(stage, HELLO);
    client_gets_file(client, FILE_HELLO);
    stage_turn(stage, true);
    assert_int_equal(last_timeout_ms, (int)stage->config.idle_ms);
    client_leave(client);
    stage_settle(stage);
    assert_int_equal(stage->loop.core.conn_count, 0);
    stage_turn(stage, true);
    assert_int_equal(last_timeout_ms, -1);
    stage_close(stage);
}

static void orders_are_noticed(void **state)
{
    struct stage *stage = calm();
    const uint64_t one = 1;

    (void)state;
    assert_false(stage->loop.ordered);
    assert_int_equal(write(stage->orders, &one, sizeof one), sizeof one);
    loop_turn(&stage->loop);
    assert_true(stage->loop.ordered);
    stage_close(stage);
}

static int refuse_to_open(struct io **io, const struct io_config *config)
{
    (void)io;
    (void)config;
    return -EPERM;
}

static void an_engine_that_cannot_be_had(void **state)
{
    struct io_engine broken = fake_io_engine;
    const struct config config = stage_config();
    struct loop *loop = malloc(sizeof *loop);
    struct stage *stage = calm();
    struct loop_setup setup = stage->loop.setup;

    (void)state;
    assert_non_null(loop);
    broken.open = refuse_to_open;
    setup.config = &config;
    setup.engine = &broken;
    assert_int_equal(loop_init(loop, &setup), -EPERM);
    free(loop); /* nothing else is left: the leak checker looks */
    stage_close(stage);
}

/* --- drains --- */

static void a_drain_with_nobody_there_is_over_at_once(void **state)
{
    struct stage *stage = calm();

    (void)state;
    assert_false(loop_is_over(&stage->loop));
    loop_drain(&stage->loop);
    stage_settle(stage);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 0);
    stage_free(stage);
}

static void a_drain_lets_everybody_finish(void **state)
{
    struct stage *stage = calm();
    struct client *idle = client_visit(stage, HELLO);
    struct client *asking = client_visit(stage, "GET /hello.txt HTTP/1.1\r\n");
    struct client *reading = client_slow(stage);
    struct client *queued = client_open(stage);

    (void)state;
    client_gets_file(idle, FILE_HELLO);
    client_say(queued, HELLO HELLO);
    loop_drain(&stage->loop);
    loop_drain(&stage->loop);
    stage_settle(stage);
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    /* One that was in the queue is answered, once. */
    assert_true(client_gets_file(queued, FILE_HELLO));
    client_gets_nothing(queued, FAKE_SAW_FIN);
    /* An idle one has a moment for a request that is on its way. */
    stage_pass(stage, ENTRANCE_DRAIN_IDLE_MS - 1);
    client_gets_nothing(idle, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    client_gets_nothing(idle, FAKE_SAW_FIN);
    /* One that has begun to ask may finish. */
    client_more(asking, "Host: h\r\n\r\n");
    assert_true(client_gets_file(asking, FILE_HELLO));
    client_gets_nothing(asking, FAKE_SAW_FIN);
    assert_false(loop_is_over(&stage->loop));
    /* An answer that was begun comes whole. It did not say that it was the last one. */
    reading->read_max = SIZE_MAX;
    stage_settle(stage);
    assert_false(client_gets_file(reading, FILE_HUGE));
    stage_pass(stage, ENTRANCE_DRAIN_IDLE_MS);
    client_gets_nothing(reading, FAKE_SAW_FIN);
    for (unsigned i = 0; i < stage->client_count; i++)
        client_leave(stage->clients[i]);
    stage_settle(stage);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 0);
    stage_free(stage);
}

static void a_request_in_the_last_moment_is_answered(void **state)
{
    struct stage *stage = calm();
    struct client *client = client_visit(stage, HELLO);

    (void)state;
    client_gets_file(client, FILE_HELLO);
    loop_drain(&stage->loop);
    stage_pass(stage, ENTRANCE_DRAIN_IDLE_MS - 1);
    client_more(client, HELLO);
    assert_true(client_gets_file(client, FILE_HELLO));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

static void those_who_wait_for_a_place_are_served_in_a_drain(void **state)
{
    struct stage *stage = calm_with(1);
    struct client *first = client_visit(stage, HELLO);
    struct client *second = client_visit(stage, HELLO);
    struct client *third = client_visit(stage, HELLO);

    (void)state;
    client_gets_file(first, FILE_HELLO);
    client_gets_nothing(second, FAKE_SAW_NOTHING);
    loop_drain(&stage->loop);
    stage_pass(stage, ENTRANCE_DRAIN_IDLE_MS);
    client_gets_nothing(first, FAKE_SAW_FIN);
    client_leave(first);
    stage_settle(stage);
    assert_true(client_gets_file(second, FILE_HELLO));
    client_leave(second);
    stage_settle(stage);
    assert_true(client_gets_file(third, FILE_HELLO));
    stage_close(stage);
}

static void a_drain_ends_when_its_time_is_up(void **state)
{
    struct config config = stage_config();

    (void)state;
    config.write_ms = 10 * config.drain_ms;
    struct stage *stage = stage_open(&config);
    struct client *stalled = client_slow(stage);
    struct client *other = client_slow(stage);
    loop_drain(&stage->loop);
    stage_pass(stage, config.drain_ms - 1);
    assert_false(loop_is_over(&stage->loop));
    assert_int_equal(stage->loop.stage, LOOP_DRAINING);
    stage_pass(stage, 1);
    assert_int_equal(stage->loop.stage, LOOP_STOPPING);
    assert_int_equal(stalled->saw, FAKE_SAW_RST);
    assert_int_equal(other->saw, FAKE_SAW_RST);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 2);
    stage_free(stage);
}

/* --- stops --- */

static void a_stop_cuts_everybody(void **state)
{
    struct stage *stage = calm_with(3);
    struct client *idle = client_visit(stage, HELLO);
    struct client *reading = client_slow(stage);
    struct client *asking = client_visit(stage, "GET ");

    (void)state;
    client_visit(stage, HELLO); /* waits for a place */
    loop_stop(&stage->loop);
    stage_settle(stage);
    assert_int_equal(idle->saw, FAKE_SAW_RST);
    assert_int_equal(reading->saw, FAKE_SAW_RST);
    assert_int_equal(asking->saw, FAKE_SAW_RST);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 4);
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    stage_free(stage);
}

static void a_stop_cuts_those_in_the_queue(void **state)
{
    struct stage *stage = calm();

    (void)state;
    client_say(client_open(stage), HELLO);
    loop_stop(&stage->loop);
    stage_settle(stage);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 1);
    stage_free(stage);
}

static void a_stop_in_a_drain_does_not_wait(void **state)
{
    struct stage *stage = calm();

    (void)state;
    client_slow(stage);
    loop_drain(&stage->loop);
    stage_settle(stage);
    loop_stop(&stage->loop);
    stage_settle(stage);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 1);
    stage_free(stage);
}

static void a_stop_while_waiting_for_descriptors(void **state)
{
    struct stage *stage = calm();

    (void)state;
    fake_io_fail_accept(stage->io, ENFILE, 1);
    client_visit(stage, HELLO);
    assert_true(stage->loop.entrance.doors[0].retry_ms > 0);
    loop_stop(&stage->loop);
    stage_settle(stage);
    assert_true(loop_is_over(&stage->loop));
    stage_free(stage);
}

/* A disk that does not answer: the client is cut, the process may end, but memory must stay. */
static void a_disk_that_does_not_answer_holds_nobody_up(void **state)
{
    struct io_engine spy;
    struct stage *stage = spied(&spy);

    (void)state;
    struct client *hot = client_visit(stage, HELLO);
    client_gets_file(hot, FILE_HELLO);
    hold_files = true;
    struct client *cold = client_visit(stage, "GET /small.css HTTP/1.1\r\nHost: h\r\n\r\n" HELLO);
    assert_non_null(held_file);
    client_more(hot, HELLO);
    client_gets_file(hot, FILE_HELLO);
    client_gets_nothing(cold, FAKE_SAW_NOTHING);

    loop_stop(&stage->loop);
    stage_pass(stage, LOOP_STOP_MS - 1);
    assert_false(loop_is_over(&stage->loop));
    stage_pass(stage, 1);
    assert_true(loop_is_over(&stage->loop));
    assert_int_equal(loop_cut(&stage->loop), 2);
    assert_false(loop_release(&stage->loop));

    hold_files = false; /* it answers after all */
    fake_io_engine.file(stage->io, held_file);
    stage_settle(stage);
    stage_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_loop_sleeps_for_ever),
        cmocka_unit_test(orders_are_noticed),
        cmocka_unit_test(an_engine_that_cannot_be_had),
        cmocka_unit_test(a_drain_with_nobody_there_is_over_at_once),
        cmocka_unit_test(a_drain_lets_everybody_finish),
        cmocka_unit_test(a_request_in_the_last_moment_is_answered),
        cmocka_unit_test(those_who_wait_for_a_place_are_served_in_a_drain),
        cmocka_unit_test(a_drain_ends_when_its_time_is_up),
        cmocka_unit_test(a_stop_cuts_everybody),
        cmocka_unit_test(a_stop_cuts_those_in_the_queue),
        cmocka_unit_test(a_stop_in_a_drain_does_not_wait),
        cmocka_unit_test(a_stop_while_waiting_for_descriptors),
        cmocka_unit_test(a_disk_that_does_not_answer_holds_nobody_up),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

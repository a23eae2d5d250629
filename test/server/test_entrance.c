/* server/entrance.c: who comes in when places or descriptors are short. */
#include "stage.h"

#include "server/listener.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

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

/* Somebody who asks for more than fits and reads none of it. */

/* --- places --- */

static void those_without_a_place_wait_for_one(void **state)
{
    enum { PLACES = 4, ALL = 20 };
    struct stage *stage = calm_with(PLACES);
    struct client *clients[ALL];
    unsigned served = 0;

    (void)state;
    for (int i = 0; i < ALL; i++)
        clients[i] = client_visit(stage, HELLO);
    assert_int_equal(stage->loop.core.conn_count, PLACES);
    for (int i = 0; i < PLACES; i++)
        client_gets_file(clients[i], FILE_HELLO);
    for (int i = PLACES; i < ALL; i++)
        client_gets_nothing(clients[i], FAKE_SAW_NOTHING);

    client_leave(clients[2]); /* the longest waiting one gets its place */
    stage_settle(stage);
    client_gets_file(clients[PLACES], FILE_HELLO);
    client_gets_nothing(clients[PLACES + 1], FAKE_SAW_NOTHING);

    /* Idle ones make room in time, in order, for all of them. */
    for (served = PLACES + 1; served < ALL;) {
        for (unsigned i = 0; i < served; i++)
            if (clients[i]->saw == FAKE_SAW_FIN)
                client_leave(clients[i]);
        stage_pass(stage, ENTRANCE_CROWDED_IDLE_MS);
        while (served < ALL && clients[served]->in_len > 0)
            client_gets_file(clients[served++], FILE_HELLO);
        assert_true(fake_io_clock_ms(stage->io) < 1000000 + 60 * ENTRANCE_CROWDED_IDLE_MS);
    }
    stage_close(stage);
}

static void nobody_is_hurried_while_there_is_room(void **state)
{
    struct stage *stage = calm_with(2);
    struct client *client = client_visit(stage, HELLO);

    (void)state;
    stage_pass(stage, 10 * ENTRANCE_CROWDED_IDLE_MS);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void busy_ones_keep_their_place(void **state)
{
    struct stage *stage = calm_with(2);
    struct client *busy = client_slow(stage);
    struct client *idle = client_visit(stage, HELLO);
    struct client *waiting = client_visit(stage, HELLO);

    (void)state;
    client_gets_file(idle, FILE_HELLO);
    stage_pass(stage, ENTRANCE_CROWDED_IDLE_MS);
    client_gets_nothing(idle, FAKE_SAW_FIN);
    client_leave(idle);
    stage_settle(stage);
    client_gets_file(waiting, FILE_HELLO);
    busy->read_max = SIZE_MAX;
    stage_settle(stage);
    client_gets_file(busy, FILE_HUGE);
    client_gets_nothing(busy, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* --- running out of descriptors --- */

static void accepting_is_tried_again_in_a_while(void **state)
{
    struct stage *stage = calm();

    (void)state;
    fake_io_fail_accept(stage->io, EMFILE, 2);
    struct client *first = client_visit(stage, HELLO);
    struct client *second = client_visit(stage, HELLO);
    struct client *third = client_visit(stage, HELLO);
    client_gets_file(first, FILE_HELLO);
    stage_pass(stage, ENTRANCE_RETRY_MS - 1);
    client_gets_nothing(second, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    client_gets_file(second, FILE_HELLO);
    client_gets_file(third, FILE_HELLO);
    stage_close(stage);
}

static void a_drain_without_descriptors_still_empties_the_queue(void **state)
{
    struct stage *stage = calm();
    struct client *client = client_open(stage);

    (void)state;
    fake_io_fail_accept(stage->io, EMFILE, 1);
    client_say(client, HELLO);
    loop_drain(&stage->loop);
    stage_settle(stage);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    assert_true(stage->loop.entrance.doors[0].listener >= 0);
    stage_pass(stage, ENTRANCE_RETRY_MS);
    assert_true(client_gets_file(client, FILE_HELLO));
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

static void a_drain_while_waiting_for_descriptors(void **state)
{
    struct stage *stage = calm();

    (void)state;
    fake_io_fail_accept(stage->io, EMFILE, 1);
    struct client *client = client_visit(stage, HELLO);
    assert_true(stage->loop.entrance.doors[0].retry_ms > 0);
    loop_drain(&stage->loop);
    stage_settle(stage);
    assert_true(client_gets_file(client, FILE_HELLO));
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    stage_close(stage);
}

/* --- a drain, and those who are connected and have sent nothing --- */

/* Its listener is a real one from now on. Returns somebody connected to it. */
static int put_newcomer(struct stage *stage)
{
    struct sockaddr_storage address;
    struct sentence why;
    socklen_t len;
    uint16_t port = 0;
    int listener, client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(listener_open_all("127.0.0.1", &port, &listener, 1, &why), 0);
    assert_true(listener_address("127.0.0.1", port, &address, &len));
    assert_int_equal(connect(client, (const struct sockaddr *)&address, len), 0);
    assert_true(dup2(listener, stage->loop.entrance.doors[0].listener) >= 0);
    close(listener);
    return client;
}

static void a_drain_waits_for_newcomers(void **state)
{
    struct stage *stage = calm();
    int newcomer = put_newcomer(stage);

    (void)state;
    loop_drain(&stage->loop);
    stage_settle(stage);
    assert_true(stage->loop.entrance.doors[0].listener >= 0);
    struct client *client = client_visit(stage, HELLO);
    assert_true(client_gets_file(client, FILE_HELLO));

    close(newcomer);
    stage_pass(stage, ENTRANCE_NEWCOMERS_MS);
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    stage_close(stage);
}

static void a_drain_does_not_wait_for_ever(void **state)
{
    struct stage *stage = calm();
    int newcomer = put_newcomer(stage);

    (void)state;
    loop_drain(&stage->loop);
    for (int left = ENTRANCE_NEWCOMERS_MS; left > 0; left -= ENTRANCE_NEWCOMERS_STEP_MS) {
        assert_true(stage->loop.entrance.doors[0].listener >= 0);
        assert_in_range(entrance_wait_ms(&stage->loop.entrance), 0, ENTRANCE_NEWCOMERS_STEP_MS);
        stage_pass(stage, ENTRANCE_NEWCOMERS_STEP_MS);
    }
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    close(newcomer);
    stage_close(stage);
}

/* Accepting fails meanwhile, and is tried again. */
static void a_drain_with_newcomers_and_no_descriptors(void **state)
{
    struct stage *stage = calm();
    int newcomer = put_newcomer(stage);

    (void)state;
    loop_drain(&stage->loop);
    fake_io_fail_accept(stage->io, EMFILE, 1);
    struct client *client = client_visit(stage, HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(stage, ENTRANCE_RETRY_MS);
    assert_true(client_gets_file(client, FILE_HELLO));
    assert_true(stage->loop.entrance.doors[0].listener >= 0);
    close(newcomer);
    stage_pass(stage, ENTRANCE_NEWCOMERS_MS);
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    stage_close(stage);
}

static void a_stop_waits_for_nobody(void **state)
{
    struct stage *stage = calm();
    int newcomer = put_newcomer(stage);

    (void)state;
    loop_drain(&stage->loop);
    loop_stop(&stage->loop);
    stage_settle(stage);
    assert_int_equal(stage->loop.entrance.doors[0].listener, -1);
    close(newcomer);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_without_a_place_wait_for_one),
        cmocka_unit_test(nobody_is_hurried_while_there_is_room),
        cmocka_unit_test(busy_ones_keep_their_place),
        cmocka_unit_test(accepting_is_tried_again_in_a_while),
        cmocka_unit_test(a_drain_without_descriptors_still_empties_the_queue),
        cmocka_unit_test(a_drain_while_waiting_for_descriptors),
        cmocka_unit_test(a_drain_waits_for_newcomers),
        cmocka_unit_test(a_drain_does_not_wait_for_ever),
        cmocka_unit_test(a_drain_with_newcomers_and_no_descriptors),
        cmocka_unit_test(a_stop_waits_for_nobody),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

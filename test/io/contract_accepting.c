#include "contract.h"
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WAITING = 200 };

/* Attach everything that was accepted; which peer belongs to which is not known, so they are only
 * reset. */
static void attach_accepted(struct rig *rig)
{
    struct wire *wire = rig->wires;

    for (unsigned i = 0; i < rig->accepted_count; i++, wire++) {
        while (wire->attached)
            wire++;
        wire_attach(rig, wire, NULL, rig->accepted[i]);
    }
    rig->accepted_count = 0;
}

static void connect_many(struct rig *rig, struct peer **peers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        peers[i] = rig->peers->connect(rig->io, rig->listener);
}

static void finish_many(struct rig *rig, struct peer **peers, unsigned count)
{
    attach_accepted(rig);
    for (unsigned i = 0; i < count; i++)
        rig->peers->close(peers[i]);
}

static void accept_takes_all_that_come(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct peer *peers[WAITING];

    (void)state;
    for (unsigned i = 0; i < WAITING; i += 20) {
        connect_many(rig, peers + i, 20);
        RIG_UNTIL(rig, rig->accepted_count == i + 20);
    }
    finish_many(rig, peers, WAITING);
    rig_close(rig);
}

static void stop_accept_first_takes_what_waits(void **state)
{
    struct rig *rig = rig_open(RIG_BUFFERS);
    struct peer *peers[WAITING];

    (void)state;
    connect_many(rig, peers, WAITING);
    rig_accept(rig);
    rig->engine->stop_accept(rig->io, rig->listener);
    RIG_UNTIL(rig, !rig->accepting);
    assert_int_equal(rig->accept_result, 0);
    assert_int_equal(rig->accepted_count, WAITING);
    finish_many(rig, peers, WAITING);
    rig_close(rig);
}

static void stop_accept_under_way_takes_what_waits(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct peer *peers[WAITING];

    (void)state;
    rig_settle(rig);
    connect_many(rig, peers, WAITING / 2);
    rig_turn(rig, 5);
    connect_many(rig, peers + WAITING / 2, WAITING / 2);
    rig->engine->stop_accept(rig->io, rig->listener);
    RIG_UNTIL(rig, !rig->accepting);
    assert_int_equal(rig->accept_result, 0);
    assert_int_equal(rig->accepted_count, WAITING);
    finish_many(rig, peers, WAITING);
    rig_close(rig);
}

static void after_accept_stopped_nothing_is_accepted_until_accept(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 5; round++) {
        rig->engine->stop_accept(rig->io, rig->listener);
        RIG_UNTIL(rig, !rig->accepting);
        struct peer *peer = rig->peers->connect(rig->io, rig->listener);
        rig_settle(rig);
        assert_int_equal(rig->accepted_count, 0);
        rig_accept(rig);
        RIG_UNTIL(rig, rig->accepted_count == 1);
        attach_accepted(rig);
        wire_finish(rig, &rig->wires[0]);
        rig->peers->close(peer);
    }
    rig_close(rig);
}

static void without_descriptors_accepting_stops_once_and_loses_nothing(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct peer *peers[3];

    (void)state;
    rig_settle(rig);
    for (int round = 0; round < 3; round++) {
        connect_many(rig, peers, 3);
        rig->peers->take_descriptors(rig->io);
        RIG_UNTIL(rig, !rig->accepting);
        assert_int_equal(rig->accept_result, -EMFILE);
        rig_settle(rig); /* the rig fails on a second IO_ACCEPT_STOPPED */
        rig_expect_sleep(rig);

        rig->peers->return_descriptors(rig->io);
        rig_accept(rig);
        RIG_UNTIL(rig, rig->accepted_count == 3);
        attach_accepted(rig);
        for (int i = 0; i < 3; i++) {
            wire_finish(rig, &rig->wires[i]);
            rig->peers->close(peers[i]);
        }
    }
    rig_close(rig);
}

/* The batch in hand may hold that accepting stopped by itself when stop_accept is called: there is
 * one IO_ACCEPT_STOPPED for each accept. */
static void stop_accept_after_accept_stopped_by_itself_is_harmless(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct peer *peer = rig->peers->connect(rig->io, rig->listener);

    (void)state;
    rig->peers->take_descriptors(rig->io);
    RIG_UNTIL(rig, !rig->accepting);
    assert_int_equal(rig->accept_result, -EMFILE);
    rig->engine->stop_accept(rig->io, rig->listener);
    rig_settle(rig); /* no further IO_ACCEPT_STOPPED */
    rig->peers->return_descriptors(rig->io);
    rig_accept(rig);
    RIG_UNTIL(rig, rig->accepted_count == 1);
    finish_many(rig, &peer, 1);
    rig_close(rig);
}

/* A connection that was reset while it waited is accepted or not, but never an end of accepting. */
static void a_connection_that_died_in_the_queue_does_no_harm(void **state)
{
    struct rig *rig = rig_open(RIG_BUFFERS);
    struct peer *peers[20];

    (void)state;
    connect_many(rig, peers, 20);
    for (unsigned i = 0; i < 20; i += 2)
        rig->peers->reset(peers[i]);
    rig_accept(rig);
    RIG_UNTIL(rig, rig->accepted_count >= 10);
    rig_settle(rig);
    assert_true(rig->accepting);
    finish_many(rig, peers, 20);
    rig_close(rig);
}

int contract_accepting(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_takes_all_that_come),
        cmocka_unit_test(stop_accept_first_takes_what_waits),
        cmocka_unit_test(stop_accept_under_way_takes_what_waits),
        cmocka_unit_test(after_accept_stopped_nothing_is_accepted_until_accept),
        cmocka_unit_test(without_descriptors_accepting_stops_once_and_loses_nothing),
        cmocka_unit_test(stop_accept_after_accept_stopped_by_itself_is_harmless),
        cmocka_unit_test(a_connection_that_died_in_the_queue_does_no_harm),
    };

    return cmocka_run_group_tests_name("accepting", tests, NULL, NULL);
}

#include "contract.h"
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * KIB };

/* --- clause 7: after close, one IO_CLOSED (the rig fails on anything else) --- */

static void close_while_the_peer_writes(enum io_close_how how)
{
    struct rig *rig = rig_open_accepting();

    for (int round = 0; round < 20; round++) {
        struct wire *wire = wire_open(rig);
        for (uint64_t n = rig_random(rig, 20); n > 0; n--) {
            wire_write(rig, wire, 16384);
            rig_turn(rig, 0);
        }
        wire_write(rig, wire, 16384);
        wire_close(rig, wire, how);
        for (int i = 0; i < 10; i++) {
            wire_write(rig, wire, 16384);
            rig_turn(rig, 0);
        }
        if (how == IO_CLOSE_LINGER)
            rig->peers->half_close(wire->peer);
        RIG_UNTIL(rig, wire->closed == 1);
        rig_settle(rig);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

static void clause_7_silence_after_a_reset_while_receiving(void **state)
{
    (void)state;
    close_while_the_peer_writes(IO_CLOSE_RESET);
}

static void clause_7_silence_after_a_linger_while_receiving(void **state)
{
    (void)state;
    close_while_the_peer_writes(IO_CLOSE_LINGER);
}

static void clause_7_close_right_after_attach(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct wire *wire = wire_open(rig);
        wire_close(rig, wire, round % 2 ? IO_CLOSE_RESET : IO_CLOSE_LINGER);
        if (round % 2 == 0)
            rig->peers->half_close(wire->peer);
        RIG_UNTIL(rig, wire->closed == 1);
        assert_int_equal(rig->peers->saw(wire->peer), round % 2 ? PEER_SAW_RST : PEER_SAW_FIN);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

static void clause_7_close_with_a_send_in_progress(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 8; round++) {
        struct wire *wire = wire_open(rig);
        wire_send(rig, wire, 16 * MIB, 4);
        if (round % 2)
            rig_settle(rig);
        wire_close(rig, wire, IO_CLOSE_RESET);
        RIG_UNTIL(rig, wire->closed == 1);
        assert_int_equal(wire->sents, 0);
        assert_int_equal(rig->peers->saw(wire->peer), PEER_SAW_RST);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

static void clause_7_close_after_the_peer_has_gone(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct wire *wire = wire_open(rig);
        wire_write(rig, wire, 100);
        if (round % 4 >= 2)
            rig_settle(rig);
        rig->peers->reset(wire->peer);
        if (round % 8 >= 4)
            rig_settle(rig);
        wire_close(rig, wire, round % 2 ? IO_CLOSE_RESET : IO_CLOSE_LINGER);
        RIG_UNTIL(rig, wire->closed == 1);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

/* The rest of a batch may still name a socket that its first event closed; its leases must be given
 * back. What later batches bring is IO_CLOSED alone. */
static void clause_7_close_in_the_middle_of_a_batch(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct wire *wire = wire_open(rig);
        while (wire_write(rig, wire, 16384) > 0 && wire->peer_wrote < 20000)
            continue;
        for (unsigned n = 0; n == 0;) {
            n = (unsigned)rig->engine->wait(rig->io, rig->events, RIG_EVENTS, 5);
            for (unsigned i = 0; i < n; i++) {
                if (i == 0)
                    wire_close(rig, wire, IO_CLOSE_RESET);
                assert_int_equal(rig->events[i].kind, IO_RECEIVED);
                assert_ptr_equal(rig->events[i].sock, &wire->sock);
                rig->engine->give_back(rig->io, rig->events[i].lease);
            }
        }
        RIG_UNTIL(rig, wire->closed == 1);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

/* --- clause 8: a socket's lives --- */

static void clause_8_a_socket_lives_again_with_another_generation(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct wire *wire = wire_open(rig);
        uint32_t generation = wire->sock.generation;
        assert_ptr_equal(wire, &rig->wires[0]);
        assert_int_equal(wire->sock.sent, 0);
        wire_write_all(rig, wire, 500);
        wire_send(rig, wire, 700, 1);
        wire_read_all(rig, wire, 700);
        RIG_UNTIL(rig, wire->received == 500 && wire->sents == 1);
        wire_finish(rig, wire);
        assert_int_not_equal(wire->sock.generation, generation);
    }
    rig_close(rig);
}

/* Attached anew in the very turn of IO_CLOSED, while leases of earlier lives are out. */
static void clause_8_a_thousand_quick_lives_with_leases_out(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        struct wire *wire = wire_open(rig);
        wire->keeps = round % 3 == 0;
        wire_write(rig, wire, 1 + rig_random(rig, 5000));
        if (round % 2)
            rig_turn(rig, 0);
        if (round % 5 == 0)
            wire_send(rig, wire, 1 + rig_random(rig, 5000), 1);
        if (round % 7 == 0)
            rig->peers->half_close(wire->peer);
        wire_finish(rig, wire);
        while (rig->held_count > rig->config.buffers / 2)
            rig_give_back(rig, (unsigned)rig_random(rig, rig->held_count));
    }
    rig_close(rig);
}

/* --- clause 9: how it looks to the peer --- */

/* The peer goes on writing all the while, and still gets all of the answer and then a FIN. */
static void linger_after(struct rig *rig, struct wire *wire, size_t answer)
{
    wire_send(rig, wire, answer, answer > 1 ? 2 : 1);
    wire_close(rig, wire, IO_CLOSE_LINGER);
    RIG_UNTIL(rig, wire->peer_read == answer && rig->peers->saw(wire->peer) == PEER_SAW_FIN)
    {
        assert_int_not_equal(rig->peers->saw(wire->peer), PEER_SAW_RST);
        wire_write(rig, wire, 10000);
        wire_read(rig, wire, 16384);
    }
    for (int i = 0; i < 50; i++) {
        wire_write(rig, wire, 16384);
        rig_turn(rig, 1);
    }
    assert_int_equal(rig->peers->saw(wire->peer), PEER_SAW_FIN);
    assert_int_equal(wire->closed, 0);
    rig->peers->half_close(wire->peer);
    RIG_UNTIL(rig, wire->closed == 1);
    wire_finish(rig, wire);
}

static void clause_9_linger_lets_the_peer_read_everything(void **state)
{
    const size_t answers[] = { 1, 500, 100 * KIB, 4 * MIB };
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        linger_after(rig, wire_open(rig), answers[i]);
    rig_close(rig);
}

/* The peer sends nothing and goes on reading: it gets all of the answer and then a FIN, and its own
 * is not waited for. */
static void clause_9_fin_does_not_wait_for_the_peer(void **state)
{
    const size_t answers[] = { 1, 500, 100 * KIB };
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct wire *wire = wire_open(rig);
        wire_write_all(rig, wire, 300);
        wire_send(rig, wire, answers[i], 1);
        RIG_UNTIL(rig, wire->sents == 1) wire_read(rig, wire, 16384);
        wire_close(rig, wire, IO_CLOSE_FIN);
        RIG_UNTIL(rig, wire->closed == 1);
        RIG_UNTIL(rig, wire->peer_read == answers[i] && rig->peers->saw(wire->peer) == PEER_SAW_FIN)
        wire_read(rig, wire, 16384);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

/* With a send in progress it lingers: what was sent arrives, and the peer's FIN is waited for. */
static void clause_9_fin_finishes_a_send_first(void **state)
{
    const size_t answer = 4 * MIB;
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire_send(rig, wire, answer, 2);
    wire_close(rig, wire, IO_CLOSE_FIN);
    RIG_UNTIL(rig, wire->peer_read == answer && rig->peers->saw(wire->peer) == PEER_SAW_FIN)
    wire_read(rig, wire, 16384);
    assert_int_equal(wire->closed, 0);
    rig->peers->half_close(wire->peer);
    RIG_UNTIL(rig, wire->closed == 1);
    wire_finish(rig, wire);
    rig_close(rig);
}

static void clause_9_fin_after_the_peers(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 4; round++) {
        struct wire *wire = wire_open(rig);
        wire_write_all(rig, wire, 300);
        rig->peers->half_close(wire->peer);
        if (round % 2)
            RIG_UNTIL(rig, wire->ended == 1);
        wire_close(rig, wire, IO_CLOSE_FIN);
        RIG_UNTIL(rig, wire->closed == 1 && rig->peers->saw(wire->peer) == PEER_SAW_FIN);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

/* Bytes that nobody took when the socket was closed would make the kernel reset the connection. */
static void clause_9_linger_swallows_what_a_pause_held_back(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct wire *wire = wire_open(rig);
        rig->engine->pause(rig->io, &wire->sock);
        rig_settle(rig);
        for (int i = 0; i < 20; i++)
            wire_write(rig, wire, 16384);
        rig_settle(rig);
        linger_after(rig, wire, 20000);
    }
    rig_close(rig);
}

static void clause_9_linger_swallows_at_the_lease_limit(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire->keeps = true;
    for (int i = 0; i < 100; i++) {
        wire_write(rig, wire, 16384);
        rig_turn(rig, 0);
    }
    rig_settle(rig);
    assert_true(rig->held_count >= IO_SOCK_LEASES_SOFT);
    linger_after(rig, wire, 20000);
    rig_close(rig);
}

static void clause_9_linger_swallows_when_every_buffer_is_lent(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig), *others[12];

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        others[i] = wire_open(rig);
        others[i]->keeps = true;
    }
    RIG_UNTIL(rig, rig->held_count == rig->config.buffers)
    for (size_t i = 0; i < 12; i++)
        wire_write(rig, others[i], 16384);
    wire_write(rig, wire, 16384);
    rig_settle(rig);
    linger_after(rig, wire, 20000);
    rig_close(rig);
}

static void clause_9_linger_ends_when_the_peer_has_ended_before(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 4; round++) {
        struct wire *wire = wire_open(rig);
        wire_write_all(rig, wire, 300);
        rig->peers->half_close(wire->peer);
        if (round % 2)
            RIG_UNTIL(rig, wire->ended == 1);
        wire_send(rig, wire, 30000, 1);
        wire_close(rig, wire, IO_CLOSE_LINGER);
        wire_read_all(rig, wire, 30000);
        RIG_UNTIL(rig, wire->closed == 1);
        assert_int_equal(rig->peers->saw(wire->peer), PEER_SAW_FIN);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

static void clause_9_linger_ends_when_the_peer_resets(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 4; round++) {
        struct wire *wire = wire_open(rig);
        if (round % 2)
            wire_send(rig, wire, 16 * MIB, 1);
        wire_close(rig, wire, IO_CLOSE_LINGER);
        rig_settle(rig);
        rig_expect_sleep(rig);
        assert_int_equal(wire->closed, 0);
        rig->peers->reset(wire->peer);
        RIG_UNTIL(rig, wire->closed == 1);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

static void clause_9_reset_is_seen_as_a_reset(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 8; round++) {
        struct wire *wire = wire_open(rig);
        if (round % 2)
            wire_write_all(rig, wire, 3000);
        if (round % 4 >= 2)
            wire_send(rig, wire, 3000, 1);
        if (round % 8 >= 4)
            rig_settle(rig);
        wire_close(rig, wire, IO_CLOSE_RESET);
        RIG_UNTIL(rig, rig->peers->saw(wire->peer) == PEER_SAW_RST);
        RIG_UNTIL(rig, wire->closed == 1);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

/* While the answer is stuck; while only the peer's FIN is missing; at once. */
static void clause_9_linger_may_become_a_reset(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 6; round++) {
        struct wire *wire = wire_open(rig);
        if (round % 3 == 0)
            wire_send(rig, wire, 16 * MIB, 1);
        wire_close(rig, wire, IO_CLOSE_LINGER);
        if (round % 3 != 2)
            rig_settle(rig);
        assert_int_equal(wire->closed, 0);
        wire_close(rig, wire, IO_CLOSE_RESET);
        RIG_UNTIL(rig, wire->closed == 1);
        RIG_UNTIL(rig, rig->peers->saw(wire->peer) == PEER_SAW_RST);
        rig_settle(rig);
        assert_int_equal(wire->closed, 1);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

int contract_closing(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clause_7_silence_after_a_reset_while_receiving),
        cmocka_unit_test(clause_7_silence_after_a_linger_while_receiving),
        cmocka_unit_test(clause_7_close_right_after_attach),
        cmocka_unit_test(clause_7_close_with_a_send_in_progress),
        cmocka_unit_test(clause_7_close_after_the_peer_has_gone),
        cmocka_unit_test(clause_7_close_in_the_middle_of_a_batch),
        cmocka_unit_test(clause_8_a_socket_lives_again_with_another_generation),
        cmocka_unit_test(clause_8_a_thousand_quick_lives_with_leases_out),
        cmocka_unit_test(clause_9_linger_lets_the_peer_read_everything),
        cmocka_unit_test(clause_9_fin_does_not_wait_for_the_peer),
        cmocka_unit_test(clause_9_fin_finishes_a_send_first),
        cmocka_unit_test(clause_9_fin_after_the_peers),
        cmocka_unit_test(clause_9_linger_swallows_what_a_pause_held_back),
        cmocka_unit_test(clause_9_linger_swallows_at_the_lease_limit),
        cmocka_unit_test(clause_9_linger_swallows_when_every_buffer_is_lent),
        cmocka_unit_test(clause_9_linger_ends_when_the_peer_has_ended_before),
        cmocka_unit_test(clause_9_linger_ends_when_the_peer_resets),
        cmocka_unit_test(clause_9_reset_is_seen_as_a_reset),
        cmocka_unit_test(clause_9_linger_may_become_a_reset),
    };

    return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}

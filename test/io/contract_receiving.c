#include "contract.h"
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HOLDERS = 12 };

static void clause_3_receiving_goes_on_for_10000_messages(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        wire_write_all(rig, wire, 1 + i % 97);
        if (i % 16 == 0)
            RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    }
    RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    rig_close(rig);
}

static bool all_received(const struct wire *const *wires, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (wires[i]->received != wires[i]->peer_wrote)
            return false;
    return true;
}

/* Every wire writes up to `goal` bytes, as far as that goes without an end. */
static void write_up_to(struct rig *rig, struct wire *const *wires, size_t count, uint64_t goal)
{
    for (size_t i = 0; i < count; i++)
        while (wires[i]->peer_wrote < goal &&
               wire_write(rig, wires[i], goal - wires[i]->peer_wrote) > 0)
            continue;
}

static void clause_3_starvation_is_invisible(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wires[HOLDERS];
    const uint64_t goal = 300000;

    (void)state;
    for (size_t i = 0; i < HOLDERS; i++) {
        wires[i] = wire_open(rig);
        wires[i]->keeps = true;
    }
    RIG_UNTIL(rig, rig->held_count == rig->config.buffers)
        write_up_to(rig, wires, HOLDERS, goal);
    rig_settle(rig);
    assert_int_equal(rig->engine->stats(rig->io).leases, rig->config.buffers);
    rig_expect_sleep(rig);

    RIG_UNTIL(rig, all_received((const struct wire *const *)wires, HOLDERS) &&
                       wires[0]->received == goal) {
        write_up_to(rig, wires, HOLDERS, goal);
        for (unsigned n = (unsigned)rig_random(rig, 20); n > 0 && rig->held_count > 0; n--)
            rig_give_back(rig, (unsigned)rig_random(rig, rig->held_count));
    }
    assert_true(rig->engine->stats(rig->io).starved > 0);
    rig_close(rig);
}

/* With every buffer lent, only one comes back at a time, and everybody still gets everything. */
static void clause_3_one_buffer_at_a_time_is_enough(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wires[HOLDERS];
    const uint64_t goal = 100000;

    (void)state;
    for (size_t i = 0; i < HOLDERS; i++) {
        wires[i] = wire_open(rig);
        wires[i]->keeps = true;
    }
    RIG_UNTIL(rig, rig->held_count == rig->config.buffers)
        write_up_to(rig, wires, HOLDERS, goal);
    RIG_UNTIL(rig, all_received((const struct wire *const *)wires, HOLDERS) &&
                       wires[0]->received == goal) {
        write_up_to(rig, wires, HOLDERS, goal);
        if (rig->held_count > 0)
            rig_give_back(rig, (unsigned)rig_random(rig, rig->held_count));
    }
    rig_close(rig);
}

/* Both at once, so that the engine hears of them in one report. */
static void end_after(struct rig *rig, size_t len, bool settled)
{
    struct wire *wire = wire_open(rig);

    if (settled)
        rig_settle(rig);
    while (wire->peer_wrote < len)
        wire_write(rig, wire, len - wire->peer_wrote);
    rig->peers->half_close(wire->peer);
    RIG_UNTIL(rig, wire->ended == 1);
    assert_int_equal(wire->end_result, 0);
    assert_int_equal(wire->received, len);
    wire_finish(rig, wire);
}

static void clause_3_a_fin_that_rides_with_data(void **state)
{
    const size_t lengths[] = { 0, 1, 4095, 4096, 4097, 8192, 12288 };
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        end_after(rig, lengths[i], false);
        end_after(rig, lengths[i], true);
    }
    rig_close(rig);
}

static void clause_3_after_the_end_comes_silence_and_sending_works(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire_write_all(rig, wire, 100);
    rig->peers->half_close(wire->peer);
    RIG_UNTIL(rig, wire->ended == 1);
    rig_settle(rig);
    assert_int_equal(wire->received, 100);
    wire_send(rig, wire, 5000, 3);
    wire_read_all(rig, wire, 5000);
    RIG_UNTIL(rig, wire->sents == 1);
    assert_int_equal(wire->sent_result, 0);
    assert_int_equal(wire->ended, 1);
    rig_close(rig);
}

static void clause_3_a_reset_ends_with_an_error(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int i = 0; i < 10; i++) {
        struct wire *wire = wire_open(rig);
        if (i % 2)
            wire_write(rig, wire, 3000);
        rig->peers->reset(wire->peer);
        RIG_UNTIL(rig, wire->ended == 1);
        assert_int_equal(wire->end_result, -ECONNRESET);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

/* The peer is at it before the socket is attached. */
static void clause_3_what_came_before_attach_is_received(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct peer *peer = rig->peers->connect(rig->io, rig->listener);
    char bytes[1000];

    (void)state;
    pattern_fill(bytes, 0, sizeof bytes);
    assert_int_equal(rig->peers->write(peer, bytes, sizeof bytes), sizeof bytes);
    rig->peers->half_close(peer);
    RIG_UNTIL(rig, rig->accepted_count == 1);
    rig->accepted_count = 0;
    struct wire *wire = wire_attach(rig, &rig->wires[0], peer, rig->accepted[0]);
    RIG_UNTIL(rig, wire->ended == 1);
    assert_int_equal(wire->received, sizeof bytes);
    rig_close(rig);
}

static void pause_and_fill(struct rig *rig, struct wire *wire)
{
    uint64_t before = wire->received;

    rig->engine->pause(rig->io, &wire->sock);
    rig->engine->pause(rig->io, &wire->sock);
    for (int i = 0; i < 50; i++) {
        wire_write(rig, wire, 16384);
        rig_turn(rig, 1);
    }
    rig_settle(rig);
    assert_true(wire->received - before <= IO_SOCK_LEASES_MAX * RIG_BUFFER_SIZE);
}

static void clause_3_pause_gives_silence_and_resume_the_rest(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (int round = 0; round < 5; round++) {
        pause_and_fill(rig, wire);
        uint64_t received = wire->received;
        wire_write(rig, wire, 1000);
        rig_settle(rig);
        assert_int_equal(wire->received, received);
        rig_expect_sleep(rig);
        rig->engine->resume(rig->io, &wire->sock);
        rig->engine->resume(rig->io, &wire->sock);
        RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    }
    rig_close(rig);
}

static void clause_3_a_quick_pause_and_resume_loses_nothing(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (int i = 0; i < 500; i++) {
        rig->engine->pause(rig->io, &wire->sock);
        wire_write(rig, wire, rig_random(rig, 9000) + 1);
        if (i % 3 == 0)
            rig_turn(rig, 0);
        rig->engine->resume(rig->io, &wire->sock);
        if (i % 2 == 0)
            rig_turn(rig, 0);
    }
    RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    rig_close(rig);
}

static void clause_3_an_end_during_a_pause_comes_after_resume(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    rig->engine->pause(rig->io, &wire->sock);
    rig_settle(rig);
    wire_write_all(rig, wire, 3000);
    rig->peers->half_close(wire->peer);
    rig_settle(rig);
    if (wire->ended == 0)
        rig->engine->resume(rig->io, &wire->sock);
    RIG_UNTIL(rig, wire->ended == 1);
    assert_int_equal(wire->end_result, 0);
    assert_int_equal(wire->received, 3000);
    rig_close(rig);
}

/* One socket keeps all it gets: it gets a bounded share, and its neighbour does not notice. */
static void clause_4_leases_are_bounded_per_socket(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *greedy = wire_open(rig), *modest = wire_open(rig);

    (void)state;
    greedy->keeps = true;
    for (int i = 0; i < 200; i++) {
        while (wire_write(rig, greedy, 16384) > 0 && rig_random(rig, 4) > 0)
            continue;
        rig_turn(rig, 1);
    }
    rig_settle(rig);
    assert_true(greedy->sock.leases >= IO_SOCK_LEASES_SOFT);
    assert_true(greedy->sock.leases <= IO_SOCK_LEASES_MAX);
    assert_int_equal(greedy->sock.leases, rig->held_count);
    rig_expect_sleep(rig);
    assert_int_equal(rig->engine->stats(rig->io).leases, rig->held_count);

    for (int i = 0; i < 50; i++)
        wire_write_all(rig, modest, 10000);
    RIG_UNTIL(rig, modest->received == modest->peer_wrote);
    RIG_UNTIL(rig, greedy->received == greedy->peer_wrote)
        rig_give_back_all(rig);
    rig_close(rig);
}

/* In small messages, the worst case for buffers, and with the count hovering around its limit. */
static void clause_4_leases_are_bounded_for_small_messages(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire->keeps = true;
    for (int i = 0; i < 2000; i++) {
        wire_write(rig, wire, 1 + rig_random(rig, 9));
        if (i % 4 == 0)
            rig_turn(rig, 0);
        if (rig->held_count > IO_SOCK_LEASES_SOFT / 2 && rig_random(rig, 8) == 0)
            rig_give_back(rig, (unsigned)rig_random(rig, rig->held_count));
        assert_true(wire->sock.leases <= IO_SOCK_LEASES_MAX);
    }
    RIG_UNTIL(rig, wire->received == wire->peer_wrote)
        rig_give_back_all(rig);
    rig_close(rig);
}

/* Far more than a socket's share, all there before the engine looks: nothing is lost. */
static void clause_4_a_burst_beyond_the_share_arrives_whole(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct wire *wire = wire_open(rig);
        for (int i = 0; i < 64 && wire_write(rig, wire, 65536) > 0; i++)
            continue;
        if (round % 2 == 0)
            wire->keeps = true;
        RIG_UNTIL(rig, wire->received == wire->peer_wrote) {
            assert_true(wire->sock.leases <= IO_SOCK_LEASES_MAX);
            rig_give_back_all(rig);
        }
        wire_finish(rig, wire);
        rig_give_back_all(rig);
    }
    rig_close(rig);
}

static void clause_4_leases_outlive_the_socket(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int round = 0; round < 4; round++) {
        struct wire *wire = wire_open(rig);
        wire->keeps = true;
        wire_write_all(rig, wire, 20000);
        RIG_UNTIL(rig, wire->received == wire->peer_wrote);
        wire_finish(rig, wire);
    }
    assert_true(rig->held_count > 0);
    assert_int_equal(rig->engine->stats(rig->io).leases, rig->held_count);
    assert_int_equal(rig->engine->stats(rig->io).socks, 0);
    rig_give_back_all(rig); /* checks what they hold */
    assert_int_equal(rig->engine->stats(rig->io).leases, 0);
    rig_close(rig);
}

static unsigned any_of_an_earlier_life(const struct rig *rig)
{
    unsigned index = 0;

    while (rig->held[index].alive)
        assert_true(++index < rig->held_count);
    return index;
}

/* A lease of an earlier life given back does not count for the present one. */
static void clause_4_leases_of_an_earlier_life_are_its_own(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire->keeps = true;
    wire_write_all(rig, wire, 3 * RIG_BUFFER_SIZE);
    RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    unsigned old = rig->held_count;
    wire_finish(rig, wire);

    assert_ptr_equal(wire_open(rig), wire);
    wire->keeps = true;
    assert_int_equal(wire->sock.leases, 0);
    wire_write_all(rig, wire, 100);
    RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    uint32_t leases = wire->sock.leases;
    assert_true(leases > 0);
    for (unsigned i = 0; i < old; i++)
        rig_give_back(rig, any_of_an_earlier_life(rig));
    assert_int_equal(wire->sock.leases, leases);
    rig_close(rig);
}

int contract_receiving(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clause_3_receiving_goes_on_for_10000_messages),
        cmocka_unit_test(clause_3_starvation_is_invisible),
        cmocka_unit_test(clause_3_one_buffer_at_a_time_is_enough),
        cmocka_unit_test(clause_3_a_fin_that_rides_with_data),
        cmocka_unit_test(clause_3_after_the_end_comes_silence_and_sending_works),
        cmocka_unit_test(clause_3_a_reset_ends_with_an_error),
        cmocka_unit_test(clause_3_what_came_before_attach_is_received),
        cmocka_unit_test(clause_3_pause_gives_silence_and_resume_the_rest),
        cmocka_unit_test(clause_3_a_quick_pause_and_resume_loses_nothing),
        cmocka_unit_test(clause_3_an_end_during_a_pause_comes_after_resume),
        cmocka_unit_test(clause_4_leases_are_bounded_per_socket),
        cmocka_unit_test(clause_4_leases_are_bounded_for_small_messages),
        cmocka_unit_test(clause_4_a_burst_beyond_the_share_arrives_whole),
        cmocka_unit_test(clause_4_leases_outlive_the_socket),
        cmocka_unit_test(clause_4_leases_of_an_earlier_life_are_its_own),
    };

    return cmocka_run_group_tests_name("receiving", tests, NULL, NULL);
}

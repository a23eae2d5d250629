#include "contract.h"
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * KIB };

static void expect_sent(struct rig *rig, struct wire *wire, unsigned sents)
{
    RIG_UNTIL(rig, wire->sents == sents);
    assert_int_equal(wire->sent_result, 0);
    assert_int_equal(wire->sock.sent, wire->engine_sent);
}

static void clause_5_vectors_of_one_to_eight_pieces(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    unsigned sends = 0;

    (void)state;
    for (int n = 1; n <= IO_IOV_MAX; n++)
        for (size_t len = (size_t)n; len < 20000; len = len * 3 + 1) {
            wire_send(rig, wire, len, n);
            wire_read_all(rig, wire, len);
            expect_sent(rig, wire, ++sends);
        }
    rig_close(rig);
}

/* Its socket is full, its vector is long gone, and what it points at is where it was. */
static void clause_5_the_vector_is_copied_the_bytes_are_borrowed(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (int n = 1; n <= IO_IOV_MAX; n++) {
        wire_send(rig, wire, 6 * MIB + (size_t)n, n);
        rig_settle(rig);
        assert_int_equal(wire->sents, n - 1);
        wire_read_all(rig, wire, 6 * MIB + (size_t)n);
        expect_sent(rig, wire, (unsigned)n);
    }
    rig_close(rig);
}

static void clause_5_both_directions_at_the_same_time(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire_send(rig, wire, 4 * MIB, 5);
    RIG_UNTIL(rig, wire->peer_read == 4 * MIB && wire->received >= 2 * MIB)
    {
        wire_write(rig, wire, 16384);
        wire_read(rig, wire, 16384);
    }
    expect_sent(rig, wire, 1);
    RIG_UNTIL(rig, wire->received == wire->peer_wrote);
    rig_close(rig);
}

static void clause_6_a_send_larger_than_the_socket_is_one_event(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire_send(rig, wire, 8 * MIB, 2);
    wire_read_all(rig, wire, 8 * MIB);
    expect_sent(rig, wire, 1);
    rig_settle(rig);
    assert_int_equal(wire->sents, 1);
    rig_close(rig);
}

static void clause_6_sent_grows_while_a_slow_peer_reads(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    uint64_t last = 0;
    unsigned steps = 0;

    (void)state;
    wire_send(rig, wire, 16 * MIB, 1);
    RIG_UNTIL(rig, wire->sents == 1)
    {
        for (size_t got = 0, n = 1; n > 0 && got < 128 * KIB; got += n)
            n = wire_read(rig, wire, 16 * KIB);
        assert_true(wire->sock.sent >= last);
        assert_true(wire->sock.sent + IO_SEND_PIECE >= wire->peer_read);
        steps += wire->sock.sent > last && wire->sents == 0;
        last = wire->sock.sent;
    }
    assert_true(steps >= 4); /* the kernel wakes a writer when a third of its buffer is free */
    wire_read_all(rig, wire, 16 * MIB - wire->peer_read);
    rig_close(rig);
}

static void clause_6_a_peer_that_does_not_read_stalls_the_send(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig), *other = wire_open(rig);

    (void)state;
    wire_send(rig, wire, 16 * MIB, 3);
    rig_settle(rig);
    uint64_t sent = wire->sock.sent;
    rig_expect_sleep(rig);
    assert_int_equal(wire->sents, 0);
    assert_true(sent < 16 * MIB);
    assert_int_equal(wire->sock.sent, sent);

    wire_send(rig, other, 1000, 1);
    wire_read_all(rig, other, 1000);
    expect_sent(rig, other, 1);
    wire_read_all(rig, wire, 16 * MIB);
    expect_sent(rig, wire, 1);
    rig_close(rig);
}

/* SIGPIPE has its default action here, so one would end the program. */
static void clause_6_a_send_to_a_reset_peer_fails(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    signal(SIGPIPE, SIG_DFL);
    for (int round = 0; round < 4; round++) {
        struct wire *wire = wire_open(rig);
        if (round % 2)
            rig_settle(rig);
        rig->peers->reset(wire->peer);
        RIG_UNTIL(rig, wire->sents > 0 && wire->sent_result < 0)
        if (!wire->sending)
            wire_send(rig, wire, 1000, 2);
        assert_true(wire->sent_result == -EPIPE || wire->sent_result == -ECONNRESET);
        wire_finish(rig, wire);
    }
    rig_close(rig);
}

static void clause_6_a_reset_ends_a_stalled_send(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    wire_send(rig, wire, 16 * MIB, 8);
    rig_settle(rig);
    rig->peers->reset(wire->peer);
    RIG_UNTIL(rig, wire->sents == 1);
    assert_true(wire->sent_result == -EPIPE || wire->sent_result == -ECONNRESET);
    rig_close(rig);
}

static void clause_6_a_stalled_send_fails_while_paused(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    rig->engine->pause(rig->io, &wire->sock);
    wire_send(rig, wire, 16 * MIB, 1);
    rig_settle(rig);
    rig->peers->reset(wire->peer);
    RIG_UNTIL(rig, wire->sents == 1);
    assert_true(wire->sent_result < 0);
    rig_close(rig);
}

/* --- files --- */

/* A file whose bytes are the pattern from 0 on; its name is gone already. */
static int pattern_file(size_t len)
{
    char name[] = "/tmp/io-contract-XXXXXX";
    char *bytes = malloc(MIB);
    int fd = mkstemp(name);

    assert_true(fd >= 0 && bytes);
    unlink(name);
    for (size_t at = 0; at < len; at += MIB) {
        size_t piece = len - at < MIB ? len - at : MIB;
        pattern_fill(bytes, at, piece);
        assert_int_equal(pwrite(fd, bytes, piece, (off_t)at), piece);
    }
    free(bytes);
    return fd;
}

/* A head of n pieces and a range of the file; what arrives is the pattern, because the range starts
 * where the head ends. */
static void send_range(struct rig *rig, int fd, size_t head, int n, size_t len)
{
    struct wire *wire = wire_open(rig);

    wire_send_file(rig, wire, head, n, fd, (off_t)head, len);
    wire_read_all(rig, wire, head + len);
    expect_sent(rig, wire, 1);
    wire_finish(rig, wire);
}

static void clause_6_files_with_heads_of_up_to_eight_pieces(void **state)
{
    struct rig *rig = rig_open_accepting();
    int fd = pattern_file(64 * KIB);

    (void)state;
    for (int n = 0; n <= IO_IOV_MAX; n++)
        send_range(rig, fd, n == 0 ? 0 : 201 + (size_t)n, n, 10001);
    close(fd);
    rig_close(rig);
}

static void clause_6_files_of_all_sizes_at_odd_offsets(void **state)
{
    const size_t sizes[] = { 1, 4095, 4096, 4097, 128 * KIB, 256 * KIB + 1, MIB, 20 * MIB };
    struct rig *rig = rig_open_accepting();
    int fd = pattern_file(21 * MIB);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        send_range(rig, fd, 0, 0, sizes[i]);
        send_range(rig, fd, 333, 2, sizes[i]);
        send_range(rig, fd, 4097 + i, 1, sizes[i]);
    }
    close(fd);
    rig_close(rig);
}

static void clause_6_an_empty_range_of_a_file_is_only_its_head(void **state)
{
    struct rig *rig = rig_open_accepting();
    int fd = pattern_file(4096);

    (void)state;
    send_range(rig, fd, 100, 2, 0);
    close(fd);
    rig_close(rig);
}

/* Places in a file that 32 bits do not tell apart; the file is sparse. */
static void clause_6_a_range_beyond_4_gib(void **state)
{
    const off_t at = (off_t)5 * 1024 * MIB + 3;
    const size_t len = 600 * KIB + 1;
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    int fd = pattern_file(MIB);
    char *bytes = malloc(len);

    (void)state;
    pattern_fill(bytes, 100, len);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    wire_send_file(rig, wire, 100, 1, fd, at, len);
    wire_read_all(rig, wire, 100 + len);
    expect_sent(rig, wire, 1);
    free(bytes);
    close(fd);
    rig_close(rig);
}

/* Pages that are not in memory, as far as the kernel follows the advice. */
static void clause_10_files_that_are_not_resident(void **state)
{
    struct rig *rig = rig_open_accepting();
    int fd = pattern_file(6 * MIB);

    (void)state;
    assert_int_equal(fsync(fd), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        send_range(rig, fd, 77, 1, 5 * MIB);
    }
    close(fd);
    rig_close(rig);
}

static void clause_6_many_files_at_the_same_time(void **state)
{
    enum { WIRES = 24, LEN = 3 * MIB };
    struct rig *rig = rig_open_accepting();
    struct wire *wires[WIRES];
    int fd = pattern_file(LEN + 100);
    unsigned done = 0;

    (void)state;
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    for (size_t i = 0; i < WIRES; i++) {
        wires[i] = wire_open(rig);
        wire_send_file(rig, wires[i], i + 1, 1, fd, (off_t)i + 1, LEN);
    }
    RIG_UNTIL(rig, done == WIRES)
    {
        done = 0;
        for (size_t i = 0; i < WIRES; i++) {
            while (wire_read(rig, wires[i], 16 * KIB) > 0)
                continue;
            done += wires[i]->peer_read == LEN + i + 1 && wires[i]->sents == 1;
        }
    }
    close(fd);
    rig_close(rig);
}

/* A peer that has said all it will say and does not read: the engine sleeps, whether the FIN came
 * before the send or in the middle of it, and the peer gets everything in the end. */
static void waits_for_a_half_closed_peer(bool first, bool file)
{
    enum { LEN = 16 * MIB };
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    int fd = file ? pattern_file(LEN) : -1;

    if (first) {
        rig->peers->half_close(wire->peer);
        RIG_UNTIL(rig, wire->ended == 1);
    }
    if (file)
        wire_send_file(rig, wire, 0, 0, fd, 0, LEN);
    else
        wire_send(rig, wire, LEN, 2);
    rig_settle(rig);
    if (!first)
        rig->peers->half_close(wire->peer);
    RIG_UNTIL(rig, wire->ended == 1);
    rig_settle(rig);
    rig_expect_sleep(rig);
    assert_int_equal(wire->sents, 0);
    wire_read_all(rig, wire, LEN);
    RIG_UNTIL(rig, wire->sents == 1);
    assert_int_equal(wire->sent_result, 0);
    wire_finish(rig, wire);
    if (file)
        close(fd);
    rig_close(rig);
}

static void clause_10_a_half_closed_peer_that_does_not_read(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++)
        waits_for_a_half_closed_peer(way & 1, way & 2);
}

static void clause_6_a_file_that_is_shorter_gives_enodata(void **state)
{
    const size_t sizes[] = { 0, 1, 5000, 300 * KIB };
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int fd = pattern_file(100 + sizes[i]);
        struct wire *wire = wire_open(rig);
        wire_send_file(rig, wire, 100, 2, fd, 100, sizes[i] + 1);
        RIG_UNTIL(rig, wire->sents == 1)
        while (wire_read(rig, wire, 16 * KIB) > 0)
            continue;
        assert_int_equal(wire->sent_result, -ENODATA);
        wire_finish(rig, wire);
        close(fd);
    }
    rig_close(rig);
}

static void clause_6_a_file_cut_during_its_send_gives_enodata(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    int fd = pattern_file(20 * MIB);

    (void)state;
    wire_send_file(rig, wire, 0, 0, fd, 0, 20 * MIB);
    wire_read_all(rig, wire, 100 * KIB);
    rig_settle(rig);
    assert_int_equal(wire->sents, 0);
    assert_int_equal(ftruncate(fd, MIB), 0);
    /* What a cut page held may arrive as zeros: the peer takes it without a look. */
    char bytes[16 * KIB];
    RIG_UNTIL(rig, wire->sents == 1)
    while (rig->peers->read(wire->peer, bytes, sizeof bytes) > 0)
        continue;
    assert_int_equal(wire->sent_result, -ENODATA);
    close(fd);
    rig_close(rig);
}

/* The descriptor is the caller's again after IO_SENT, and its number is used again at once. */
static void clause_5_the_file_is_borrowed_until_sent(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        int fd = pattern_file(200 * KIB + 4000);
        wire_finish(rig, wire);
        wire = wire_open(rig);
        wire_send_file(rig, wire, 7, 1, fd, 7, 200 * KIB);
        wire_read_all(rig, wire, 200 * KIB + 7);
        expect_sent(rig, wire, 1);
        close(fd);
    }
    rig_close(rig);
}

int contract_sending(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clause_5_vectors_of_one_to_eight_pieces),
        cmocka_unit_test(clause_5_the_vector_is_copied_the_bytes_are_borrowed),
        cmocka_unit_test(clause_5_both_directions_at_the_same_time),
        cmocka_unit_test(clause_5_the_file_is_borrowed_until_sent),
        cmocka_unit_test(clause_6_a_send_larger_than_the_socket_is_one_event),
        cmocka_unit_test(clause_6_sent_grows_while_a_slow_peer_reads),
        cmocka_unit_test(clause_6_a_peer_that_does_not_read_stalls_the_send),
        cmocka_unit_test(clause_6_a_send_to_a_reset_peer_fails),
        cmocka_unit_test(clause_6_a_reset_ends_a_stalled_send),
        cmocka_unit_test(clause_6_a_stalled_send_fails_while_paused),
        cmocka_unit_test(clause_6_files_with_heads_of_up_to_eight_pieces),
        cmocka_unit_test(clause_6_files_of_all_sizes_at_odd_offsets),
        cmocka_unit_test(clause_6_an_empty_range_of_a_file_is_only_its_head),
        cmocka_unit_test(clause_6_a_range_beyond_4_gib),
        cmocka_unit_test(clause_6_many_files_at_the_same_time),
        cmocka_unit_test(clause_10_a_half_closed_peer_that_does_not_read),
        cmocka_unit_test(clause_6_a_file_that_is_shorter_gives_enodata),
        cmocka_unit_test(clause_6_a_file_cut_during_its_send_gives_enodata),
        cmocka_unit_test(clause_10_files_that_are_not_resident),
    };

    return cmocka_run_group_tests_name("sending", tests, NULL, NULL);
}

#include "rig.h"

#include "fake_io.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SILENT_WAITS = 8,
    SILENT_MS = 5,
    SLEEP_MS = 120,
    LATE_MS = 150,
    AWAKE_MS = 40,
    WAKES_MAX = 4,
};

static struct {
    const struct io_engine *engine;
    const struct peer_ops *peers;
    uint64_t seed;
    unsigned spin_us;
} choice;

bool rig_is_fake(const struct rig *rig)
{
    return rig->engine == &fake_io_engine;
}

/* --- patterns, time, chance --- */

/* The pattern repeats after a prime number of bytes, so that no size or boundary of anybody's is a
 * multiple of it. Twice over, so that a period can be read from any place in the first. */
enum { PERIOD = 65521 };

static char pattern[2 * PERIOD];

static void pattern_make(void)
{
    uint32_t value = 1;

    for (size_t i = 0; i < PERIOD; i++) {
        value = value * 1664525 + 1013904223;
        pattern[i] = (char)(value >> 24);
        pattern[i + PERIOD] = pattern[i];
    }
}

void pattern_fill(char *bytes, uint64_t place, size_t len)
{
    while (len > 0) {
        size_t piece = len < PERIOD ? len : PERIOD;
        memcpy(bytes, pattern + place % PERIOD, piece);
        bytes += piece;
        place += piece;
        len -= piece;
    }
}

bool pattern_matches(const char *bytes, uint64_t place, size_t len)
{
    while (len > 0) {
        size_t piece = len < PERIOD ? len : PERIOD;
        if (memcmp(bytes, pattern + place % PERIOD, piece) != 0)
            return false;
        bytes += piece;
        place += piece;
        len -= piece;
    }
    return true;
}

uint64_t rig_real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void rig_go_on(struct rig *rig, uint64_t start_ms, const char *what)
{
    if (rig_real_ms() - start_ms > RIG_PATIENCE_MS)
        fail_msg("did not happen: %s", what);
    rig_turn(rig, 5);
}

void rig_choose(const struct io_engine *engine, const struct peer_ops *peers, uint64_t seed)
{
    pattern_make();
    choice.engine = engine;
    choice.peers = peers;
    choice.seed = seed;
}

unsigned rig_choose_spin(unsigned spin_us)
{
    unsigned before = choice.spin_us;

    choice.spin_us = spin_us;
    return before;
}

/* xorshift64 */
uint64_t rig_random(struct rig *rig, uint64_t below)
{
    rig->random ^= rig->random << 13;
    rig->random ^= rig->random >> 7;
    rig->random ^= rig->random << 17;
    return rig->random % below;
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* --- opening and closing --- */

struct rig *rig_open(unsigned buffers)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    rig->engine = choice.engine;
    rig->peers = choice.peers;
    rig->random = choice.seed * 2 + 0x2545f4914f6cdd1d;
    rig->config = (struct io_config){
        .socks_max = RIG_WIRES_MAX,
        .buffers = buffers,
        .buffer_size = RIG_BUFFER_SIZE,
        .helpers_max = 4,
        .spin_us = choice.spin_us,
    };
    rig->peers->return_descriptors(NULL); /* a test that failed may have kept them */
    rig->descriptors = open_descriptors();
    assert_int_equal(rig->engine->open(&rig->io, &rig->config), 0);
    if (rig_is_fake(rig) && choice.seed != 0)
        fake_io_seed(rig->io, choice.seed);
    rig->listener = rig->peers->listen(rig->io);
    return rig;
}

struct rig *rig_open_accepting(void)
{
    struct rig *rig = rig_open(RIG_BUFFERS);

    rig_accept(rig);
    return rig;
}

void rig_accept(struct rig *rig)
{
    rig->accepting = true;
    rig->engine->accept(rig->io, rig->listener);
}

static void check_stats(struct rig *rig)
{
    struct io_stats stats = rig->engine->stats(rig->io);

    assert_int_equal(stats.leases, 0);
    assert_int_equal(stats.socks, 0);
    assert_int_equal(stats.overflows, 0);
    assert_int_equal(stats.stale, 0);
}

void rig_close(struct rig *rig)
{
    if (rig->accepting) {
        rig->engine->stop_accept(rig->io, rig->listener);
        RIG_UNTIL(rig, !rig->accepting);
    }
    for (unsigned i = 0; i < RIG_WIRES_MAX; i++)
        wire_finish(rig, &rig->wires[i]);
    rig_give_back_all(rig);
    assert_int_equal(rig->accepted_count, 0);
    check_stats(rig);
    rig->engine->free(rig->io);
    rig->peers->unlisten(NULL, rig->listener);
    assert_int_equal(open_descriptors(), rig->descriptors);
    free(rig);
}

/* --- events --- */

static void take_received(struct rig *rig, struct wire *wire, const struct io_event *event)
{
    assert_int_equal(wire->ended, 0);
    assert_true(event->len > 0 && event->len <= rig->config.buffer_size);
    assert_true(event->lease >= 0 && (unsigned)event->lease < rig->config.buffers);
    assert_false(rig->lent[event->lease]);
    assert_true(pattern_matches(event->bytes, wire->received, event->len));
    rig->lent[event->lease] = true;
    rig->held[rig->held_count++] = (struct held){ wire,       event->bytes, wire->received,
                                                  event->len, event->lease, true };
    wire->received += event->len;
    assert_true(wire->sock.leases <= IO_SOCK_LEASES_MAX);
    if (!wire->keeps)
        rig_give_back(rig, rig->held_count - 1);
}

static void no_longer_borrowed(struct wire *wire)
{
    free(wire->out);
    wire->out = NULL;
    wire->sending = false;
}

static void take_closed(struct rig *rig, struct wire *wire)
{
    assert_true(wire->attached && wire->closing);
    wire->attached = false;
    wire->closed++;
    no_longer_borrowed(wire);
    for (unsigned i = 0; i < rig->held_count; i++)
        if (rig->held[i].wire == wire)
            rig->held[i].alive = false;
}

static void take_sock_event(struct rig *rig, struct wire *wire, const struct io_event *event)
{
    assert_true(wire->attached);
    if (event->kind == IO_CLOSED) {
        take_closed(rig, wire);
        return;
    }
    assert_false(wire->closing); /* nothing but IO_CLOSED comes after close */
    if (event->kind == IO_RECEIVED) {
        take_received(rig, wire, event);
    } else if (event->kind == IO_ENDED) {
        assert_int_equal(wire->ended++, 0);
        wire->end_result = event->result;
    } else {
        assert_true(wire->sending);
        wire->sents++;
        wire->sent_result = event->result;
        assert_true(event->result <= 0);
        assert_true(event->result < 0 || wire->sock.sent == wire->engine_sent);
        no_longer_borrowed(wire);
    }
}

static void take_accept_event(struct rig *rig, const struct io_event *event)
{
    assert_int_equal(event->listener, rig->listener);
    assert_true(rig->accepting);
    if (event->kind == IO_ACCEPTED) {
        assert_true(event->result >= 0 && rig->accepted_count < RIG_WIRES_MAX);
        rig->accepted[rig->accepted_count++] = event->result;
    } else {
        rig->accepting = false;
        rig->accept_result = event->result;
    }
}

void rig_take(struct rig *rig, const struct io_event *event)
{
    switch (event->kind) {
    case IO_ACCEPTED:
    case IO_ACCEPT_STOPPED:
        take_accept_event(rig, event);
        break;
    case IO_RECEIVED:
    case IO_ENDED:
    case IO_SENT:
    case IO_CLOSED:
        take_sock_event(rig, CONTAINER_OF(event->sock, struct wire, sock), event);
        break;
    case IO_FILE_DONE:
        event->file->result = event->result;
        rig->files_done++;
        break;
    case IO_WORKED:
        rig->worked++;
        break;
    case IO_READY:
        rig->became_ready++;
        break;
    case IO_UNWATCHED:
        rig->unwatched++;
        break;
    }
}

int rig_turn(struct rig *rig, int timeout_ms)
{
    int n = rig->engine->wait(rig->io, rig->events, RIG_EVENTS, timeout_ms);

    assert_true(n >= 0 && n <= RIG_EVENTS);
    for (int i = 0; i < n; i++)
        rig_take(rig, &rig->events[i]);
    return n;
}

void rig_settle(struct rig *rig)
{
    uint64_t start_ms = rig_real_ms();

    for (unsigned silent = 0; silent < SILENT_WAITS; silent++) {
        uint64_t before_ms = rig->peers->clock_ms(rig->io);
        int n = rig_turn(rig, SILENT_MS);
        if (n > 0 || rig->peers->clock_ms(rig->io) - before_ms < SILENT_MS / 2)
            silent = 0; /* a wait that ended early tells nothing */
        if (rig_real_ms() - start_ms > RIG_PATIENCE_MS)
            fail_msg("no silence");
    }
}

static uint64_t processor_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void rig_expect_timeout(struct rig *rig, int timeout_ms)
{
    uint64_t start_ms = rig->peers->clock_ms(rig->io);

    assert_int_equal(rig_turn(rig, timeout_ms), 0);
    uint64_t lasted_ms = rig->peers->clock_ms(rig->io) - start_ms;
    assert_true(lasted_ms + 1 >= (uint64_t)timeout_ms);
    assert_true(lasted_ms < (uint64_t)timeout_ms + LATE_MS);
}

void rig_expect_sleep(struct rig *rig)
{
    uint64_t start_ms = rig->peers->clock_ms(rig->io);
    uint64_t start_processor_ms = processor_ms();
    uint64_t waits = rig->engine->stats(rig->io).waits;

    assert_int_equal(rig_turn(rig, SLEEP_MS), 0);
    assert_true(rig->peers->clock_ms(rig->io) - start_ms >= SLEEP_MS - 1);
    assert_true(processor_ms() - start_processor_ms < AWAKE_MS);
    /* A peer's kernel that probes a full window may wake it in between. */
    assert_true(rig->engine->stats(rig->io).waits <= waits + WAKES_MAX);
}

void rig_give_back(struct rig *rig, unsigned index)
{
    struct held held = rig->held[index];
    uint32_t before = held.wire->sock.leases;

    assert_true(pattern_matches(held.bytes, held.place, held.len));
    rig->held[index] = rig->held[--rig->held_count];
    rig->lent[held.lease] = false;
    rig->engine->give_back(rig->io, held.lease);
    if (held.alive)
        assert_int_equal(held.wire->sock.leases, before - 1);
}

void rig_give_back_all(struct rig *rig)
{
    while (rig->held_count > 0)
        rig_give_back(rig, (unsigned)rig_random(rig, rig->held_count));
}

/* --- wires --- */

struct wire *wire_attach(struct rig *rig, struct wire *wire, struct peer *peer, int fd)
{
    struct io_sock sock = wire->sock;

    *wire = (struct wire){ .peer = peer, .attached = true };
    wire->sock = sock;
    rig->engine->attach(rig->io, &wire->sock, fd);
    return wire;
}

struct wire *wire_open(struct rig *rig)
{
    struct peer *peer = rig->peers->connect(rig->io, rig->listener);
    struct wire *wire = rig->wires;

    while (wire->attached || wire->peer)
        assert_true(++wire < rig->wires + RIG_WIRES_MAX);
    RIG_UNTIL(rig, rig->accepted_count > 0);
    assert_int_equal(rig->accepted_count, 1);
    rig->accepted_count = 0;
    return wire_attach(rig, wire, peer, rig->accepted[0]);
}

size_t wire_write(struct rig *rig, struct wire *wire, size_t len)
{
    char bytes[16384];
    size_t most = len < sizeof bytes ? len : sizeof bytes;

    pattern_fill(bytes, wire->peer_wrote, most);
    size_t taken = rig->peers->write(wire->peer, bytes, most);
    wire->peer_wrote += taken;
    return taken;
}

void wire_write_all(struct rig *rig, struct wire *wire, size_t len)
{
    uint64_t goal = wire->peer_wrote + len;

    RIG_UNTIL(rig, wire->peer_wrote == goal)
        while (wire_write(rig, wire, goal - wire->peer_wrote) > 0)
            continue;
}

size_t wire_read(struct rig *rig, struct wire *wire, size_t len)
{
    char bytes[16384];
    size_t got = rig->peers->read(wire->peer, bytes, len < sizeof bytes ? len : sizeof bytes);

    assert_true(pattern_matches(bytes, wire->peer_read, got));
    wire->peer_read += got;
    return got;
}

void wire_read_all(struct rig *rig, struct wire *wire, size_t len)
{
    uint64_t goal = wire->peer_read + len;

    RIG_UNTIL(rig, wire->peer_read == goal)
        while (wire_read(rig, wire, goal - wire->peer_read) > 0)
            continue;
}

/* Cut `len` bytes into n pieces, none of them empty. */
static void cut(struct rig *rig, char *bytes, size_t len, struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++) {
        size_t spare = len - (size_t)(n - 1 - i);
        size_t piece = i == n - 1 ? len : 1 + rig_random(rig, spare);
        iov[i] = (struct iovec){ bytes, piece };
        bytes += piece;
        len -= piece;
    }
}

static void send_pieces(struct rig *rig, struct wire *wire, size_t head, struct iovec *iov, int n)
{
    assert_false(wire->sending);
    wire->out = malloc(head + 1);
    assert_non_null(wire->out);
    pattern_fill(wire->out, wire->engine_sent, head);
    cut(rig, wire->out, head, iov, n);
    wire->sending = true;
    wire->engine_sent += head;
}

void wire_send(struct rig *rig, struct wire *wire, size_t len, int n)
{
    struct iovec iov[IO_IOV_MAX];

    send_pieces(rig, wire, len, iov, n);
    rig->engine->send(rig->io, &wire->sock, iov, n);
    memset(iov, 0xff, sizeof iov); /* the vector is copied */
}

void wire_send_file(struct rig *rig, struct wire *wire, size_t head, int n, int fd, off_t offset,
                    size_t len)
{
    struct iovec iov[IO_IOV_MAX];

    send_pieces(rig, wire, head, iov, n);
    wire->engine_sent += len;
    rig->engine->send_file(rig->io, &wire->sock, iov, n, fd, offset, len);
    memset(iov, 0xff, sizeof iov);
}

void wire_close(struct rig *rig, struct wire *wire, enum io_close_how how)
{
    wire->closing = true;
    rig->engine->close(rig->io, &wire->sock, how);
}

void wire_finish(struct rig *rig, struct wire *wire)
{
    if (wire->attached) {
        if (!wire->closing)
            wire_close(rig, wire, IO_CLOSE_RESET);
        if (wire->peer)
            rig->peers->reset(wire->peer);
        RIG_UNTIL(rig, !wire->attached);
        assert_int_equal(wire->closed, 1);
    }
    if (wire->peer)
        rig->peers->close(wire->peer);
    wire->peer = NULL;
}

/* The engine on io_uring(7): its turn, and how it is opened and freed.
 *
 * Completions become events in the caller's array one for one; what does not come by completion
 * (pieces of files, owed closes, what helpers did) is on lists, and each member has a turn. */
#include "base/check.h"
#include "base/clock.h"
#include "io/patience.h"
#include "io/uring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SUBMISSIONS = 1024,
    COMPLETIONS_MIN = 4096,
    COMPLETIONS_MAX = 32768,
    FREE_TRIES = 64, /* waits of FREE_WAIT_MS for the last accepts to end */
    FREE_WAIT_MS = 50,
};

static const uint64_t pointer_mask = 0x0000fffffffffff8U;

static void publish_buffers(struct io *io)
{
    if (io->returned == 0)
        return;
    io_uring_buf_ring_advance(io->buffer_ring, io->returned);
    io->returned = 0;
}

/* --- the turn --- */

/* What is about no socket. Returns whether there is an event. */
__attribute__((noinline)) static bool handle_other(struct io *io, const struct io_uring_cqe *cqe,
                                                   void *pointer, struct io_event *event)
{
    switch (cqe->user_data & ABOUT_MASK) {
    case ABOUT_FILE:
        return uring_tasks_handle_file(io, pointer, cqe->res, event);
    case ABOUT_WATCH:
        return uring_tasks_handle_watch(io, pointer, cqe, event);
    case ABOUT_ACCEPT:
        return uring_listener_handle(io, pointer, cqe, event);
    case ABOUT_HELPERS:
        uring_tasks_handle_helpers(io, cqe);
        return false;
    default: /* what was cancelled tells by itself */
        return false;
    }
}

/* On its own, for the registers. Returns how many events. */
__attribute__((noinline)) static int reap(struct io *io, struct io_event *events, int room)
{
    const struct ring_batch batch = ring_batch(&io->ring);
    struct io_event *at = events, *const end = events + room;
    unsigned next = batch.first;

    while (next != batch.end && at < end) {
        const struct io_uring_cqe *cqe = ring_batch_at(&batch, next++);
        void *pointer =
            (void *)(uintptr_t)(cqe->user_data & pointer_mask); /* NOLINT: ours, from tag */

        if ((cqe->user_data & ABOUT_MASK) <= ABOUT_POLL_OUT)
            at += uring_sock_handle(io, pointer, cqe, at);
        else
            at += handle_other(io, cqe, pointer, at);
    }
    ring_advance(&io->ring, next - batch.first);
    return (int)(at - events);
}

/* Every socket that is ready now has one turn; those with more to do queue up again behind. */
static int turn_socks(struct io *io, struct io_event *events, int room)
{
    const struct list *last = io->ready.prev;
    struct list *node;
    int count = 0;

    while (count < room && (node = list_take(&io->ready))) {
        count += uring_sock_turn(io, CONTAINER_OF(node, struct io_sock, ready), &events[count]);
        if (node == last)
            break;
    }
    return count;
}

/* What does not come by completion. */
static int deliver(struct io *io, struct io_event *events, int room)
{
    int count = uring_tasks_deliver(io, events, room / 2);

    count += uring_listener_rest(io, &events[count], (room - count) / 2);
    return count + turn_socks(io, &events[count], room - count);
}

static bool has_local_work(const struct io *io)
{
    return !list_empty(&io->ready) || !list_empty(&io->files) || !list_empty(&io->jobs) ||
           !list_empty(&io->watches) || uring_listener_has_rest(io);
}

/* Until there is a completion, or the time is up. */
static void sleep_or_poll(struct io *io, int timeout_ms)
{
    struct spin *spin = &io->spin;

    if (!spin_is_on(spin)) {
        ring_enter(&io->ring, true, timeout_ms);
        return;
    }
    if (ring_pending(&io->ring) > 0) {
        ring_enter(&io->ring, false, 0);
        if (ring_completed(&io->ring) > 0)
            return; /* it says nothing about when the peers will ask for something */
    }
    if (spin_begin(spin, clock_ns(), io->stats.socks > 0))
        while (!ring_has_news(&io->ring) && spin_goes_on(spin, clock_ns()))
            continue;
    ring_enter(&io->ring, !ring_has_news(&io->ring), timeout_ms);
    spin_end(spin, clock_ns());
}

/* One turn: a quarter of the room at least is for completions, so that neither side starves the
 * other. `slept` tells whether it slept and nothing had come. */
static int turn(struct io *io, struct io_event *events, int max, int timeout_ms, bool *slept)
{
    int count = 0;

    uring_sock_feed(io);
    if (has_local_work(io)) {
        count = deliver(io, events, max - max / 4);
        uring_sock_feed(io); /* those whose turn it was may have let go of a bounce buffer */
    }
    publish_buffers(io);

    unsigned completed = ring_completed(&io->ring);
    bool idle = count == 0 && completed == 0 && !has_local_work(io);
    if (ring_pending(&io->ring) > 0 || completed < (unsigned)(max - count)) {
        io->stats.waits++;
        if (idle && timeout_ms != 0)
            sleep_or_poll(io, timeout_ms);
        else
            ring_enter(&io->ring, false, 0);
    }
    *slept = idle && ring_completed(&io->ring) == 0;
    return count + reap(io, &events[count], max - count);
}

static int uring_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    struct patience patience = { .timeout_ms = timeout_ms };

    CHECK(max >= IO_EVENTS_MIN);
    CHECK(pthread_equal(io->owner, pthread_self()));
    for (;;) {
        bool slept;
        int count = turn(io, events, max, patience.timeout_ms, &slept);

        io->stats.events += (uint64_t)count;
        if (count > 0 || slept || patience.timeout_ms == 0)
            return count;
        patience_tried(&patience);
    }
}

/* --- opening --- */

/* liburing 2.3 has no io_uring_setup_buf_ring. */
static int open_buffer_ring(struct io *io)
{
    size_t size = io->buffers.count * sizeof(struct io_uring_buf);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;

    struct io_uring_buf_reg reg = { .ring_addr = uring_address(memory),
                                    .ring_entries = io->buffers.count,
                                    .bgid = BUFFER_GROUP };
    int result = io_uring_register_buf_ring(&io->ring.uring, &reg, 0);
    if (result < 0) {
        munmap(memory, size);
        return result;
    }
    io->buffer_ring = memory;
    io_uring_buf_ring_init(io->buffer_ring);
    for (int lease; (lease = buffers_take(&io->buffers)) >= 0;)
        uring_put_buffer(io, lease);
    publish_buffers(io);
    return 0;
}

static void free_buffer_ring(struct io *io)
{
    munmap(io->buffer_ring, io->buffers.count * sizeof(struct io_uring_buf));
}

static int open_ring(struct io *io, const struct io_config *config)
{
    unsigned workers[2] = { config->helpers_max, config->helpers_max };
    unsigned completions = COMPLETIONS_MIN;

    while (completions < COMPLETIONS_MAX && completions < 2 * config->socks_max)
        completions *= 2;

    int result = ring_open(&io->ring, SUBMISSIONS, completions, config->spin_us > 0);
    if (result < 0)
        return result;
    io_uring_register_iowq_max_workers(&io->ring.uring, workers);
    result = open_buffer_ring(io);
    if (result < 0)
        ring_free(&io->ring);
    return result;
}

static int open_parts(struct io *io, const struct io_config *config)
{
    int result = buffers_open(&io->buffers, config->buffers, config->buffer_size);
    if (result < 0)
        return result;
    result = surplus_open(&io->surplus, config->buffers);
    if (result < 0)
        goto no_surplus;
    result = bounces_open(&io->bounces);
    if (result < 0)
        goto no_bounces;
    result = helpers_open(&io->helpers, config->helpers_max);
    if (result < 0)
        goto no_helpers;
    result = open_ring(io, config);
    if (result == 0)
        return 0;

    helpers_free(&io->helpers);
no_helpers:
    bounces_free(&io->bounces);
no_bounces:
    surplus_free(&io->surplus);
no_surplus:
    buffers_free(&io->buffers);
    return result;
}

static int uring_open(struct io **opened, const struct io_config *config)
{
    struct io *io = calloc(1, sizeof *io);
    if (!io)
        return -ENOMEM;

    list_init(&io->ready);
    list_init(&io->starved);
    list_init(&io->watches);
    list_init(&io->files);
    list_init(&io->jobs);
    io->socks_max = config->socks_max;
    io->owner = pthread_self();
    spin_init(&io->spin, config->spin_us);
    send_silence();

    int result = open_parts(io, config);
    if (result < 0) {
        free(io);
        return result;
    }
    *opened = io;
    return 0;
}

/* A ring is torn down after its process is gone, and an accept that is still armed holds its
 * listener that long: they are ended here. */
static void end_accepts(struct io *io)
{
    struct io_event events[IO_EVENTS_MIN];

    uring_listener_cancel_all(io);
    for (int i = 0; i < FREE_TRIES && !uring_listener_is_over(io); i++) {
        ring_enter(&io->ring, true, FREE_WAIT_MS);

        int count = reap(io, events, IO_EVENTS_MIN);
        for (int j = 0; j < count; j++) {
            if (events[j].kind == IO_ACCEPTED)
                close(events[j].result);
        }
    }
}

static void uring_free(struct io *io)
{
    CHECK(pthread_equal(io->owner, pthread_self()));
    CHECK(io->stats.socks == 0);
    end_accepts(io);
    helpers_free(&io->helpers);
    ring_free(&io->ring);
    free_buffer_ring(io);
    bounces_free(&io->bounces);
    surplus_free(&io->surplus);
    buffers_free(&io->buffers);
    free(io);
}

static struct io_stats uring_stats(const struct io *io)
{
    struct io_stats stats = io->stats;

    stats.leases = io->buffers.lent;
    stats.overflows = io->ring.overflows;
    stats.spins = io->spin.count;
    return stats;
}

const struct io_engine io_uring_engine = {
    .name = "io_uring",
    .open = uring_open,
    .free = uring_free,
    .accept = uring_listener_accept,
    .stop_accept = uring_listener_stop,
    .attach = uring_sock_attach,
    .pause = uring_sock_pause,
    .resume = uring_sock_resume,
    .send = uring_sock_send,
    .send_file = uring_sock_send_file,
    .file = uring_tasks_file,
    .work = uring_tasks_work,
    .watch = uring_tasks_watch,
    .unwatch = uring_tasks_unwatch,
    .close = uring_sock_close,
    .give_back = uring_sock_give_back,
    .wait = uring_wait,
    .stats = uring_stats,
};

bool io_uring_built_in(void)
{
    return true;
}

const char *io_uring_library(void)
{
    return LIBURING_VERSION;
}

static const struct {
    unsigned bit;
    const char *name;
} optional_features[] = {
    { IORING_FEAT_RECVSEND_BUNDLE, "RECVSEND_BUNDLE" },
    { IORING_FEAT_MIN_TIMEOUT, "MIN_TIMEOUT" },
    { IORING_FEAT_NO_IOWAIT, "NO_IOWAIT" },
};

static void list_features(unsigned found, char *features, size_t cap)
{
    size_t at = 0;

    snprintf(features, cap, "none");
    for (unsigned i = 0; i < sizeof optional_features / sizeof *optional_features; i++) {
        if (!(found & optional_features[i].bit) || at >= cap)
            continue;

        int len = snprintf(features + at, cap - at, "%s%s", at > 0 ? ", " : "",
                           optional_features[i].name);
        at += len > 0 ? (size_t)len : 0;
    }
}

int io_uring_probe(char *features, size_t cap)
{
    struct ring ring;
    int result = ring_open(&ring, SUBMISSIONS, COMPLETIONS_MIN, true);

    if (cap > 0)
        features[0] = '\0';
    if (result < 0)
        return result;
    list_features(ring.uring.features, features, cap);
    ring_free(&ring);
    return 0;
}

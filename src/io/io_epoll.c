/* The engine on epoll(7): its turn, and how it is opened and freed.
 *
 * What has something to do is on the ready list; a turn serves each of its members once, so the
 * list is where fairness comes from, and no report of the kernel is kept beyond the turn that
 * fetched it. */
#include "base/check.h"
#include "base/clock.h"
#include "io/epoll.h"
#include "io/patience.h"

#include <stdlib.h>
#include <unistd.h>

static const uint64_t pointer_mask = 0x0000fffffffffff8U;

/* --- the turn --- */

__attribute__((noinline)) static void note_other(struct io *io, uint64_t data, void *pointer)
{
    struct listener *listener = pointer;

    switch (data & ABOUT_MASK) {
    case ABOUT_LISTENER:
        listener->ready = true;
        break;
    case ABOUT_HELPERS:
        epoll_tasks_collect(io);
        break;
    default:
        epoll_tasks_note_watch(io, pointer);
    }
}

/* `reports` may be a failure of looking. Returns how many events. */
static int note_all(struct io *io, int reports, struct io_event *events, int room)
{
    struct io_event *at = events;

    for (int i = 0; i < reports; i++) {
        const struct epoll_event *report = &io->reports[i];
        uint64_t data = report->data.u64;
        void *pointer =
            (void *)(uintptr_t)(data & pointer_mask); /* NOLINT: the kernel kept it for us */

        if ((data & ABOUT_MASK) == ABOUT_SOCK)
            at += epoll_sock_note(io, pointer, report, at < events + room, at);
        else
            note_other(io, data, pointer);
    }
    return (int)(at - events);
}

/* Returns how many reports, 0 after a timeout, -EINTR. */
static int fetch(struct io *io, int timeout_ms)
{
    int count = epoll_wait(io->epoll_fd, io->reports, EPOLL_REPORTS_MAX, timeout_ms);

    return count < 0 ? -errno : count;
}

static int sleep_or_poll(struct io *io, int timeout_ms)
{
    struct spin *spin = &io->spin;
    int count = 0;

    if (!spin_is_on(spin))
        return fetch(io, timeout_ms);
    if (spin_begin(spin, clock_ns(), io->stats.socks > 0))
        while ((count = fetch(io, 0)) == 0 && spin_goes_on(spin, clock_ns()))
            continue;
    if (count == 0)
        count = fetch(io, timeout_ms);
    spin_end(spin, clock_ns());
    return count;
}

/* Ask the kernel what is ready. Returns as fetch does. */
static int look(struct io *io, int timeout_ms)
{
    io->stats.waits++;
    io->passed_over = false;
    return timeout_ms != 0 ? sleep_or_poll(io, timeout_ms) : fetch(io, 0);
}

/* Every socket that is ready now has one turn; those with more to do queue up again behind. */
static int turn_socks(struct io *io, struct io_event *events, int room)
{
    const struct list *last = io->ready.prev;
    struct list *node;
    int count = 0;

    while (count < room && (node = list_take(&io->ready))) {
        count += epoll_sock_turn(io, CONTAINER_OF(node, struct io_sock, ready), &events[count],
                                 room - count);
        if (node == last)
            break;
    }
    return count;
}

static int deliver(struct io *io, struct io_event *events, int room)
{
    int count = epoll_tasks_deliver(io, events, room / 2);

    count += epoll_listener_turn(io, &events[count], (room - count) / 2);
    count += epoll_sock_tell_sent(io, &events[count],
                                  list_empty(&io->ready) ? room - count : (room - count) / 2);
    return count + turn_socks(io, &events[count], room - count);
}

static bool has_local_work(struct io *io)
{
    return !list_empty(&io->ready) || io->sent.head != io->sent.tail || !list_empty(&io->files) ||
           !list_empty(&io->jobs) || !list_empty(&io->watches) || epoll_listener_is_ready(io);
}

/* The descriptors are passed over when there is work without them, but not twice in a row. */
static int epoll_engine_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    struct patience patience = { .timeout_ms = timeout_ms };

    CHECK(max >= IO_EVENTS_MIN);
    CHECK(pthread_equal(io->owner, pthread_self()));
    for (;;) {
        int reports = 1, count = 0;

        epoll_sock_feed(io);
        bool work = has_local_work(io);
        if (!work || io->passed_over) {
            reports = look(io, work ? 0 : patience.timeout_ms);
            count = note_all(io, reports, events, max / 2);
        } else {
            io->passed_over = true;
        }
        count += deliver(io, &events[count], max - count);
        io->stats.events += (uint64_t)count;
        if (count > 0 || patience.timeout_ms == 0 || (reports <= 0 && !work))
            return count;
        patience_tried(&patience);
    }
}

/* --- opening --- */

static int open_parts(struct io *io, const struct io_config *config)
{
    int result = epoll_sock_open(io, config->socks_max);
    if (result < 0)
        return result;
    result = buffers_open(&io->buffers, config->buffers, config->buffer_size);
    if (result < 0)
        goto no_buffers;
    result = bounces_open(&io->bounces);
    if (result < 0)
        goto no_bounces;
    result = helpers_open(&io->helpers, config->helpers_max);
    if (result < 0)
        goto no_helpers;
    io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (io->epoll_fd < 0) {
        result = -errno;
        goto no_epoll;
    }
    result = epoll_add(io, io->helpers.wake_fd, EPOLLIN, epoll_tag(NULL, 0, ABOUT_HELPERS));
    if (result == 0)
        return 0;

    close(io->epoll_fd);
no_epoll:
    helpers_free(&io->helpers);
no_helpers:
    bounces_free(&io->bounces);
no_bounces:
    buffers_free(&io->buffers);
no_buffers:
    epoll_sock_free(io);
    return result;
}

static int epoll_open(struct io **opened, const struct io_config *config)
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

static void epoll_free(struct io *io)
{
    CHECK(pthread_equal(io->owner, pthread_self()));
    CHECK(io->stats.socks == 0);
    helpers_free(&io->helpers);
    close(io->epoll_fd);
    bounces_free(&io->bounces);
    buffers_free(&io->buffers);
    epoll_sock_free(io);
    free(io);
}

static struct io_stats epoll_stats(const struct io *io)
{
    struct io_stats stats = io->stats;

    stats.leases = io->buffers.lent;
    stats.spins = io->spin.count;
    return stats;
}

const struct io_engine io_epoll_engine = {
    .name = "epoll",
    .open = epoll_open,
    .free = epoll_free,
    .accept = epoll_listener_accept,
    .stop_accept = epoll_listener_stop,
    .attach = epoll_sock_attach,
    .pause = epoll_sock_pause,
    .resume = epoll_sock_resume,
    .send = epoll_sock_send,
    .send_file = epoll_sock_send_file,
    .file = epoll_tasks_file,
    .work = epoll_tasks_work,
    .watch = epoll_tasks_watch,
    .unwatch = epoll_tasks_unwatch,
    .close = epoll_sock_close,
    .give_back = epoll_sock_give_back,
    .wait = epoll_engine_wait,
    .stats = epoll_stats,
};

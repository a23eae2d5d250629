/* The listeners on the ring: one multishot accept for each, and what to do when it ends. */
#include "base/check.h"
#include "io/accept_queue.h"
#include "io/uring.h"

#include <errno.h>

static void add_accept(struct io *io, struct listener *l)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_ACCEPT, l->fd, uring_tag(l, 0, ABOUT_ACCEPT));

    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    l->armed = true;
}

static bool is_used(const struct listener *l)
{
    return l->accepting || l->armed;
}

/* The one that accepts, or did a moment ago, from `fd`; or NULL. */
static struct listener *find(struct io *io, int fd)
{
    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        if (is_used(&io->listeners[i]) && io->listeners[i].fd == fd)
            return &io->listeners[i];
    return NULL;
}

static struct listener *take_place(struct io *io)
{
    int i = 0;

    while (i < IO_LISTENERS_MAX && is_used(&io->listeners[i]))
        i++;
    CHECK(i < IO_LISTENERS_MAX);
    return &io->listeners[i];
}

void uring_listener_accept(struct io *io, int fd)
{
    struct listener *l = find(io, fd);

    if (!l)
        l = take_place(io);
    l->fd = fd;
    l->accepting = true;
    l->stopping = false;
    if (!l->armed)
        add_accept(io, l);
}

void uring_listener_stop(struct io *io, int fd)
{
    struct listener *l = find(io, fd);

    if (!l || !l->accepting)
        return;
    l->stopping = true;
    if (l->armed)
        uring_cancel(io, uring_tag(l, 0, ABOUT_ACCEPT));
}

static struct io_event accept_stopped(struct listener *l, int result)
{
    l->accepting = false;
    l->stopping = false;
    return (struct io_event){ .kind = IO_ACCEPT_STOPPED, .listener = l->fd, .result = result };
}

bool uring_listener_handle(struct io *io, struct listener *l, const struct io_uring_cqe *cqe,
                           struct io_event *event)
{
    bool told = cqe->res >= 0;

    if (!(cqe->flags & IORING_CQE_F_MORE))
        l->armed = false;
    if (told) {
        *event = (struct io_event){ .kind = IO_ACCEPTED, .listener = l->fd, .result = cqe->res };
    } else if (l->accepting && cqe->res != -ECANCELED && !accept_queue_lost_one(-cqe->res)) {
        *event = accept_stopped(l, cqe->res);
        told = true;
    }
    if (!l->armed && l->accepting && !l->stopping)
        add_accept(io, l);
    return told;
}

static bool has_rest(const struct listener *l)
{
    return l->accepting && l->stopping && !l->armed;
}

bool uring_listener_has_rest(const struct io *io)
{
    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        if (has_rest(&io->listeners[i]))
            return true;
    return false;
}

static int take_rest(struct listener *l, struct io_event *events, int room)
{
    int count = 0;

    while (count < room && has_rest(l)) {
        int fd = accept_queue_take(l->fd);

        events[count++] =
            fd >= 0 ? (struct io_event){ .kind = IO_ACCEPTED, .listener = l->fd, .result = fd }
                    : accept_stopped(l, fd == -EAGAIN ? 0 : fd);
    }
    return count;
}

/* Each has its share of the room. */
int uring_listener_rest(struct io *io, struct io_event *events, int room)
{
    int count = 0;

    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        count +=
            take_rest(&io->listeners[i], &events[count], (room - count) / (IO_LISTENERS_MAX - i));
    return count;
}

void uring_listener_cancel_all(struct io *io)
{
    for (int i = 0; i < IO_LISTENERS_MAX; i++) {
        struct listener *l = &io->listeners[i];

        l->accepting = false;
        if (l->armed)
            uring_cancel(io, uring_tag(l, 0, ABOUT_ACCEPT));
    }
}

bool uring_listener_is_over(const struct io *io)
{
    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        if (io->listeners[i].armed)
            return false;
    return true;
}

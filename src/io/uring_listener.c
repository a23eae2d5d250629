/* The listener on the ring: one multishot accept, and what to do when it ends. */
#include "base/check.h"
#include "io/accept_queue.h"
#include "io/uring.h"

#include <errno.h>

static void add_accept(struct io *io)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_ACCEPT, io->listener.fd, uring_tag(NULL, 0, ABOUT_ACCEPT));

    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    io->listener.armed = true;
}

void uring_listener_accept(struct io *io, int fd)
{
    struct listener *l = &io->listener;

    CHECK(l->fd < 0 || l->fd == fd);
    l->fd = fd;
    l->accepting = true;
    l->stopping = false;
    if (!l->armed)
        add_accept(io);
}

void uring_listener_stop(struct io *io, int fd)
{
    struct listener *l = &io->listener;

    if (!l->accepting)
        return;
    CHECK(l->fd == fd);
    l->stopping = true;
    if (l->armed)
        uring_cancel(io, uring_tag(NULL, 0, ABOUT_ACCEPT));
}

static struct io_event accept_stopped(struct listener *l, int result)
{
    int fd = l->fd;

    l->accepting = false;
    l->stopping = false;
    l->fd = -1;
    return (struct io_event){.kind = IO_ACCEPT_STOPPED, .listener = fd, .result = result};
}

bool uring_listener_handle(struct io *io, const struct io_uring_cqe *cqe, struct io_event *event)
{
    struct listener *l = &io->listener;
    bool told = cqe->res >= 0;

    if (!(cqe->flags & IORING_CQE_F_MORE))
        l->armed = false;
    if (told) {
        *event = (struct io_event){.kind = IO_ACCEPTED, .listener = l->fd, .result = cqe->res};
    } else if (l->accepting && cqe->res != -ECANCELED && !accept_queue_lost_one(-cqe->res)) {
        *event = accept_stopped(l, cqe->res);
        told = true;
    }
    if (!l->armed && l->accepting && !l->stopping)
        add_accept(io);
    return told;
}

/* After stop_accept: what is still in the queue. */
int uring_listener_rest(struct io *io, struct io_event *events, int room)
{
    struct listener *l = &io->listener;
    int count = 0;

    while (count < room && l->accepting && l->stopping && !l->armed) {
        int fd = accept_queue_take(l->fd);

        events[count++] =
            fd >= 0 ? (struct io_event){.kind = IO_ACCEPTED, .listener = l->fd, .result = fd}
                    : accept_stopped(l, fd == -EAGAIN ? 0 : fd);
    }
    return count;
}

/* A listener on epoll: accepting. */
#include "base/check.h"
#include "io/accept_queue.h"
#include "io/epoll.h"

enum { ACCEPTS_A_TURN = 64 };

void epoll_listener_accept(struct io *io, int fd)
{
    struct listener *l = &io->listener;
    int error = 0;

    CHECK(!l->accepting || l->fd == fd);
    if (!l->accepting)
        error = epoll_add(io, fd, EPOLLIN, epoll_tag(NULL, 0, ABOUT_LISTENER));
    *l = (struct listener){ .fd = fd, .error = error, .accepting = true, .ready = true };
}

void epoll_listener_stop(struct io *io, int fd)
{
    struct listener *l = &io->listener;

    if (!l->accepting)
        return;
    CHECK(l->fd == fd);
    l->ready = true;
    l->stopping = true;
}

/* Nothing more in the queue, or an error. Returns whether there is an event. */
static bool accept_paused(struct io *io, int error, struct io_event *event)
{
    struct listener *l = &io->listener;

    l->ready = false;
    if (error == -EAGAIN && !l->stopping)
        return false;
    *event = (struct io_event){ .kind = IO_ACCEPT_STOPPED,
                                .listener = l->fd,
                                .result = error == -EAGAIN ? 0 : error };
    if (!l->error)
        epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    *l = (struct listener){ .fd = -1 };
    return true;
}

int epoll_listener_turn(struct io *io, struct io_event *events, int room)
{
    struct listener *l = &io->listener;
    int count = 0;

    while (count < room && count < ACCEPTS_A_TURN && l->ready && l->accepting) {
        int fd = l->error ? l->error : accept_queue_take(l->fd);

        if (fd < 0)
            count += accept_paused(io, fd, &events[count]);
        else
            events[count++] =
                (struct io_event){ .kind = IO_ACCEPTED, .listener = l->fd, .result = fd };
    }
    return count;
}

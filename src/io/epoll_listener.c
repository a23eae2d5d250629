/* The listeners on epoll: accepting. */
#include "base/check.h"
#include "io/accept_queue.h"
#include "io/epoll.h"

enum { ACCEPTS_A_TURN = 64 };

/* The one that accepts from `fd`, or NULL. */
static struct listener *find(struct io *io, int fd)
{
    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        if (io->listeners[i].accepting && io->listeners[i].fd == fd)
            return &io->listeners[i];
    return NULL;
}

static struct listener *take_place(struct io *io)
{
    int i = 0;

    while (i < IO_LISTENERS_MAX && io->listeners[i].accepting)
        i++;
    CHECK(i < IO_LISTENERS_MAX);
    return &io->listeners[i];
}

void epoll_listener_accept(struct io *io, int fd)
{
    struct listener *l = find(io, fd);
    int error = 0;

    if (!l) {
        l = take_place(io);
        error = epoll_add(io, fd, EPOLLIN, epoll_tag(l, 0, ABOUT_LISTENER));
    }
    *l = (struct listener){ .fd = fd, .error = error, .accepting = true, .ready = true };
}

void epoll_listener_stop(struct io *io, int fd)
{
    struct listener *l = find(io, fd);

    if (!l)
        return;
    l->ready = true;
    l->stopping = true;
}

/* Nothing more in the queue, or an error. Returns whether there is an event. */
static bool accept_paused(struct io *io, struct listener *l, int error, struct io_event *event)
{
    l->ready = false;
    if (error == -EAGAIN && !l->stopping)
        return false;
    *event = (struct io_event){ .kind = IO_ACCEPT_STOPPED,
                                .listener = l->fd,
                                .result = error == -EAGAIN ? 0 : error };
    if (!l->error)
        epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    *l = (struct listener){ .accepting = false };
    return true;
}

static int accept_some(struct io *io, struct listener *l, struct io_event *events, int room)
{
    int count = 0;

    while (count < room && count < ACCEPTS_A_TURN && l->ready && l->accepting) {
        int fd = l->error ? l->error : accept_queue_take(l->fd);

        if (fd < 0)
            count += accept_paused(io, l, fd, &events[count]);
        else
            events[count++] =
                (struct io_event){ .kind = IO_ACCEPTED, .listener = l->fd, .result = fd };
    }
    return count;
}

bool epoll_listener_is_ready(const struct io *io)
{
    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        if (io->listeners[i].ready && io->listeners[i].accepting)
            return true;
    return false;
}

/* Each has its share of the room. */
int epoll_listener_turn(struct io *io, struct io_event *events, int room)
{
    int count = 0;

    for (int i = 0; i < IO_LISTENERS_MAX; i++)
        count += accept_some(io, &io->listeners[i], &events[count],
                             (room - count) / (IO_LISTENERS_MAX - i));
    return count;
}

/* A socket on epoll: receiving, sending, closing.
 *
 * It is added once, edge-triggered for everything, and never modified: its flags remember the
 * edges. Calls try at once (recv, send, sendfile) and only EAGAIN makes them wait.
 *
 * The everyday exchange touches no list: one receive as soon as the report is read, one send that
 * the kernel takes whole, and one entry in the queue of those that IO_SENT is owed to. */
#include "base/check.h"
#include "io/epoll.h"
#include "io/socket_call.h"
#include "io/tell.h"

#include <stdlib.h>
#include <unistd.h>

enum { RECEIVES_A_TURN = 8 }; /* buffers one socket fills, then others have their turn */

/* io_sock.flags; the first two are where epoll_event.events has them */
enum {
    READABLE = EPOLLIN,  /* an edge was seen and not read dry */
    WRITABLE = EPOLLOUT, /* likewise */
    HUNG_UP = 1 << 3,    /* a FIN or error was reported: a short read does not mean dry */
    ADDED = 1 << 4,      /* to the epoll set */
    PAUSED = 1 << 5,
    ENDED = 1 << 6, /* nothing more will be received */
    SENDING = 1 << 7,
    FILLING = 1 << 8, /* a helper reads into the bounce buffer */
    SENT = 1 << 9,    /* IO_SENT is owed: it is in io->sent */
    LINGER = 1 << 10,
    RESET = 1 << 11,
    CLOSED = 1 << 12, /* IO_CLOSED is owed */
    NONBLOCK = 1 << 13,

    /* What makes more of a turn than receiving. */
    BUSY = SENDING | SENT | LINGER | RESET | CLOSED,
};

static void ready(struct io *io, struct io_sock *s)
{
    if (list_empty(&s->ready))
        list_append(&io->ready, &s->ready);
}

/* The socket is to be waited for, so from now on the kernel has to report it. What became ready in
 * between is reported first. When the kernel has no memory for it, the connection is given up: both
 * directions then fail by themselves. */
__attribute__((noinline)) static void add_sock(struct io *io, struct io_sock *s)
{
    s->flags |= ADDED;
    if (epoll_add(io, s->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP,
                  epoll_tag(s, s->generation, ABOUT_SOCK)) == 0)
        return;
    shutdown(s->fd, SHUT_RDWR);
    s->flags |= READABLE | WRITABLE;
    ready(io, s);
}

static void not_readable(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)READABLE;
    if (!(s->flags & ADDED))
        add_sock(io, s);
}

static void not_writable(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)WRITABLE;
    if (!(s->flags & ADDED))
        add_sock(io, s);
}

/* --- what a socket wants --- */

static bool may_receive(const struct io_sock *s)
{
    if (s->flags & LINGER)
        return true;
    return !(s->flags & PAUSED) && s->leases < IO_SOCK_LEASES_SOFT;
}

static bool wants_to_receive(const struct io_sock *s)
{
    return (s->flags & (READABLE | ENDED | RESET)) == READABLE && may_receive(s) &&
           list_empty(&s->starved);
}

/* Everything wants_to_receive asks for, of a socket that does nothing else. */
static bool only_receives(const struct io_sock *s)
{
    return (s->flags & (READABLE | PAUSED | ENDED | BUSY)) == READABLE &&
           s->leases < IO_SOCK_LEASES_SOFT && list_empty(&s->starved);
}

static bool wants_to_send(const struct io_sock *s)
{
    return (s->flags & (SENDING | WRITABLE | FILLING)) == (SENDING | WRITABLE) &&
           list_empty(&s->waiting);
}

static bool has_work(const struct io_sock *s)
{
    return s->flags & CLOSED || wants_to_receive(s) || wants_to_send(s);
}

static void ready_if_work(struct io *io, struct io_sock *s)
{
    if (has_work(s))
        ready(io, s);
}

/* --- what is sent --- */

static void owe_sent(struct io *io, struct io_sock *s)
{
    s->flags |= SENT;
    io->sent.socks[io->sent.tail++ & io->sent.mask] = s;
}

/* It is closed before it was told. Mostly that comes right after the send: look from the end. */
static void forget_sent(struct io *io, struct io_sock *s)
{
    struct sent_queue *q = &io->sent;
    unsigned at = q->tail;

    s->flags &= ~(uint32_t)SENT;
    do
        CHECK(at-- != q->head);
    while (q->socks[at & q->mask] != s);
    for (q->tail--; at != q->tail; at++)
        q->socks[at & q->mask] = q->socks[(at + 1) & q->mask];
}

/* Returns how many events. */
int epoll_sock_tell_sent(struct io *io, struct io_event *events, int room)
{
    const struct sent_queue q = io->sent;
    unsigned owed = q.tail - q.head;
    unsigned count = owed < (unsigned)room ? owed : (unsigned)room;

    for (unsigned i = 0; i < count; i++) {
        struct io_sock *s = q.socks[(q.head + i) & q.mask];

        s->flags &= ~(uint32_t)SENT;
        tell_sent(&events[i], s, s->out.result);
    }
    io->sent.head += count;
    return (int)count;
}

int epoll_sock_open(struct io *io, unsigned socks_max)
{
    struct sent_queue *q = &io->sent;
    unsigned room = 1;

    while (room < socks_max)
        room *= 2;
    q->mask = room - 1;
    q->socks = calloc(room, sizeof(struct io_sock *));
    return q->socks ? 0 : -ENOMEM;
}

void epoll_sock_free(struct io *io)
{
    free(io->sent.socks);
}

/* --- closing --- */

/* Nothing keeps the descriptor any more; a helper may still be reading for the socket. */
static void close_fd(struct io *io, struct io_sock *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->in_flight > 0)
        return;
    bounce_release(&io->bounces, s);
    s->flags |= CLOSED;
    ready(io, s);
}

/* A lingering close goes on, now that nothing is being sent. */
static void linger(struct io *io, struct io_sock *s)
{
    shutdown(s->fd, SHUT_WR);
    if (s->flags & ENDED)
        close_fd(io, s);
    else
        ready_if_work(io, s);
}

static void reset(struct io *io, struct io_sock *s)
{
    struct linger abrupt = { .l_onoff = 1, .l_linger = 0 };

    s->flags = (s->flags & ~(uint32_t)(SENDING | LINGER)) | RESET;
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    list_remove(&s->starved);
    list_remove(&s->waiting);
    list_remove(&s->ready);
    close_fd(io, s);
}

void epoll_sock_close(struct io *io, struct io_sock *s, enum io_close_how how)
{
    if (s->flags & SENT)
        forget_sent(io, s);
    if (s->flags & (RESET | CLOSED))
        return;
    if (how == IO_CLOSE_RESET) {
        reset(io, s);
    } else if (how == IO_CLOSE_FIN && !(s->flags & (SENDING | LINGER | READABLE))) {
        list_remove(&s->starved);
        close_fd(io, s);
    } else if (!(s->flags & LINGER)) {
        s->flags |= LINGER;
        list_remove(&s->starved);
        if (!(s->flags & SENDING))
            linger(io, s);
        else
            ready_if_work(io, s);
    }
}

static struct io_event closed(struct io *io, struct io_sock *s)
{
    if (s->leases > 0)
        buffers_orphan(&io->buffers, s);
    s->generation++;
    s->flags = 0;
    io->stats.socks--;
    return (struct io_event){ .kind = IO_CLOSED, .sock = s };
}

/* --- sending --- */

static void finish_send(struct io *io, struct io_sock *s)
{
    bounce_release(&io->bounces, s);
    s->flags &= ~(uint32_t)SENDING;
    if (s->flags & LINGER) {
        linger(io, s);
        return;
    }
    owe_sent(io, s);
}

static void fill_bounce(struct io *io, struct io_sock *s)
{
    struct io_file_op *op = bounce_read(&io->bounces, s);

    if (!op)
        return;
    s->flags |= FILLING;
    s->in_flight++;
    helpers_file(&io->helpers, op);
}

void epoll_sock_bounced(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)FILLING;
    s->in_flight--;
    if (s->flags & RESET)
        close_fd(io, s);
    else if (bounce_filled(s))
        ready_if_work(io, s);
    else
        finish_send(io, s);
}

/* Some is sent; the rest waits for an edge, a helper or the next turn. */
static void pushed(struct io *io, struct io_sock *s, enum send_state state)
{
    switch (state) {
    case SEND_MOVED:
        break;
    case SEND_FULL:
        not_writable(io, s);
        break;
    case SEND_COLD:
        fill_bounce(io, s);
        break;
    case SEND_DONE:
    case SEND_FAILED:
        finish_send(io, s);
        return;
    }
    if (state != SEND_COLD && !send_vector_left(s))
        bounce_release(&io->bounces, s);
    if (state == SEND_FULL)
        bounce_stall(&io->bounces, s);
    ready_if_work(io, s);
}

static void push(struct io *io, struct io_sock *s)
{
    pushed(io, s, send_turn(s, &io->looks, io->scratch));
}

/* The cursor is set. */
static void begin_send(struct io *io, struct io_sock *s)
{
    CHECK(!(s->flags & BUSY));
    s->flags |= SENDING;
    if (s->flags & WRITABLE)
        push(io, s);
}

__attribute__((noinline)) static void send_vector(struct io *io, struct io_sock *s,
                                                  const struct iovec *iov, int n)
{
    CHECK(n > 0);
    CHECK(!(s->flags & BUSY));
    send_start(s, iov, n, -1, 0, 0);
    begin_send(io, s);
}

__attribute__((noinline)) static void send_rest(struct io *io, struct io_sock *s,
                                                const struct iovec *iov, ssize_t took)
{
    s->flags |= SENDING;
    pushed(io, s, send_tried(s, iov, took));
}

/* The everyday answer is one entry that the kernel takes whole; it needs no cursor. */
void epoll_sock_send(struct io *io, struct io_sock *s, const struct iovec *iov, int n)
{
    if (n != 1 || iov->iov_len > IO_SEND_PIECE || (s->flags & (WRITABLE | BUSY)) != WRITABLE) {
        send_vector(io, s, iov, n);
        return;
    }

    ssize_t took = socket_send(s->fd, iov->iov_base, iov->iov_len, 0);
    if (took != (ssize_t)iov->iov_len) {
        send_rest(io, s, iov, took);
        return;
    }
    s->sent += (uint64_t)took;
    s->out.result = 0;
    owe_sent(io, s);
}

void epoll_sock_send_file(struct io *io, struct io_sock *s, const struct iovec *iov, int n, int fd,
                          off_t offset, size_t len)
{
    CHECK(!(s->flags & BUSY));
    if (!(s->flags & NONBLOCK)) {
        send_prepare_file(s->fd);
        s->flags |= NONBLOCK;
    }
    send_start(s, iov, n, fd, offset, len);
    begin_send(io, s);
}

/* --- receiving --- */

static struct io_event ended(struct io_sock *s, int result)
{
    s->flags |= ENDED;
    return (struct io_event){ .kind = IO_ENDED, .sock = s, .result = result };
}

__attribute__((noinline)) static void starve(struct io *io, struct io_sock *s)
{
    io->stats.starved++;
    list_append(&io->starved, &s->starved);
}

/* A receive that brought nothing. Returns whether there is an event. */
__attribute__((noinline)) static bool receive_failed(struct io *io, struct io_sock *s, int error,
                                                     struct io_event *event)
{
    if (error == EAGAIN)
        not_readable(io, s);
    if (error == EAGAIN || error == EINTR)
        return false;
    *event = ended(s, -error);
    return true;
}

/* Receive once into a buffer. Returns whether there is an event. */
static inline bool receive_one(struct io *io, struct io_sock *s, struct io_event *event)
{
    int lease = buffers_take(&io->buffers);
    if (lease < 0) {
        starve(io, s);
        return false;
    }

    ssize_t got = socket_recv(s->fd, buffers_at(&io->buffers, lease), io->buffers.size);
    if (got <= 0) {
        buffers_put(&io->buffers, lease);
        return receive_failed(io, s, got < 0 ? errno : 0, event);
    }
    if ((size_t)got < io->buffers.size && !(s->flags & HUNG_UP))
        not_readable(io, s);
    tell_received(event, &io->buffers, lease, s, (uint32_t)got);
    return true;
}

static int receive(struct io *io, struct io_sock *s, struct io_event *events, int room)
{
    int count = 0;

    for (int i = 0; i < RECEIVES_A_TURN && count < room && wants_to_receive(s); i++)
        count += receive_one(io, s, &events[count]);
    return count;
}

/* What comes after a close is read and dropped, until the peer is done as well. */
static void swallow(struct io *io, struct io_sock *s)
{
    for (int i = 0; i < RECEIVES_A_TURN && wants_to_receive(s); i++) {
        ssize_t got = socket_recv(s->fd, io->scratch, sizeof io->scratch);

        if (got > 0 || (got < 0 && errno == EINTR))
            continue;
        if (got < 0 && errno == EAGAIN)
            not_readable(io, s);
        else
            s->flags |= ENDED;
    }
    if (s->flags & ENDED && !(s->flags & SENDING))
        close_fd(io, s);
}

void epoll_sock_attach(struct io *io, struct io_sock *s, int fd)
{
    CHECK(io->stats.socks < io->socks_max);
    io->stats.socks++;
    s->fd = fd;
    s->sent = 0;
    s->leases = 0;
    s->in_flight = 0;
    s->out.bounce = NULL;
    s->flags = READABLE | WRITABLE; /* to be tried: often the request is there already */
    list_init(&s->ready);
    list_init(&s->starved);
    list_init(&s->waiting);
    ready(io, s);
}

void epoll_sock_pause(struct io *io, struct io_sock *s)
{
    (void)io;
    s->flags |= PAUSED;
    list_remove(&s->starved);
}

void epoll_sock_resume(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)PAUSED;
    ready_if_work(io, s);
}

void epoll_sock_give_back(struct io *io, int lease)
{
    struct io_sock *s = buffers_end(&io->buffers, lease);

    buffers_put(&io->buffers, lease);
    if (s->leases == IO_SOCK_LEASES_SOFT - 1 && s != &io->buffers.nobody)
        ready_if_work(io, s);
}

/* Those that waited for memory try again: as many as there are receive buffers, and all of the
 * others when there is a bounce buffer. */
void epoll_sock_feed(struct io *io)
{
    struct io_sock *waiting;

    while ((waiting = bounces_next(&io->bounces)))
        ready_if_work(io, waiting);
    for (unsigned i = io->buffers.stacked; i > 0; i--) {
        struct list *node = list_take(&io->starved);

        if (!node)
            break;
        ready_if_work(io, CONTAINER_OF(node, struct io_sock, starved));
    }
}

/* --- its turn --- */

__attribute__((noinline)) static void note_end(struct io_sock *s, uint32_t events)
{
    s->flags |= HUNG_UP | READABLE;
    if (events & (EPOLLHUP | EPOLLERR))
        s->flags |= WRITABLE;
}

static inline void note_edges(struct io_sock *s, uint32_t events)
{
    s->flags |= events & (READABLE | WRITABLE);
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        note_end(s, events);
}

/* What comes for a socket that does nothing else is received on the spot, once; all else takes its
 * turn. */
int epoll_sock_note(struct io *io, struct io_sock *s, const struct epoll_event *report, bool room,
                    struct io_event *event)
{
    int count = 0;

    if ((uint16_t)(report->data.u64 >> 48) != (uint16_t)s->generation) {
        io->stats.stale++;
        return 0;
    }
    note_edges(s, report->events);
    if (room && only_receives(s))
        count = receive_one(io, s, event);
    if (s->flags & (READABLE | BUSY))
        ready_if_work(io, s);
    return count;
}

int epoll_sock_turn(struct io *io, struct io_sock *s, struct io_event *events, int room)
{
    int count = 0;

    if (wants_to_send(s))
        push(io, s);
    if (s->flags & CLOSED) {
        list_remove(&s->ready);
        events[0] = closed(io, s);
        return 1;
    }
    if (s->flags & LINGER)
        swallow(io, s);
    else
        count = receive(io, s, events, room);
    ready_if_work(io, s);
    return count;
}

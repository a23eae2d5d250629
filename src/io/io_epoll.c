/* The engine on epoll(7).
 *
 * A socket is added once, edge-triggered for everything, and never modified: its flags remember the
 * edges. Calls try at once (accept, recv, send, sendfile) and only EAGAIN makes them wait. What has
 * something to do is on the ready list; a turn serves each of its members once, so the list is
 * where fairness comes from, and no report of the kernel is kept beyond the turn that fetched it.
 *
 * The everyday exchange touches no list: one receive as soon as the report is read, one send that
 * the kernel takes whole, and one entry in the queue of those that IO_SENT is owed to.
 */
#include "base/check.h"
#include "io/accept_queue.h"
#include "io/bounce.h"
#include "io/buffers.h"
#include "io/file_range.h"
#include "io/helpers.h"
#include "io/patience.h"
#include "io/send.h"
#include "io/socket_call.h"
#include "io/tell.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    REPORTS_MAX = 256,   /* fetched by one epoll_wait */
    RECEIVES_A_TURN = 8, /* buffers one socket fills, then others have their turn */
    ACCEPTS_A_TURN = 64,
};

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

/* io_watch.flags */
enum { WATCH_READABLE = 1, WATCH_ENDED = 2 };

/* What a report is about: in the low bits of its user data, the generation in the top 16. */
enum { ABOUT_SOCK, ABOUT_LISTENER, ABOUT_HELPERS, ABOUT_WATCH, ABOUT_MASK = 7 };

static const uint64_t pointer_mask = 0x0000fffffffffff8U;

struct listener {
    int fd;    /* -1 when there is none */
    int error; /* it can't be watched: -errno */
    bool accepting, ready, stopping;
};

/* Sockets that IO_SENT is owed to, each at most once. */
struct sent_queue {
    struct io_sock **socks;
    unsigned head, tail; /* counted on and on */
    unsigned mask;
};

struct io {
    int epoll_fd;
    struct list ready;       /* sockets */
    struct list starved;     /* sockets that are readable and found no buffer */
    struct list watches;     /* with an event owed */
    struct list files, jobs; /* done */
    struct sent_queue sent;
    struct listener listener;
    bool passed_over; /* the last wait did not look at the descriptors */
    struct buffers buffers;
    struct bounces bounces;
    struct helpers helpers;
    struct io_stats stats;
    unsigned socks_max;
    pthread_t owner; /* the thread all calls come from */
    struct epoll_event reports[REPORTS_MAX];
    char scratch[FILE_RANGE_SCRATCH];
};

/* --- the epoll set --- */

static uint64_t tag(const void *pointer, uint32_t generation, unsigned about)
{
    return (uint64_t)(uintptr_t)pointer | (uint64_t)(uint16_t)generation << 48 | about;
}

static int add(const struct io *io, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events | EPOLLET, .data.u64 = data};

    return epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

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
    if (add(io, s->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, tag(s, s->generation, ABOUT_SOCK)) == 0)
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
static int tell_all_sent(struct io *io, struct io_event *events, int room)
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

static int open_sent(struct sent_queue *q, unsigned socks_max)
{
    unsigned room = 1;

    while (room < socks_max)
        room *= 2;
    q->mask = room - 1;
    q->socks = calloc(room, sizeof(struct io_sock *));
    return q->socks ? 0 : -ENOMEM;
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
    struct linger abrupt = {.l_onoff = 1, .l_linger = 0};

    s->flags = (s->flags & ~(uint32_t)(SENDING | LINGER)) | RESET;
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    list_remove(&s->starved);
    list_remove(&s->waiting);
    list_remove(&s->ready);
    close_fd(io, s);
}

static void epoll_close(struct io *io, struct io_sock *s, enum io_close_how how)
{
    if (s->flags & SENT)
        forget_sent(io, s);
    if (s->flags & (RESET | CLOSED))
        return;
    if (how == IO_CLOSE_RESET) {
        reset(io, s);
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
    return (struct io_event){.kind = IO_CLOSED, .sock = s};
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

static void bounce_done(struct io *io, struct io_sock *s)
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
    ready_if_work(io, s);
}

static void push(struct io *io, struct io_sock *s)
{
    pushed(io, s, send_turn(s, io->scratch));
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
static void epoll_send(struct io *io, struct io_sock *s, const struct iovec *iov, int n)
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

static void epoll_send_file(struct io *io, struct io_sock *s, const struct iovec *iov, int n,
                            int fd, off_t offset, size_t len)
{
    CHECK(!(s->flags & BUSY));
    if (!(s->flags & NONBLOCK)) {
        fcntl(s->fd, F_SETFL, O_RDWR | O_NONBLOCK); /* sendfile(2) has no MSG_DONTWAIT */
        s->flags |= NONBLOCK;
    }
    send_start(s, iov, n, fd, offset, len);
    begin_send(io, s);
}

/* --- receiving --- */

static struct io_event ended(struct io_sock *s, int result)
{
    s->flags |= ENDED;
    return (struct io_event){.kind = IO_ENDED, .sock = s, .result = result};
}

__attribute__((noinline)) static void starve(struct io *io, struct io_sock *s)
{
    io->stats.starved++;
    list_append(&io->starved, &s->starved);
}

/* A receive that brought nothing. Returns whether there is an event. */
__attribute__((noinline)) static bool receive_failed(struct io *io, struct io_sock *s,
                                                     int error, struct io_event *event)
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

static void epoll_attach(struct io *io, struct io_sock *s, int fd)
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

static void epoll_pause(struct io *io, struct io_sock *s)
{
    (void)io;
    s->flags |= PAUSED;
    list_remove(&s->starved);
}

static void epoll_resume(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)PAUSED;
    ready_if_work(io, s);
}

static void epoll_give_back(struct io *io, int lease)
{
    struct io_sock *s = buffers_end(&io->buffers, lease);

    buffers_put(&io->buffers, lease);
    if (s && s->leases == IO_SOCK_LEASES_SOFT - 1)
        ready_if_work(io, s);
}

/* Those that waited for memory try again: as many as there are receive buffers, and all of the
 * others when there is a bounce buffer. */
static void feed(struct io *io)
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

/* --- accepting --- */

static void epoll_accept(struct io *io, int fd)
{
    struct listener *l = &io->listener;
    int error = 0;

    CHECK(!l->accepting || l->fd == fd);
    if (!l->accepting)
        error = add(io, fd, EPOLLIN, tag(NULL, 0, ABOUT_LISTENER));
    *l = (struct listener){.fd = fd, .error = error, .accepting = true, .ready = true};
}

static void epoll_stop_accept(struct io *io, int fd)
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
    *event = (struct io_event){
        .kind = IO_ACCEPT_STOPPED, .listener = l->fd, .result = error == -EAGAIN ? 0 : error};
    if (!l->error)
        epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    *l = (struct listener){.fd = -1};
    return true;
}

static int accept_some(struct io *io, struct io_event *events, int room)
{
    struct listener *l = &io->listener;
    int count = 0;

    while (count < room && count < ACCEPTS_A_TURN && l->ready && l->accepting) {
        int fd = l->error ? l->error : accept_queue_take(l->fd);

        if (fd < 0)
            count += accept_paused(io, fd, &events[count]);
        else
            events[count++] =
                (struct io_event){.kind = IO_ACCEPTED, .listener = l->fd, .result = fd};
    }
    return count;
}

/* --- files, jobs, watches --- */

static void epoll_file(struct io *io, struct io_file_op *op)
{
    op->sock = NULL;
    helpers_file(&io->helpers, op);
}

static void epoll_work(struct io *io, struct io_job *job)
{
    helpers_job(&io->helpers, job);
}

static void collect(struct io *io)
{
    struct list files, *node;

    list_init(&files);
    helpers_collect(&io->helpers, &files, &io->jobs);
    while ((node = list_take(&files))) {
        struct io_file_op *op = CONTAINER_OF(node, struct io_file_op, link);

        if (op->sock)
            bounce_done(io, op->sock);
        else
            list_append(&io->files, &op->link);
    }
}

static void epoll_watch(struct io *io, struct io_watch *watch)
{
    watch->flags = 0;
    list_init(&watch->ready);
    watch->in_flight = 0;

    int result = add(io, watch->fd, EPOLLIN, tag(watch, 0, ABOUT_WATCH));
    if (result == 0)
        return;
    watch->in_flight = (uint32_t)-result; /* the error, to be told with an event */
    watch->flags = WATCH_READABLE;
    list_append(&io->watches, &watch->ready);
}

static void epoll_unwatch(struct io *io, struct io_watch *watch)
{
    epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->flags = WATCH_ENDED;
    list_remove(&watch->ready);
    list_append(&io->watches, &watch->ready);
}

static struct io_event watch_event(struct io_watch *watch)
{
    if (watch->flags & WATCH_ENDED)
        return (struct io_event){.kind = IO_UNWATCHED, .watch = watch};
    watch->flags = 0;
    return (struct io_event){.kind = IO_READABLE, .watch = watch, .result = -(int)watch->in_flight};
}

/* --- the turn --- */

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

static void note_watch(struct io *io, struct io_watch *watch)
{
    if (watch->flags != 0)
        return;
    watch->flags = WATCH_READABLE;
    list_append(&io->watches, &watch->ready);
}

__attribute__((noinline)) static void note_other(struct io *io, uint64_t data, void *pointer)
{
    switch (data & ABOUT_MASK) {
    case ABOUT_LISTENER:
        io->listener.ready = true;
        break;
    case ABOUT_HELPERS:
        collect(io);
        break;
    default:
        note_watch(io, pointer);
    }
}

/* The socket that the report is about; NULL when it was about something else or an earlier life. */
static inline struct io_sock *note(struct io *io, const struct epoll_event *report)
{
    uint64_t data = report->data.u64;
    void *pointer =
        (void *)(uintptr_t)(data & pointer_mask); /* NOLINT: the kernel kept it for us */
    struct io_sock *s = pointer;

    if ((data & ABOUT_MASK) != ABOUT_SOCK) {
        note_other(io, data, pointer);
        return NULL;
    }
    if ((uint16_t)(data >> 48) != (uint16_t)s->generation) {
        io->stats.stale++;
        return NULL;
    }
    note_edges(s, report->events);
    return s;
}

/* `reports` may be a failure of looking. Returns how many events. What comes for a socket that does
 * nothing else is received on the spot, once; all else takes its turn. */
static int note_all(struct io *io, int reports, struct io_event *events, int room)
{
    struct io_event *at = events;

    for (int i = 0; i < reports; i++) {
        struct io_sock *s = note(io, &io->reports[i]);

        if (!s)
            continue;
        if (at < events + room && only_receives(s))
            at += receive_one(io, s, at);
        if (s->flags & (READABLE | BUSY))
            ready_if_work(io, s);
    }
    return (int)(at - events);
}

/* Ask the kernel what is ready. Returns how many reports, 0 after a timeout, -EINTR. */
static int look(struct io *io, int timeout_ms)
{
    int count = epoll_wait(io->epoll_fd, io->reports, REPORTS_MAX, timeout_ms);

    io->stats.waits++;
    io->passed_over = false;
    return count < 0 ? -errno : count;
}

static int turn_sock(struct io *io, struct io_sock *s, struct io_event *events, int room)
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

/* Every socket that is ready now has one turn; those with more to do queue up again behind. */
static int turn_socks(struct io *io, struct io_event *events, int room)
{
    const struct list *last = io->ready.prev;
    struct list *node;
    int count = 0;

    while (count < room && (node = list_take(&io->ready))) {
        count +=
            turn_sock(io, CONTAINER_OF(node, struct io_sock, ready), &events[count], room - count);
        if (node == last)
            break;
    }
    return count;
}

static int deliver(struct io *io, struct io_event *events, int room)
{
    struct list *node;
    int count = 0;

    while (count < room / 2 && (node = list_take(&io->files))) {
        struct io_file_op *op = CONTAINER_OF(node, struct io_file_op, link);
        events[count++] = (struct io_event){.kind = IO_FILE_DONE, .file = op, .result = op->result};
    }
    while (count < room / 2 && (node = list_take(&io->jobs))) {
        struct io_job *job = CONTAINER_OF(node, struct io_job, link);
        events[count++] = (struct io_event){.kind = IO_WORKED, .job = job};
    }
    while (count < room / 2 && (node = list_take(&io->watches)))
        events[count++] = watch_event(CONTAINER_OF(node, struct io_watch, ready));
    count += accept_some(io, &events[count], (room - count) / 2);
    count += tell_all_sent(io, &events[count],
                           list_empty(&io->ready) ? room - count : (room - count) / 2);
    return count + turn_socks(io, &events[count], room - count);
}

static bool has_local_work(struct io *io)
{
    return !list_empty(&io->ready) || io->sent.head != io->sent.tail || !list_empty(&io->files) ||
           !list_empty(&io->jobs) || !list_empty(&io->watches) ||
           (io->listener.ready && io->listener.accepting);
}

/* The descriptors are passed over when there is work without them, but not twice in a row. */
static int epoll_engine_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    struct patience patience = {.timeout_ms = timeout_ms};

    CHECK(max >= IO_EVENTS_MIN);
    CHECK(pthread_equal(io->owner, pthread_self()));
    for (;;) {
        int reports = 1, count = 0;

        feed(io);
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
    int result = open_sent(&io->sent, config->socks_max);
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
    result = add(io, io->helpers.wake_fd, EPOLLIN, tag(NULL, 0, ABOUT_HELPERS));
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
    free(io->sent.socks);
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
    io->listener.fd = -1;
    io->socks_max = config->socks_max;
    io->owner = pthread_self();
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
    free(io->sent.socks);
    free(io);
}

static struct io_stats epoll_stats(const struct io *io)
{
    struct io_stats stats = io->stats;

    stats.leases = io->buffers.lent;
    return stats;
}

const struct io_engine io_epoll_engine = {
    .name = "epoll",
    .open = epoll_open,
    .free = epoll_free,
    .accept = epoll_accept,
    .stop_accept = epoll_stop_accept,
    .attach = epoll_attach,
    .pause = epoll_pause,
    .resume = epoll_resume,
    .send = epoll_send,
    .send_file = epoll_send_file,
    .file = epoll_file,
    .work = epoll_work,
    .watch = epoll_watch,
    .unwatch = epoll_unwatch,
    .close = epoll_close,
    .give_back = epoll_give_back,
    .wait = epoll_engine_wait,
    .stats = epoll_stats,
};

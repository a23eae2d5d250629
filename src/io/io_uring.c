/* The engine on io_uring(7).
 *
 * add_x arms exactly one operation, handle_x consumes exactly one kind of completion. Whatever the
 * kernel holds for a socket is counted in its in_flight, and its descriptor is closed only when
 * none of that concerns it any more. Completions become events in the caller's array one for one;
 * what does not come by completion (pieces of files, owed closes) is on the ready list, a turn for
 * each member. Receive buffers go round: free in the kernel's ring (`buffer_ring`) -> chosen by a
 * receive -> lent with IO_RECEIVED -> given back -> published to the ring before the next
 * submission. */
#include "base/check.h"
#include "io/accept_queue.h"
#include "io/bounce.h"
#include "io/buffers.h"
#include "io/file_range.h"
#include "io/helpers.h"
#include "io/patience.h"
#include "io/ring.h"
#include "io/send.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SUBMISSIONS = 1024,
    COMPLETIONS_MIN = 4096,
    COMPLETIONS_MAX = 32768,
    READ_MAX = 1 << 30, /* bytes of one read */
    BUFFER_GROUP = 0,
    FREE_TRIES = 64, /* waits of FREE_WAIT_MS for the last accept to end */
    FREE_WAIT_MS = 50,
};

/* io_sock.flags */
enum {
    RECEIVING = 1 << 0, /* a multishot receive is armed */
    CANCELLED = 1 << 1, /* and was told to stop */
    PAUSED = 1 << 2,
    ENDED = 1 << 3,     /* nothing more will be received */
    SENDING = 1 << 4,   /* until IO_SENT */
    SUBMITTED = 1 << 5, /* the kernel holds a send */
    PUSHING = 1 << 6,   /* a file follows: sent from this thread, a piece a turn */
    POLLING = 1 << 7,   /* until the socket takes more */
    FILLING = 1 << 8,   /* the bounce buffer is being read into */
    LINGER = 1 << 9,
    RESET = 1 << 10,
    NONBLOCK = 1 << 11,
};

/* io_watch.flags */
enum { WATCH_ENDED = 1 };

/* What a completion is about: in the low bits of its user data, the generation in the top 16. */
enum {
    ABOUT_RECV,
    ABOUT_SEND,
    ABOUT_POLL_OUT,
    ABOUT_FILE,
    ABOUT_WATCH,
    ABOUT_ACCEPT,
    ABOUT_HELPERS,
    ABOUT_CANCEL,
    ABOUT_MASK = 7,
};

static const uint64_t pointer_mask = 0x0000fffffffffff8U;

struct listener {
    int fd; /* -1 when there is none */
    bool accepting, armed, stopping;
};

struct io {
    struct ring ring;
    struct io_uring_buf_ring *buffer_ring;
    int returned;        /* buffers in the ring that are not published */
    struct list ready;   /* sockets */
    struct list starved; /* sockets whose receive ended for want of a buffer */
    struct list watches; /* ended, with IO_UNWATCHED owed */
    struct list files;   /* done by a helper */
    struct list jobs;    /* done */
    struct listener listener;
    bool helpers_watched;
    struct buffers buffers;
    struct bounces bounces;
    struct helpers helpers;
    struct io_stats stats;
    unsigned socks_max;
    pthread_t owner; /* the thread all calls come from */
    char scratch[FILE_RANGE_SCRATCH];
};

/* --- arming --- */

static uint64_t tag(const void *pointer, uint32_t generation, unsigned about)
{
    return (uint64_t)(uintptr_t)pointer | (uint64_t)(uint16_t)generation << 48 | about;
}

static uint64_t address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

static void add_recv(struct io *io, struct io_sock *s)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_RECV, s->fd, tag(s, s->generation, ABOUT_RECV));

    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    s->flags |= RECEIVING;
    s->in_flight++;
}

/* One receive of what nobody wants any more. It needs no buffer of the ring: a close goes on when
 * all are lent. */
static void add_drain(struct io *io, struct io_sock *s)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_RECV, s->fd, tag(s, s->generation, ABOUT_RECV));

    sqe->addr = address(io->scratch);
    sqe->len = sizeof io->scratch;
    s->flags |= RECEIVING;
    s->in_flight++;
}

static void add_send(struct io *io, struct io_sock *s)
{
    struct send_piece piece = send_piece(s);
    bool plain = piece.count == 1;
    struct io_uring_sqe *sqe = ring_next(&io->ring, plain ? IORING_OP_SEND : IORING_OP_SENDMSG,
                                         s->fd, tag(s, s->generation, ABOUT_SEND));

    if (plain) {
        sqe->addr = address(piece.iov->iov_base);
        sqe->len = (uint32_t)piece.len;
    } else {
        s->message.msg_iov = piece.iov;
        s->message.msg_iovlen = piece.count;
        sqe->addr = address(&s->message);
        sqe->len = 1;
    }
    sqe->msg_flags = (uint32_t)(piece.flags | MSG_WAITALL);
    s->flags |= SUBMITTED;
    s->in_flight++;
}

static void add_poll_out(struct io *io, struct io_sock *s)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_POLL_ADD, s->fd, tag(s, s->generation, ABOUT_POLL_OUT));

    sqe->poll32_events = __io_uring_prep_poll_mask(POLLOUT);
    s->flags |= POLLING;
    s->in_flight++;
}

static void add_poll_in(struct io *io, int fd, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_POLL_ADD, fd, user_data);

    sqe->poll32_events = __io_uring_prep_poll_mask(POLLIN);
    sqe->len = IORING_POLL_ADD_MULTI;
}

static void add_watch(struct io *io, struct io_watch *watch)
{
    watch->in_flight = 1;
    add_poll_in(io, watch->fd, tag(watch, 0, ABOUT_WATCH));
}

static void add_accept(struct io *io)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_ACCEPT, io->listener.fd, tag(NULL, 0, ABOUT_ACCEPT));

    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    io->listener.armed = true;
}

static void add_cancel(struct io *io, uint64_t user_data)
{
    ring_next(&io->ring, IORING_OP_ASYNC_CANCEL, -1, tag(NULL, 0, ABOUT_CANCEL))->addr = user_data;
}

/* Always by a kernel worker: what opening does in a file system may wait, and the ring's own first try
 * opens with O_NONBLOCK, which means something else to a FIFO. */
static void add_open(struct io *io, struct io_file_op *op, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_OPENAT2, op->fd, user_data);

    op->how.flags |= O_CLOEXEC;
    sqe->flags = IOSQE_ASYNC;
    sqe->addr = address(op->path);
    sqe->len = sizeof op->how;
    sqe->off = address(&op->how);
}

static void add_stat(struct io *io, struct io_file_op *op, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_STATX, op->fd, user_data);

    sqe->addr = address("");
    sqe->len = STATX_BASIC_STATS;
    sqe->off = address(op->statx);
    sqe->statx_flags = AT_EMPTY_PATH;
}

static void add_read(struct io *io, struct io_file_op *op, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_READ, op->fd, user_data);
    size_t left = op->len - op->done;

    sqe->addr = address((char *)op->bytes + op->done);
    sqe->len = left < READ_MAX ? (uint32_t)left : READ_MAX;
    sqe->off = (uint64_t)op->offset + op->done;
}

static void add_file(struct io *io, struct io_file_op *op)
{
    uint64_t user_data = tag(op, 0, ABOUT_FILE);

    switch (op->kind) {
    case IO_FILE_OPEN:
        add_open(io, op, user_data);
        break;
    case IO_FILE_STAT:
        add_stat(io, op, user_data);
        break;
    case IO_FILE_READ:
        add_read(io, op, user_data);
        break;
    case IO_FILE_CLOSE:
        ring_next(&io->ring, IORING_OP_CLOSE, op->fd, user_data);
        break;
    }
}

/* --- receive buffers --- */

static void put_in_ring(struct io *io, int lease)
{
    io_uring_buf_ring_add(io->buffer_ring, buffers_at(&io->buffers, lease), io->buffers.size,
                          (unsigned short)lease, (int)io->buffers.count - 1, io->returned++);
}

static void publish_buffers(struct io *io)
{
    if (io->returned == 0)
        return;
    io_uring_buf_ring_advance(io->buffer_ring, io->returned);
    io->returned = 0;
}

/* --- what a socket wants --- */

static void ready(struct io *io, struct io_sock *s)
{
    if (list_empty(&s->ready))
        list_append(&io->ready, &s->ready);
}

static bool may_receive(const struct io_sock *s)
{
    if (s->flags & (ENDED | RESET))
        return false;
    return s->flags & LINGER || (!(s->flags & PAUSED) && s->leases < IO_SOCK_LEASES_SOFT);
}

/* Arm the receive, or have it stopped, as is wanted now. One that is being stopped is looked at
 * again when it has ended. */
static void settle_recv(struct io *io, struct io_sock *s)
{
    bool wanted = may_receive(s);

    if (wanted && !(s->flags & RECEIVING)) {
        if (s->flags & LINGER)
            add_drain(io, s);
        else if (list_empty(&s->starved))
            add_recv(io, s);
    }
    if (!wanted && (s->flags & (RECEIVING | CANCELLED)) == RECEIVING) {
        s->flags |= CANCELLED;
        add_cancel(io, tag(s, s->generation, ABOUT_RECV));
    }
}

static bool can_push(const struct io_sock *s)
{
    return (s->flags & (SENDING | PUSHING | POLLING | FILLING)) == (SENDING | PUSHING) &&
           list_empty(&s->waiting);
}

/* --- closing --- */

static struct io_event closed(struct io *io, struct io_sock *s)
{
    list_remove(&s->ready);
    if (s->leases > 0)
        buffers_orphan(&io->buffers, s);
    bounce_release(&io->bounces, s);
    s->generation++;
    s->flags = 0;
    io->stats.socks--;
    return (struct io_event){.kind = IO_CLOSED, .sock = s};
}

/* Close the descriptor once the kernel holds no operation on it, and tell once it holds none at
 * all: a read from a file can't be cancelled. Returns whether there is an event. */
static bool try_close(struct io *io, struct io_sock *s, struct io_event *event)
{
    bool drained = (s->flags & (LINGER | ENDED | SENDING)) == (LINGER | ENDED);
    unsigned reads = s->flags & FILLING ? 1 : 0;

    if (!(s->flags & RESET) && !drained)
        return false;
    if (s->in_flight > reads)
        return false;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (reads > 0)
        return false;
    *event = closed(io, s);
    return true;
}

static void reset(struct io *io, struct io_sock *s)
{
    struct linger abrupt = {.l_onoff = 1, .l_linger = 0};

    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    s->flags = (s->flags & ~(uint32_t)(SENDING | LINGER)) | RESET;
    list_remove(&s->starved);
    list_remove(&s->waiting);
    settle_recv(io, s);
    if (s->flags & SUBMITTED)
        add_cancel(io, tag(s, s->generation, ABOUT_SEND));
    if (s->flags & POLLING)
        add_cancel(io, tag(s, s->generation, ABOUT_POLL_OUT));
    ready(io, s);
}

static void uring_close(struct io *io, struct io_sock *s, enum io_close_how how)
{
    if (s->flags & RESET)
        return;
    if (how == IO_CLOSE_RESET) {
        reset(io, s);
    } else if (!(s->flags & LINGER)) {
        s->flags |= LINGER;
        list_remove(&s->starved);
        if (!(s->flags & SENDING))
            shutdown(s->fd, SHUT_WR);
        settle_recv(io, s);
        ready(io, s);
    }
}

/* --- sending --- */

/* Returns whether there is an event. */
static bool finish_send(struct io *io, struct io_sock *s, struct io_event *event)
{
    bounce_release(&io->bounces, s);
    s->flags &= ~(uint32_t)(SENDING | PUSHING);
    if (s->flags & LINGER) {
        shutdown(s->fd, SHUT_WR);
        return try_close(io, s, event);
    }
    *event = (struct io_event){.kind = IO_SENT, .sock = s, .result = s->out.result};
    return true;
}

static void uring_send(struct io *io, struct io_sock *s, const struct iovec *iov, int n)
{
    CHECK(n > 0);
    CHECK(!(s->flags & (SENDING | LINGER | RESET)));
    send_start(s, iov, n, -1, 0, 0);
    s->flags |= SENDING;
    add_send(io, s);
}

/* Where a file follows, everything is sent from this thread: splicing by submission is always
 * handed to a kernel worker, and sendfile(2) of resident pages does not wait. */
static void uring_send_file(struct io *io, struct io_sock *s, const struct iovec *iov, int n,
                            int fd, off_t offset, size_t len)
{
    CHECK(!(s->flags & (SENDING | LINGER | RESET)));
    if (!(s->flags & NONBLOCK)) {
        fcntl(s->fd, F_SETFL, O_RDWR | O_NONBLOCK); /* sendfile(2) has no MSG_DONTWAIT */
        s->flags |= NONBLOCK;
    }
    send_start(s, iov, n, fd, offset, len);
    s->flags |= SENDING | PUSHING;
    ready(io, s);
}

static void fill_bounce(struct io *io, struct io_sock *s)
{
    struct io_file_op *op = bounce_read(&io->bounces, s);

    if (!op)
        return;
    s->flags |= FILLING;
    s->in_flight++;
    add_file(io, op);
}

/* Send what fits. Returns whether there is an event. */
static bool push(struct io *io, struct io_sock *s, struct io_event *event)
{
    enum send_state state = send_turn(s, io->scratch);

    switch (state) {
    case SEND_MOVED:
        ready(io, s);
        break;
    case SEND_FULL:
        add_poll_out(io, s);
        break;
    case SEND_COLD:
        fill_bounce(io, s);
        return false;
    case SEND_DONE:
    case SEND_FAILED:
        return finish_send(io, s, event);
    }
    if (!send_vector_left(s))
        bounce_release(&io->bounces, s);
    return false;
}

static bool handle_send(struct io *io, struct io_sock *s, int result, struct io_event *event)
{
    s->flags &= ~(uint32_t)SUBMITTED;
    s->in_flight--;
    if (result > 0)
        send_took(s, (size_t)result);
    if (s->flags & RESET)
        return try_close(io, s, event);
    if (result > 0 || result == -EINTR) {
        if (!send_vector_left(s))
            return finish_send(io, s, event);
        add_send(io, s);
        return false;
    }
    s->out.result = result < 0 ? result : -EPIPE;
    return finish_send(io, s, event);
}

static bool handle_poll_out(struct io *io, struct io_sock *s, struct io_event *event)
{
    s->flags &= ~(uint32_t)POLLING;
    s->in_flight--;
    if (s->flags & RESET)
        return try_close(io, s, event);
    ready(io, s);
    return false;
}

static bool bounce_done(struct io *io, struct io_sock *s, struct io_event *event)
{
    s->flags &= ~(uint32_t)FILLING;
    s->in_flight--;
    if (s->flags & RESET)
        return try_close(io, s, event);
    if (!bounce_filled(s))
        return finish_send(io, s, event);
    ready(io, s);
    return false;
}

/* --- receiving --- */

static bool recv_ended(struct io *io, struct io_sock *s, int result, struct io_event *event)
{
    s->flags |= ENDED;
    if (s->flags & LINGER)
        return try_close(io, s, event);
    *event = (struct io_event){.kind = IO_ENDED, .sock = s, .result = result};
    return true;
}

/* A receive that brought nothing for the caller. Returns whether there is an event. */
static bool recv_in_vain(struct io *io, struct io_sock *s, int result, struct io_event *event)
{
    if (s->flags & RESET)
        return try_close(io, s, event);
    if (s->flags & ENDED || (s->flags & LINGER && result > 0))
        return false;
    if (result > 0) /* more than the kernel was expected to have under way */
        return recv_ended(io, s, -ENOBUFS, event);
    if (result == -ENOBUFS) {
        io->stats.starved++;
        if (may_receive(s) && !(s->flags & LINGER))
            list_append(&io->starved, &s->starved);
        return false;
    }
    if (result == -ECANCELED || result == -EINTR || result == -EAGAIN)
        return false;
    return recv_ended(io, s, result, event);
}

static bool handle_recv(struct io *io, struct io_sock *s, const struct io_uring_cqe *cqe,
                        struct io_event *event)
{
    bool more = cqe->flags & IORING_CQE_F_MORE;
    int lease = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    bool told;

    if (!more) {
        s->flags &= ~(uint32_t)(RECEIVING | CANCELLED);
        s->in_flight--;
    }
    if (cqe->res > 0 && !(s->flags & (ENDED | LINGER | RESET)) && s->leases < IO_SOCK_LEASES_MAX) {
        buffers_lend(&io->buffers, lease, s);
        *event = (struct io_event){.kind = IO_RECEIVED,
                                   .sock = s,
                                   .bytes = buffers_at(&io->buffers, lease),
                                   .len = (uint32_t)cqe->res,
                                   .lease = lease};
        told = true;
    } else {
        if (cqe->flags & IORING_CQE_F_BUFFER)
            put_in_ring(io, lease);
        told = recv_in_vain(io, s, cqe->res, event);
        if (told && event->kind == IO_CLOSED)
            return true;
    }
    if (!more)
        settle_recv(io, s);
    else if (s->leases >= IO_SOCK_LEASES_SOFT)
        ready(io, s); /* the receive is stopped if they are still lent by the next turn */
    return told;
}

static void uring_attach(struct io *io, struct io_sock *s, int fd)
{
    CHECK(io->stats.socks < io->socks_max);
    io->stats.socks++;
    s->fd = fd;
    s->sent = 0;
    s->leases = 0;
    s->flags = 0;
    s->in_flight = 0;
    s->out.bounce = NULL;
    s->message = (struct msghdr){0};
    list_init(&s->ready);
    list_init(&s->starved);
    list_init(&s->waiting);
    add_recv(io, s);
}

static void uring_pause(struct io *io, struct io_sock *s)
{
    s->flags |= PAUSED;
    list_remove(&s->starved);
    settle_recv(io, s);
}

static void uring_resume(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)PAUSED;
    settle_recv(io, s);
}

static void uring_give_back(struct io *io, int lease)
{
    struct io_sock *s = buffers_end(&io->buffers, lease);

    put_in_ring(io, lease);
    if (s && s->leases == IO_SOCK_LEASES_SOFT - 1)
        settle_recv(io, s);
}

/* Those that waited for memory try again: as many as there are receive buffers, and all of the
 * others when there is a bounce buffer. */
static void feed(struct io *io)
{
    struct io_sock *waiting;

    for (unsigned i = io->buffers.count - io->buffers.lent; i > 0; i--) {
        struct list *node = list_take(&io->starved);

        if (!node)
            break;
        settle_recv(io, CONTAINER_OF(node, struct io_sock, starved));
    }
    while ((waiting = bounces_next(&io->bounces)))
        ready(io, waiting);
}

/* --- accepting --- */

static void uring_accept(struct io *io, int fd)
{
    struct listener *l = &io->listener;

    CHECK(l->fd < 0 || l->fd == fd);
    l->fd = fd;
    l->accepting = true;
    l->stopping = false;
    if (!l->armed)
        add_accept(io);
}

static void uring_stop_accept(struct io *io, int fd)
{
    struct listener *l = &io->listener;

    if (!l->accepting)
        return;
    CHECK(l->fd == fd);
    l->stopping = true;
    if (l->armed)
        add_cancel(io, tag(NULL, 0, ABOUT_ACCEPT));
}

static struct io_event accept_stopped(struct listener *l, int result)
{
    int fd = l->fd;

    l->accepting = false;
    l->stopping = false;
    l->fd = -1;
    return (struct io_event){.kind = IO_ACCEPT_STOPPED, .listener = fd, .result = result};
}

static bool handle_accept(struct io *io, const struct io_uring_cqe *cqe, struct io_event *event)
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
static int accept_rest(struct io *io, struct io_event *events, int room)
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

/* --- files, jobs, watches --- */

static void uring_file(struct io *io, struct io_file_op *op)
{
    op->sock = NULL;
    op->done = 0;
    add_file(io, op);
}

static bool file_done(struct io *io, struct io_file_op *op, struct io_event *event)
{
    if (op->sock)
        return bounce_done(io, op->sock, event);
    *event = (struct io_event){.kind = IO_FILE_DONE, .file = op, .result = op->result};
    return true;
}

static void watch_helpers(struct io *io)
{
    if (io->helpers_watched)
        return;
    io->helpers_watched = true;
    add_poll_in(io, io->helpers.wake_fd, tag(NULL, 0, ABOUT_HELPERS));
}

static bool handle_file(struct io *io, struct io_file_op *op, int result, struct io_event *event)
{
    if (result == -EAGAIN) { /* the kernel would not wait for it here; a helper can */
        watch_helpers(io);
        helpers_file(&io->helpers, op);
        return false;
    }
    if (op->kind == IO_FILE_READ && result > 0) {
        op->done += (size_t)result;
        result = (int)op->done;
        if (op->done < op->len) {
            add_file(io, op);
            return false;
        }
    } else if (op->kind == IO_FILE_READ && result == 0) {
        result = (int)op->done;
    }
    op->result = result;
    return file_done(io, op, event);
}

static void uring_work(struct io *io, struct io_job *job)
{
    watch_helpers(io);
    helpers_job(&io->helpers, job);
}

static void handle_helpers(struct io *io, const struct io_uring_cqe *cqe)
{
    helpers_collect(&io->helpers, &io->files, &io->jobs);
    if (cqe->flags & IORING_CQE_F_MORE)
        return;
    io->helpers_watched = false;
    watch_helpers(io);
}

static void uring_watch(struct io *io, struct io_watch *watch)
{
    watch->flags = 0;
    list_init(&watch->ready);
    add_watch(io, watch);
}

static void uring_unwatch(struct io *io, struct io_watch *watch)
{
    watch->flags = WATCH_ENDED;
    if (watch->in_flight > 0)
        add_cancel(io, tag(watch, 0, ABOUT_WATCH));
    else
        list_append(&io->watches, &watch->ready);
}

static bool handle_watch(struct io *io, struct io_watch *watch, const struct io_uring_cqe *cqe,
                         struct io_event *event)
{
    if (!(cqe->flags & IORING_CQE_F_MORE))
        watch->in_flight = 0;
    if (watch->flags & WATCH_ENDED) {
        *event = (struct io_event){.kind = IO_UNWATCHED, .watch = watch};
        return watch->in_flight == 0;
    }
    if (cqe->res >= 0 && watch->in_flight == 0)
        add_watch(io, watch);
    *event = (struct io_event){
        .kind = IO_READABLE, .watch = watch, .result = cqe->res < 0 ? cqe->res : 0};
    return true;
}

/* --- the turn --- */

static bool handle_sock(struct io *io, struct io_sock *s, const struct io_uring_cqe *cqe,
                        struct io_event *event)
{
    if ((uint16_t)(cqe->user_data >> 48) != (uint16_t)s->generation) {
        io->stats.stale++;
        if (cqe->flags & IORING_CQE_F_BUFFER)
            put_in_ring(io, (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT));
        return false;
    }
    switch (cqe->user_data & ABOUT_MASK) {
    case ABOUT_RECV:
        return handle_recv(io, s, cqe, event);
    case ABOUT_SEND:
        return handle_send(io, s, cqe->res, event);
    default:
        return handle_poll_out(io, s, event);
    }
}

/* Returns whether there is an event. */
static bool handle(struct io *io, const struct io_uring_cqe *cqe, struct io_event *event)
{
    void *pointer = (void *)(uintptr_t)(cqe->user_data & pointer_mask); /* NOLINT: ours, from tag */

    switch (cqe->user_data & ABOUT_MASK) {
    case ABOUT_RECV:
    case ABOUT_SEND:
    case ABOUT_POLL_OUT:
        return handle_sock(io, pointer, cqe, event);
    case ABOUT_FILE:
        return handle_file(io, pointer, cqe->res, event);
    case ABOUT_WATCH:
        return handle_watch(io, pointer, cqe, event);
    case ABOUT_ACCEPT:
        return handle_accept(io, cqe, event);
    case ABOUT_HELPERS:
        handle_helpers(io, cqe);
        return false;
    default: /* what was cancelled tells by itself */
        return false;
    }
}

static int reap(struct io *io, struct io_event *events, int room)
{
    unsigned there = ring_completed(&io->ring);
    unsigned used = 0;
    int count = 0;

    while (used < there && count < room)
        count += handle(io, ring_completion(&io->ring, used++), &events[count]);
    ring_advance(&io->ring, used);
    return count;
}

/* Returns whether there is an event. */
static bool turn_sock(struct io *io, struct io_sock *s, struct io_event *event)
{
    if (can_push(s) && push(io, s, event))
        return true;
    settle_recv(io, s);
    return try_close(io, s, event);
}

/* Every socket that is ready now has one turn; those with more to do queue up again behind. */
static int turn_socks(struct io *io, struct io_event *events, int room)
{
    const struct list *last = io->ready.prev;
    int count = 0;

    while (count < room && !list_empty(&io->ready)) {
        struct list *node = list_take(&io->ready);

        count += turn_sock(io, CONTAINER_OF(node, struct io_sock, ready), &events[count]);
        if (node == last)
            break;
    }
    return count;
}

/* What does not come by completion. */
static int deliver(struct io *io, struct io_event *events, int room)
{
    struct list *node;
    int count = 0;

    while (count < room / 2 && (node = list_take(&io->files)))
        count += file_done(io, CONTAINER_OF(node, struct io_file_op, link), &events[count]);
    while (count < room / 2 && (node = list_take(&io->jobs)))
        events[count++] =
            (struct io_event){.kind = IO_WORKED, .job = CONTAINER_OF(node, struct io_job, link)};
    while (count < room / 2 && (node = list_take(&io->watches)))
        events[count++] = (struct io_event){.kind = IO_UNWATCHED,
                                            .watch = CONTAINER_OF(node, struct io_watch, ready)};
    count += accept_rest(io, &events[count], (room - count) / 2);
    return count + turn_socks(io, &events[count], room - count);
}

static bool has_local_work(const struct io *io)
{
    const struct listener *l = &io->listener;

    return !list_empty(&io->ready) || !list_empty(&io->files) || !list_empty(&io->jobs) ||
           !list_empty(&io->watches) || (l->accepting && l->stopping && !l->armed);
}

/* One turn: a quarter of the room at least is for completions, so that neither side starves the
 * other. `slept` tells whether it slept and nothing had come. */
static int turn(struct io *io, struct io_event *events, int max, int timeout_ms, bool *slept)
{
    int count = 0;

    feed(io);
    if (has_local_work(io))
        count = deliver(io, events, max - max / 4);
    publish_buffers(io);

    unsigned completed = ring_completed(&io->ring);
    bool idle = count == 0 && completed == 0 && !has_local_work(io);
    if (ring_pending(&io->ring) > 0 || completed < (unsigned)(max - count)) {
        io->stats.waits++;
        ring_enter(&io->ring, idle && timeout_ms != 0, timeout_ms);
    }
    *slept = idle && ring_completed(&io->ring) == 0;
    return count + reap(io, &events[count], max - count);
}

static int uring_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    struct patience patience = {.timeout_ms = timeout_ms};

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

    struct io_uring_buf_reg reg = {
        .ring_addr = address(memory), .ring_entries = io->buffers.count, .bgid = BUFFER_GROUP};
    int result = io_uring_register_buf_ring(&io->ring.uring, &reg, 0);
    if (result < 0) {
        munmap(memory, size);
        return result;
    }
    io->buffer_ring = memory;
    io_uring_buf_ring_init(io->buffer_ring);
    for (int lease; (lease = buffers_take(&io->buffers)) >= 0;)
        put_in_ring(io, lease);
    publish_buffers(io);
    return 0;
}

static void free_buffer_ring(struct io *io)
{
    munmap(io->buffer_ring, io->buffers.count * sizeof(struct io_uring_buf));
}

static int open_ring(struct io *io, const struct io_config *config)
{
    unsigned workers[2] = {config->helpers_max, config->helpers_max};
    unsigned completions = COMPLETIONS_MIN;

    while (completions < COMPLETIONS_MAX && completions < 2 * config->socks_max)
        completions *= 2;

    int result = ring_open(&io->ring, SUBMISSIONS, completions);
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

/* A ring is torn down after its process is gone, and an accept that is still armed holds the
 * listener that long: it is ended here. */
static void end_accept(struct io *io)
{
    struct io_event events[IO_EVENTS_MIN];

    if (io->listener.armed)
        add_cancel(io, tag(NULL, 0, ABOUT_ACCEPT));
    io->listener.accepting = false;
    for (int i = 0; i < FREE_TRIES && io->listener.armed; i++) {
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
    end_accept(io);
    helpers_free(&io->helpers);
    ring_free(&io->ring);
    free_buffer_ring(io);
    bounces_free(&io->bounces);
    buffers_free(&io->buffers);
    free(io);
}

static struct io_stats uring_stats(const struct io *io)
{
    struct io_stats stats = io->stats;

    stats.leases = io->buffers.lent;
    stats.overflows = io->ring.overflows;
    return stats;
}

const struct io_engine io_uring_engine = {
    .name = "io_uring",
    .open = uring_open,
    .free = uring_free,
    .accept = uring_accept,
    .stop_accept = uring_stop_accept,
    .attach = uring_attach,
    .pause = uring_pause,
    .resume = uring_resume,
    .send = uring_send,
    .send_file = uring_send_file,
    .file = uring_file,
    .work = uring_work,
    .watch = uring_watch,
    .unwatch = uring_unwatch,
    .close = uring_close,
    .give_back = uring_give_back,
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
    {IORING_FEAT_RECVSEND_BUNDLE, "RECVSEND_BUNDLE"},
    {IORING_FEAT_MIN_TIMEOUT, "MIN_TIMEOUT"},
    {IORING_FEAT_NO_IOWAIT, "NO_IOWAIT"},
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
    int result = ring_open(&ring, SUBMISSIONS, COMPLETIONS_MIN);

    if (cap > 0)
        features[0] = '\0';
    if (result < 0)
        return result;
    list_features(ring.uring.features, features, cap);
    ring_free(&ring);
    return 0;
}

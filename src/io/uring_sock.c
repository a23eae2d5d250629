/* A socket on the ring: receiving, sending, closing.
 *
 * Receive buffers go round:
 *  1. free, in the kernel's ring;
 *  2. chosen by a receive, and lent with IO_RECEIVED; or kept as surplus first, when the socket has
 *     its share;
 *  3. given back, and put in the ring;
 *  4. published to the kernel before the next submission. */
#include "base/check.h"
#include "io/tell.h"
#include "io/uring.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* io_sock.flags */
enum {
    RECEIVING = 1 << 0, /* a multishot receive is armed */
    CANCELLED = 1 << 1, /* and was told to stop */
    PAUSED = 1 << 2,
    ENDED = 1 << 3,     /* nothing more will be received */
    SENDING = 1 << 4,   /* until IO_SENT */
    SUBMITTED = 1 << 5, /* the kernel holds a send */
    PUSHING = 1 << 6,   /* sent from this thread, a piece a turn */
    POLLING = 1 << 7,   /* a multishot poll for being writable is armed */
    FILLING = 1 << 8,   /* the bounce buffer is being read into */
    LINGER = 1 << 9,
    RESET = 1 << 10,
    NONBLOCK = 1 << 11,
    END_KEPT = 1 << 12, /* receiving has ended, which is told after the surplus */
    WAITING = 1 << 13,  /* with pushing, until the socket takes more */
};

static void make_ready(struct io *io, struct io_sock *s)
{
    if (list_empty(&s->ready))
        list_append(&io->ready, &s->ready);
}

/* --- arming --- */

static void add_recv(struct io *io, struct io_sock *s)
{
    struct io_uring_sqe *sqe =
        ring_next(&io->ring, IORING_OP_RECV, s->fd, uring_tag(s, s->generation, ABOUT_RECV));

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
        ring_next(&io->ring, IORING_OP_RECV, s->fd, uring_tag(s, s->generation, ABOUT_RECV));

    sqe->addr = uring_address(io->scratch);
    sqe->len = sizeof io->scratch;
    s->flags |= RECEIVING;
    s->in_flight++;
}

static inline void add_send_bytes(struct io_uring_sqe *slot, struct io_sock *s, const void *bytes,
                                  size_t len, int flags)
{
    *slot = (struct io_uring_sqe){
        .opcode = IORING_OP_SEND,
        .fd = s->fd,
        .addr = uring_address(bytes),
        .len = (uint32_t)len,
        .msg_flags = (uint32_t)(flags | MSG_WAITALL),
        .user_data = uring_tag(s, s->generation, ABOUT_SEND),
    };
    s->flags |= SUBMITTED;
    s->in_flight++;
}

static void add_send_vector(struct io *io, struct io_sock *s, const struct send_piece *piece)
{
    s->message.msg_iov = piece->iov;
    s->message.msg_iovlen = piece->count;
    *ring_slot(&io->ring) = (struct io_uring_sqe){
        .opcode = IORING_OP_SENDMSG,
        .fd = s->fd,
        .addr = uring_address(&s->message),
        .len = 1,
        .msg_flags = (uint32_t)(piece->flags | MSG_WAITALL),
        .user_data = uring_tag(s, s->generation, ABOUT_SEND),
    };
    s->flags |= SUBMITTED;
    s->in_flight++;
}

/* The next piece of the vector. */
static void add_send(struct io *io, struct io_sock *s)
{
    struct send_piece piece = send_piece(s);

    if (piece.count == 1)
        add_send_bytes(ring_slot(&io->ring), s, piece.iov->iov_base, piece.len, piece.flags);
    else
        add_send_vector(io, s, &piece);
}

/* Multishot, because it reports only what is new: once the peer has sent its FIN, a poll for one
 * report has that to report, always (IO_POLL_UNMASK includes EPOLLRDHUP). */
static void add_poll_out(struct io *io, struct io_sock *s)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_POLL_ADD, s->fd,
                                         uring_tag(s, s->generation, ABOUT_POLL_OUT));

    sqe->poll32_events = __io_uring_prep_poll_mask(POLLOUT);
    sqe->len = IORING_POLL_ADD_MULTI;
    s->flags |= POLLING;
    s->in_flight++;
}

static void wait_for_room(struct io *io, struct io_sock *s)
{
    s->flags |= WAITING;
    if (!(s->flags & POLLING))
        add_poll_out(io, s);
}

/* --- what it wants --- */

static bool may_receive(const struct io_sock *s)
{
    if (s->flags & (ENDED | END_KEPT | RESET) || !surplus_is_empty(s))
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
        uring_cancel(io, uring_tag(s, s->generation, ABOUT_RECV));
    }
}

/* What is kept may be lent now, or the end be told. */
static bool can_hand_on(const struct io_sock *s)
{
    if (surplus_is_empty(s))
        return s->flags & END_KEPT;
    return !(s->flags & PAUSED) && s->leases < IO_SOCK_LEASES_SOFT;
}

/* Nobody wants it any more. */
static void drop_surplus(struct io *io, struct io_sock *s)
{
    uint32_t len;

    while (!surplus_is_empty(s))
        uring_put_buffer(io, surplus_take(&io->surplus, s, &len));
    if (s->flags & END_KEPT)
        s->flags = (s->flags & ~(uint32_t)END_KEPT) | ENDED;
}

static bool can_push(const struct io_sock *s)
{
    return (s->flags & (SENDING | PUSHING | WAITING | FILLING)) == (SENDING | PUSHING) &&
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
    return (struct io_event){ .kind = IO_CLOSED, .sock = s };
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
    struct linger abrupt = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    s->flags = (s->flags & ~(uint32_t)(SENDING | LINGER)) | RESET;
    list_remove(&s->starved);
    list_remove(&s->waiting);
    drop_surplus(io, s);
    settle_recv(io, s);
    if (s->flags & SUBMITTED)
        uring_cancel(io, uring_tag(s, s->generation, ABOUT_SEND));
    if (s->flags & POLLING)
        uring_cancel(io, uring_tag(s, s->generation, ABOUT_POLL_OUT));
    make_ready(io, s);
}

void uring_sock_close(struct io *io, struct io_sock *s, enum io_close_how how)
{
    if (s->flags & RESET)
        return;
    if (how == IO_CLOSE_RESET) {
        reset(io, s);
    } else if (!(s->flags & LINGER)) {
        s->flags |= LINGER;
        list_remove(&s->starved);
        drop_surplus(io, s);
        if (!(s->flags & SENDING)) /* without SHUT_RD receiving ends when the peer wills */
            shutdown(s->fd, how == IO_CLOSE_FIN ? SHUT_RDWR : SHUT_WR);
        settle_recv(io, s);
        make_ready(io, s);
    }
}

/* --- sending --- */

/* Returns whether there is an event. */
static bool finish_send(struct io *io, struct io_sock *s, struct io_event *event)
{
    bounce_release(&io->bounces, s);
    s->flags &= ~(uint32_t)(SENDING | PUSHING | WAITING);
    if (s->flags & POLLING)
        uring_cancel(io, uring_tag(s, s->generation, ABOUT_POLL_OUT));
    if (s->flags & LINGER) {
        shutdown(s->fd, SHUT_WR);
        return try_close(io, s, event);
    }
    tell_sent(event, s, s->out.result);
    return true;
}

/* To a peer that has sent its FIN a submitted send that finds no room fails with EAGAIN after some
 * tries in vain, for the reason that add_poll_out tells: it is sent from this thread. */
__attribute__((noinline)) static void send_vector(struct io *io, struct io_sock *s,
                                                  const struct iovec *iov, int n)
{
    CHECK(n > 0);
    CHECK(!(s->flags & (SENDING | LINGER | RESET)));
    send_start(s, iov, n, -1, 0, 0);
    s->flags |= SENDING;
    if (s->flags & (ENDED | END_KEPT)) {
        s->flags |= PUSHING;
        make_ready(io, s);
    } else {
        add_send(io, s);
    }
}

void uring_sock_send(struct io *io, struct io_sock *s, const struct iovec *iov, int n)
{
    if (n != 1 || iov->iov_len > IO_SEND_PIECE || ring_is_full(&io->ring) ||
        s->flags & (SENDING | LINGER | RESET | ENDED | END_KEPT)) {
        send_vector(io, s, iov, n);
        return;
    }
    add_send_bytes(ring_free_slot(&io->ring), s, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    send_start_one(s, iov);
    s->flags |= SENDING;
}

/* Where a file follows, everything is sent from this thread: splicing by submission is always
 * handed to a kernel worker, and sendfile(2) of resident pages does not wait. */
void uring_sock_send_file(struct io *io, struct io_sock *s, const struct iovec *iov, int n, int fd,
                          off_t offset, size_t len)
{
    CHECK(!(s->flags & (SENDING | LINGER | RESET)));
    if (!(s->flags & NONBLOCK)) {
        send_prepare_file(s->fd);
        s->flags |= NONBLOCK;
    }
    send_start(s, iov, n, fd, offset, len);
    s->flags |= SENDING | PUSHING;
    make_ready(io, s);
}

static void fill_bounce(struct io *io, struct io_sock *s)
{
    struct io_file_op *op = bounce_read(&io->bounces, s);

    if (!op)
        return;
    s->flags |= FILLING;
    s->in_flight++;
    uring_tasks_add_file(io, op);
}

/* Send what fits. Returns whether there is an event. */
static bool push(struct io *io, struct io_sock *s, struct io_event *event)
{
    enum send_state state = send_turn(s, &io->looks, io->scratch);

    switch (state) {
    case SEND_MOVED:
        make_ready(io, s);
        break;
    case SEND_FULL:
        wait_for_room(io, s);
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
    if (state == SEND_FULL)
        bounce_stall(&io->bounces, s);
    return false;
}

/* One entry was taken whole, and the socket is not being closed. */
static inline bool is_all_sent(const struct io_sock *s, int result)
{
    return s->out.first == 0 && s->out.count == 1 && (size_t)result == s->out.iov[0].iov_len &&
           !(s->flags & (LINGER | RESET));
}

static inline bool all_sent(struct io_sock *s, int result, struct io_event *event)
{
    s->flags &= ~(uint32_t)(SUBMITTED | SENDING);
    s->in_flight--;
    s->sent += (size_t)result;
    tell_sent(event, s, 0);
    return true;
}

__attribute__((noinline)) static bool handle_send(struct io *io, struct io_sock *s, int result,
                                                  struct io_event *event)
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
    if (result == -EAGAIN) {
        s->flags |= PUSHING;
        wait_for_room(io, s);
        return false;
    }
    s->out.result = result < 0 ? result : -EPIPE;
    return finish_send(io, s, event);
}

/* Readable halves and the like are reported, too, and do not mean that there is room. */
static bool has_room(const struct io_uring_cqe *cqe)
{
    return cqe->res > 0 && cqe->res & (POLLOUT | POLLERR | POLLHUP);
}

__attribute__((noinline)) static bool handle_poll_out(struct io *io, struct io_sock *s,
                                                      const struct io_uring_cqe *cqe,
                                                      struct io_event *event)
{
    bool more = cqe->flags & IORING_CQE_F_MORE;

    if (!more) {
        s->flags &= ~(uint32_t)POLLING;
        s->in_flight--;
    }
    if (s->flags & RESET)
        return try_close(io, s, event);
    if (s->flags & WAITING && has_room(cqe))
        s->flags &= ~(uint32_t)WAITING;
    if (s->flags & WAITING && !more)
        add_poll_out(io, s);
    make_ready(io, s);
    return false;
}

bool uring_sock_bounced(struct io *io, struct io_sock *s, struct io_event *event)
{
    s->flags &= ~(uint32_t)FILLING;
    s->in_flight--;
    if (s->flags & RESET)
        return try_close(io, s, event);
    if (!bounce_filled(s))
        return finish_send(io, s, event);
    make_ready(io, s);
    return false;
}

/* --- receiving --- */

static bool recv_ended(struct io *io, struct io_sock *s, int result, struct io_event *event)
{
    if (!surplus_is_empty(s)) {
        s->flags |= END_KEPT;
        s->end = result;
        return false;
    }
    s->flags |= ENDED;
    if (s->flags & LINGER)
        return try_close(io, s, event);
    *event = (struct io_event){ .kind = IO_ENDED, .sock = s, .result = result };
    return true;
}

/* A receive that brought nothing for the caller. Returns whether there is an event. */
static bool recv_in_vain(struct io *io, struct io_sock *s, int result, struct io_event *event)
{
    if (s->flags & RESET)
        return try_close(io, s, event);
    if (s->flags & (ENDED | END_KEPT) || (s->flags & LINGER && result > 0))
        return false;
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

/* Bytes that there will be more of, for a socket that is neither closing nor near its share. */
static inline bool is_everyday(const struct io_sock *s, const struct io_uring_cqe *cqe)
{
    return cqe->res > 0 && cqe->flags & IORING_CQE_F_MORE &&
           !(s->flags & (ENDED | LINGER | RESET)) && s->leases < IO_SOCK_LEASES_SOFT - 1 &&
           surplus_is_empty(s);
}

static inline bool received(struct io *io, struct io_sock *s, const struct io_uring_cqe *cqe,
                            struct io_event *event)
{
    tell_received(event, &io->buffers, (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT), s,
                  (uint32_t)cqe->res);
    return true;
}

/* Lend it, unless the socket has its share or something came before it. */
static bool receive_or_keep(struct io *io, struct io_sock *s, const struct io_uring_cqe *cqe,
                            struct io_event *event)
{
    if (s->leases < IO_SOCK_LEASES_MAX && surplus_is_empty(s))
        return received(io, s, cqe, event);
    surplus_add(&io->surplus, s, (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT), (uint32_t)cqe->res);
    make_ready(io, s);
    return false;
}

/* One buffer of the surplus, or the end that came behind it. Returns whether there is an event. */
static bool hand_on(struct io *io, struct io_sock *s, struct io_event *event)
{
    uint32_t len;

    if (surplus_is_empty(s)) {
        s->flags &= ~(uint32_t)END_KEPT;
        return recv_ended(io, s, s->end, event);
    }
    int lease = surplus_take(&io->surplus, s, &len);
    tell_received(event, &io->buffers, lease, s, len);
    make_ready(io, s);
    return true;
}

__attribute__((noinline)) static bool handle_recv(struct io *io, struct io_sock *s,
                                                  const struct io_uring_cqe *cqe,
                                                  struct io_event *event)
{
    bool more = cqe->flags & IORING_CQE_F_MORE;
    bool told;

    if (!more) {
        s->flags &= ~(uint32_t)(RECEIVING | CANCELLED);
        s->in_flight--;
    }
    if (cqe->res > 0 && !(s->flags & (ENDED | LINGER | RESET))) {
        told = receive_or_keep(io, s, cqe, event);
    } else {
        if (cqe->flags & IORING_CQE_F_BUFFER)
            uring_put_buffer(io, (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT));
        told = recv_in_vain(io, s, cqe->res, event);
        if (told && event->kind == IO_CLOSED)
            return true;
    }
    if (!more)
        settle_recv(io, s);
    else if (s->leases >= IO_SOCK_LEASES_SOFT)
        make_ready(io, s); /* the receive is stopped if they are still lent by the next turn */
    return told;
}

void uring_sock_attach(struct io *io, struct io_sock *s, int fd)
{
    CHECK(io->stats.socks < io->socks_max);
    io->stats.socks++;
    s->fd = fd;
    s->sent = 0;
    s->leases = 0;
    s->flags = 0;
    s->in_flight = 0;
    s->out.bounce = NULL;
    s->message = (struct msghdr){ 0 };
    surplus_init(s);
    list_init(&s->ready);
    list_init(&s->starved);
    list_init(&s->waiting);
    add_recv(io, s);
}

void uring_sock_pause(struct io *io, struct io_sock *s)
{
    s->flags |= PAUSED;
    list_remove(&s->starved);
    settle_recv(io, s);
}

void uring_sock_resume(struct io *io, struct io_sock *s)
{
    s->flags &= ~(uint32_t)PAUSED;
    if (can_hand_on(s))
        make_ready(io, s);
    settle_recv(io, s);
}

void uring_sock_give_back(struct io *io, int lease)
{
    struct io_sock *s = buffers_end(&io->buffers, lease);

    uring_put_buffer(io, lease);
    if (s->leases != IO_SOCK_LEASES_SOFT - 1 || s == &io->buffers.nobody)
        return;
    if (can_hand_on(s))
        make_ready(io, s);
    settle_recv(io, s);
}

/* Those that waited for memory try again: as many as there are receive buffers, and all of the
 * others when there is a bounce buffer. */
void uring_sock_feed(struct io *io)
{
    struct io_sock *waiting;

    for (unsigned i = io->buffers.count - io->buffers.lent - io->surplus.count; i > 0; i--) {
        struct list *node = list_take(&io->starved);

        if (!node)
            break;
        settle_recv(io, CONTAINER_OF(node, struct io_sock, starved));
    }
    while ((waiting = bounces_next(&io->bounces)))
        make_ready(io, waiting);
}

/* --- its turn --- */

__attribute__((noinline)) static bool handle_stale(struct io *io, const struct io_uring_cqe *cqe)
{
    io->stats.stale++;
    if (cqe->flags & IORING_CQE_F_BUFFER)
        uring_put_buffer(io, (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT));
    return false;
}

bool uring_sock_handle(struct io *io, struct io_sock *s, const struct io_uring_cqe *cqe,
                       struct io_event *event)
{
    if ((uint16_t)(cqe->user_data >> 48) != (uint16_t)s->generation)
        return handle_stale(io, cqe);
    switch (cqe->user_data & ABOUT_MASK) {
    case ABOUT_RECV:
        return is_everyday(s, cqe) ? received(io, s, cqe, event) : handle_recv(io, s, cqe, event);
    case ABOUT_SEND:
        return is_all_sent(s, cqe->res) ? all_sent(s, cqe->res, event)
                                        : handle_send(io, s, cqe->res, event);
    default:
        return handle_poll_out(io, s, cqe, event);
    }
}

/* Returns whether there is an event. */
bool uring_sock_turn(struct io *io, struct io_sock *s, struct io_event *event)
{
    if (can_push(s) && push(io, s, event))
        return true;
    if (can_hand_on(s) && hand_on(io, s, event))
        return true;
    settle_recv(io, s);
    return try_close(io, s, event);
}

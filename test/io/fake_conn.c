#include "fake_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECEIVES_A_STEP = 4 };

/* --- the engine's sends --- */

static void send_borrow(struct fake_send *send, const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++) {
        CHECK(iov[i].iov_len > 0);
        send->iov[i] = iov[i];
        send->head_len += iov[i].iov_len;
    }
    send->n = n;
    send->copy = malloc(send->head_len + 1);
    CHECK(send->copy);
    char *at = send->copy;
    for (int i = 0; i < n; i++) {
        memcpy(at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
}

void fake_conn_send(struct fake_peer *conn, const struct iovec *iov, int n, int fd, off_t offset,
                    size_t len)
{
    struct fake_send *send = &conn->send;

    CHECK(!send->active); /* one send at a time */
    *send = (struct fake_send){ .active = true, .file_fd = fd, .file_at = offset };
    send_borrow(send, iov, n);
    send->total = send->head_len + len;
    if (send->total == 0)
        send->finished = true;
}

/* Are the borrowed bytes from `at` on what they were when they were lent? */
static void send_verify(const struct fake_send *send, size_t at, size_t len)
{
    size_t start = 0;

    for (int i = 0; i < send->n; start += send->iov[i].iov_len, i++) {
        size_t end = start + send->iov[i].iov_len;
        size_t from = at > start ? at : start;
        size_t to = at + len < end ? at + len : end;
        const char *bytes = send->iov[i].iov_base;
        if (from < to)
            CHECK(memcmp(bytes + (from - start), send->copy + from, to - from) == 0);
    }
}

static void send_end(struct fake_send *send)
{
    send_verify(send, 0, send->head_len);
    free(send->copy);
    send->copy = NULL;
    send->active = false;
}

static void send_settle(struct fake_send *send, int result)
{
    send->finished = true;
    send->result = result;
}

/* What is sent to somebody who has gone is thrown away. */
static size_t window_left(const struct fake_peer *conn)
{
    if (conn->peer_gone)
        return SIZE_MAX;
    return conn->to_peer.len < conn->window ? conn->window - conn->to_peer.len : 0;
}

static bool can_transmit(const struct fake_peer *conn)
{
    if (!conn->send.active || conn->send.finished || conn->closing == FAKE_RESETTING)
        return false;
    return conn->peer_rst || conn->peer_gone || window_left(conn) > 0;
}

static size_t piece_len(struct io *io, size_t most)
{
    if (!fake_luck(io, io->odds.fragment))
        return most;
    return 1 + fake_io_random(io, fake_luck(io, FAKE_CERTAIN / 4) && most > 8 ? 8 : most);
}

/* Up to `len` bytes of the file of a send; settles the send when there are none. */
static size_t file_piece(struct fake_send *send, char *bytes, size_t len)
{
    off_t at = send->file_at + (off_t)(send->done - send->head_len);
    ssize_t got = pread(send->file_fd, bytes, len, at);

    CHECK(got >= 0 || errno != EBADF); /* a borrowed descriptor was closed early */
    if (got > 0)
        return (size_t)got;
    send_settle(send, got < 0 ? -errno : -ENODATA);
    return 0;
}

static void transmit_piece(struct io *io, struct fake_peer *conn)
{
    struct fake_send *send = &conn->send;
    char bytes[4096];
    size_t most = send->total - send->done;

    if (send->done < send->head_len)
        most = send->head_len - send->done;
    else if (most > sizeof bytes)
        most = sizeof bytes;
    if (most > window_left(conn))
        most = window_left(conn);
    size_t len = piece_len(io, most > IO_SEND_PIECE ? IO_SEND_PIECE : most);
    if (send->done < send->head_len) {
        send_verify(send, send->done, len);
        fake_queue_add(&conn->to_peer, send->copy + send->done, len);
    } else {
        len = file_piece(send, bytes, len);
        fake_queue_add(&conn->to_peer, bytes, len);
    }
    send->done += len;
    conn->sock->sent += len;
    if (send->done == send->total)
        send_settle(send, 0);
}

static void transmit(struct io *io, struct fake_peer *conn)
{
    /* The first bytes to somebody who has gone are taken and answered by a RST. */
    if (conn->peer_gone && !conn->peer_rst) {
        fake_queue_clear(&conn->to_peer);
        if (fake_luck(io, FAKE_CERTAIN / 2))
            conn->peer_rst = true;
    }
    if (conn->peer_rst) {
        send_settle(&conn->send, fake_luck(io, FAKE_CERTAIN / 2) ? -EPIPE : -ECONNRESET);
        return;
    }
    do
        transmit_piece(io, conn);
    while (can_transmit(conn) && !fake_luck(io, io->odds.fragment));
}

static bool can_report_sent(const struct fake_peer *conn)
{
    return conn->send.active && conn->send.finished && conn->closing == FAKE_OPEN;
}

static void report_sent(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    struct io_event *event = fake_emit(io, batch, IO_SENT);

    event->sock = conn->sock;
    event->result = conn->send.result;
    send_end(&conn->send);
}

/* --- what the engine receives --- */

/* Only what was under way when it was paused, or met its limit, may still come. */
static bool held_back(const struct fake_peer *conn)
{
    if (conn->paused)
        return conn->under_way == 0;
    return conn->to_engine.len > 0 && conn->sock->leases >= IO_SOCK_LEASES_SOFT &&
           conn->under_way == 0;
}

static bool can_receive(const struct fake_peer *conn)
{
    if (conn->closing != FAKE_OPEN || conn->ended || held_back(conn))
        return false;
    if (conn->to_engine.len == 0)
        return conn->peer_fin || conn->peer_rst;
    return conn->sock->leases < IO_SOCK_LEASES_MAX;
}

/* A free lease, any of them, or -1. */
static int lease_find(struct io *io)
{
    unsigned start = (unsigned)fake_io_random(io, io->config.buffers);

    for (unsigned i = 0; i < io->config.buffers; i++) {
        unsigned lease = (start + i) & (io->config.buffers - 1);
        if (!io->leases[lease].bytes)
            return (int)lease;
    }
    return -1;
}

static void count_lease(struct io *io, struct fake_peer *conn)
{
    io->stats.leases++;
    conn->sock->leases++;
    if (conn->under_way > 0)
        conn->under_way--;
    if (conn->sock->leases == IO_SOCK_LEASES_SOFT && !conn->paused)
        conn->under_way = fake_luck(io, io->odds.overshoot)
                              ? (unsigned)fake_io_random(io, IO_SOCK_LEASES_MAX)
                              : 0;
}

/* Returns whether there was a buffer to receive into. */
static bool receive_bytes(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    int lease = fake_luck(io, io->odds.starve) ? -1 : lease_find(io);

    if (lease < 0) {
        io->stats.starved++;
        return false;
    }
    size_t most = conn->to_engine.len;
    if (most > io->config.buffer_size)
        most = io->config.buffer_size;
    size_t len = piece_len(io, most);
    char *bytes = malloc(len);
    CHECK(bytes);
    fake_queue_take(&conn->to_engine, bytes, len);
    io->leases[lease] = (struct fake_lease){ bytes, conn };
    count_lease(io, conn);

    struct io_event *event = fake_emit(io, batch, IO_RECEIVED);
    event->sock = conn->sock;
    event->bytes = bytes;
    event->len = (uint32_t)len;
    event->lease = lease;
    return true;
}

static void receive_end(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    struct io_event *event = fake_emit(io, batch, IO_ENDED);

    event->sock = conn->sock;
    event->result = conn->peer_rst ? -ECONNRESET : 0;
    conn->ended = true;
}

/* Returns whether anything could be received. */
static bool receive(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    for (int i = 0; i < RECEIVES_A_STEP; i++) {
        if (!can_receive(conn) || fake_batch_full(batch))
            return true;
        if (conn->to_engine.len == 0)
            receive_end(io, conn, batch);
        else if (!receive_bytes(io, conn, batch))
            return io->stats.leases < io->config.buffers;
        if (fake_luck(io, io->odds.delay))
            return true;
    }
    return true;
}

/* --- closing --- */

static void closed(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    if (conn->send.active)
        send_end(&conn->send);
    for (unsigned i = 0; i < io->config.buffers; i++)
        if (io->leases[i].conn == conn)
            io->leases[i].conn = NULL;
    io->stats.socks--;
    conn->sock->message.msg_control = NULL;
    conn->sock->fd = -1;
    conn->sock->generation++;
    fake_emit(io, batch, IO_CLOSED)->sock = conn->sock;
    conn->sock = NULL;
    conn->stage = FAKE_DETACHED;
    fake_conn_release(conn);
}

static void reset_peer(struct fake_peer *conn)
{
    conn->engine_rst = true;
    fake_queue_clear(&conn->to_peer);
    fake_queue_clear(&conn->to_engine);
}

static bool can_close(const struct fake_peer *conn)
{
    if (conn->closing == FAKE_RESETTING)
        return true;
    if (conn->closing == FAKE_OPEN || (conn->send.active && !conn->send.finished))
        return false;
    return !conn->engine_fin || conn->closing == FAKE_PARTING || conn->to_engine.len > 0 ||
           conn->peer_fin || conn->peer_rst;
}

static void close_step(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    if (conn->send.active && conn->send.finished && conn->send.result < 0)
        conn->closing = FAKE_RESETTING; /* what was promised can't be kept */
    if (conn->closing == FAKE_RESETTING) {
        reset_peer(conn);
        closed(io, conn, batch);
        return;
    }
    if (!conn->engine_fin) {
        conn->engine_fin = true;
        return;
    }
    if (conn->closing == FAKE_PARTING) {
        fake_queue_clear(&conn->to_engine);
        closed(io, conn, batch);
        return;
    }
    fake_queue_take(&conn->to_engine, NULL, piece_len(io, conn->to_engine.len + 1));
    if (conn->peer_rst || (conn->peer_fin && conn->to_engine.len == 0))
        closed(io, conn, batch);
}

/* --- one step --- */

static void break_by_luck(struct io *io, struct fake_peer *conn)
{
    if (conn->peer_rst || conn->engine_rst || !fake_luck(io, io->odds.reset))
        return;
    conn->engine_rst = true;
    fake_peer_reset(conn);
}

/* Is there something to receive, and a buffer for it? */
static bool can_receive_now(struct io *io, struct fake_peer *conn)
{
    if (conn->to_engine.len == 0)
        conn->under_way = 0; /* whatever was under way has arrived */
    if (!can_receive(conn))
        return false;
    if (conn->to_engine.len == 0 || io->stats.leases < io->config.buffers)
        return true;
    io->stats.starved++;
    return false;
}

bool fake_conn_step(struct io *io, struct fake_peer *conn, struct fake_batch *batch)
{
    bool receiving = can_receive_now(io, conn), transmitting = can_transmit(conn);

    CHECK(conn->sock->message.msg_control == conn); /* the caller wrote over a socket in use */
    CHECK(conn->sock->generation == conn->generation);
    if (!receiving && !transmitting && !can_report_sent(conn) && !can_close(conn))
        return false;
    if (fake_batch_full(batch) || fake_luck(io, io->odds.delay))
        return true;
    break_by_luck(io, conn);
    bool possible = transmitting || can_report_sent(conn) || can_close(conn);
    if (receiving && fake_luck(io, FAKE_CERTAIN / 2)) {
        possible = receive(io, conn, batch) || possible;
        receiving = false;
    }
    if (transmitting)
        transmit(io, conn);
    if (can_report_sent(conn) && !fake_batch_full(batch) && !fake_luck(io, io->odds.delay))
        report_sent(io, conn, batch);
    if (receiving)
        possible = receive(io, conn, batch) || possible;
    if (can_close(conn) && !fake_batch_full(batch))
        close_step(io, conn, batch);
    return possible;
}

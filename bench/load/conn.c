#include "load/conn.h"

#include "base/check.h"
#include "load/exchange.h"
#include "load/opener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t user_data_of(const struct conn *c, enum conn_op op)
{
    return (uint64_t)c->generation << (CONN_OP_BITS + CONN_INDEX_BITS) |
           (uint64_t)c->index << CONN_OP_BITS | (uint64_t)op;
}

static bool is_held(const struct conn *c)
{
    return c->receiving || c->writing;
}

/* ---- closing ---- */

/* Is it to be opened again at once? One that serves a single request waits for the next. */
static bool is_wanted(const struct core *core, const struct conn *c)
{
    if (c->idle || !core->per_request)
        return true;
    return core->schedule.rate > 0 ? c->issued < c->due : core->sending;
}

/* For the next session; that of one which had no answer is kept as it was. */
static void keep_ticket(struct conn *c)
{
    struct tls_ticket *ticket = tls_take_ticket(c->tls);

    if (!ticket)
        return;
    tls_ticket_free(c->ticket);
    c->ticket = ticket;
}

static void finish_close(struct core *core, struct conn *c)
{
    close(c->fd);
    if (core->resume && c->tls)
        keep_ticket(c);
    tls_free(c->tls);
    c->tls = NULL;
    c->fd = -1;
    c->generation++;
    c->state = CONN_CLOSED;
    c->in_len = 0;
    c->skipping = false;
    c->outgoing = str_of(NULL, 0);
    c->used = 0;
    c->free_at = core->now;
    if (is_wanted(core, c))
        opener_add(core, c);
}

static void begin_close(struct core *core, struct conn *c)
{
    if (c->state == CONN_OPEN)
        core->open--;
    else
        core->opening--;
    if (core->schedule.rate > 0 && !c->idle)
        core->owed -= c->inflight;
    c->url = (c->url + c->inflight) % core->plan->requests.count;
    c->inflight = 0;
    c->state = CONN_CLOSING;
    if (is_held(c))
        shutdown(c->fd, SHUT_RDWR);
    else
        finish_close(core, c);
}

void conn_end(struct core *core, struct conn *c)
{
    if (c->state != CONN_CLOSED && c->state != CONN_CLOSING)
        begin_close(core, c);
}

void conn_fail(struct core *core, struct conn *c, enum load_error error)
{
    core_error(core, error, c->inflight > 0 ? c->inflight : 1);
    if (!c->proven)
        opener_back_off(core);
    conn_end(core, c);
}

/* ---- opening ---- */

/* Many connections to one port of loopback need more ports than one address has. */
static void choose_source(struct core *core, int fd)
{
    uint64_t turn = core->sources++;
    struct sockaddr_in source = { .sin_family = AF_INET };
    int late = 1; /* the port is chosen when the peer is known */

    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(turn % PLAN_SOURCES));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
        core->last_errno = errno; /* connect chooses another source then */
}

static void open_failed(struct core *core, struct conn *c, int error)
{
    core->last_errno = error;
    c->inflight = 0;
    conn_fail(core, c, LOAD_ERROR_CONNECT);
}

void conn_open(struct core *core, struct conn *c)
{
    int one = 1;

    CHECK(c->state == CONN_CLOSED);
    c->since = core->now;
    c->proven = false;
    c->fd = socket(core->plan->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        core->last_errno = errno;
        core_error(core, LOAD_ERROR_CONNECT, 1);
        opener_back_off(core);
        opener_add(core, c);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (core->plan->rotate_sources)
        choose_source(core, c->fd);
    struct io_uring_sqe *sqe =
        ring_next(&core->ring, IORING_OP_CONNECT, c->fd, user_data_of(c, CONN_OP_CONNECT));

    sqe->addr = (uint64_t)(uintptr_t)&core->plan->address;
    sqe->off = core->plan->address_len;
    c->writing = true;
    core->opening++;
    c->state = CONN_CONNECTING;
}

static void opened(struct core *core, struct conn *c)
{
    core->opening--;
    core->open++;
    core->good_at = core->now;
    c->state = CONN_OPEN;
    if (!core->per_request)
        c->free_at = core->now;
    if (!c->settled && !c->idle) {
        c->settled = true;
        core->settled++;
    }
    answer_begin(&c->answer, core->plan->requests.to_head);
    conn_send(core, c);
}

/* ---- to the kernel ---- */

static void send_bytes(struct core *core, struct conn *c, struct str bytes, bool silent)
{
    struct io_uring_sqe *sqe =
        ring_next(&core->ring, IORING_OP_SEND, c->fd, user_data_of(c, CONN_OP_SEND));

    sqe->addr = (uint64_t)(uintptr_t)bytes.at;
    sqe->len = (uint32_t)bytes.len;
    sqe->msg_flags = MSG_NOSIGNAL | MSG_WAITALL; /* without WAITALL a short send ends it */
    sqe->flags = silent ? IOSQE_CQE_SKIP_SUCCESS : 0;
    c->writing = !silent;
}

/* What TLS has for the socket, one piece at a time. */
static void flush(struct core *core, struct conn *c)
{
    if (c->writing)
        return;
    struct str piece = tls_outgoing(c->tls);

    if (piece.len > 0)
        send_bytes(core, c, piece, false);
}

/* The answer cannot be there yet when `later`: the kernel need not look at once. */
static void receive(struct core *core, struct conn *c, bool later)
{
    uint64_t skip = c->tls || c->in_len > 0 ? 0 : answer_skippable(&c->answer);
    struct io_uring_sqe *sqe =
        ring_next(&core->ring, IORING_OP_RECV, c->fd, user_data_of(c, CONN_OP_RECEIVE));

    c->receiving = true;
    c->skipping = skip > 0;
    sqe->ioprio = later ? IORING_RECVSEND_POLL_FIRST : 0;
    if (c->skipping) {
        /* TCP throws the bytes away, tcp(7): where they would go does not matter. Not with
         * MSG_WAITALL: a ring that goes on after a part of them asks for the whole length again. */
        sqe->addr = (uint64_t)(uintptr_t)c->in;
        sqe->len = (uint32_t)(skip < CONN_SKIP_MAX ? skip : CONN_SKIP_MAX);
        sqe->msg_flags = MSG_TRUNC;
    } else if (c->tls) {
        sqe->addr = (uint64_t)(uintptr_t)tls_raw(c->tls);
        sqe->len = TLS_RAW_MAX;
    } else {
        sqe->addr = (uint64_t)(uintptr_t)(c->in + c->in_len);
        sqe->len = core->buffer_size - c->in_len;
    }
}

void conn_send(struct core *core, struct conn *c)
{
    unsigned n = exchange_may_send(core, c);

    if (n > 0 && !c->writing) {
        struct str bytes = exchange_sent(core, c, n);

        if (!c->tls) {
            bool silent = core->run == 1 && bytes.len <= CONN_SILENT_SEND_MAX;

            send_bytes(core, c, bytes, silent);
        } else if (!tls_write(c->tls, bytes)) {
            conn_fail(core, c, LOAD_ERROR_WRITE);
            return;
        } else {
            flush(core, c);
        }
    }
    if (c->inflight > 0 && !c->receiving)
        receive(core, c, n > 0);
}

/* ---- from the kernel ---- */

/* The first of those that are to be resumed has nothing to resume, and is no sign of anything. */
static void count_handshake(struct core *core, const struct conn *c)
{
    if (!core->measuring || (core->resume && c->generation == 0))
        return;
    if (tls_is_resumed(c->tls))
        core->result->handshakes_resumed++;
    else
        core->result->handshakes_full++;
}

static void shake_hands(struct core *core, struct conn *c)
{
    int done = tls_handshake(c->tls);

    flush(core, c);
    if (done < 0) {
        core->last_failure = "the TLS handshake failed";
        conn_fail(core, c, LOAD_ERROR_CONNECT);
    } else if (done > 0) {
        count_handshake(core, c);
        opened(core, c);
    } else if (!c->receiving) {
        receive(core, c, false);
    }
}

static void connected(struct core *core, struct conn *c, int result)
{
    if (result < 0) {
        open_failed(core, c, -result);
        return;
    }
    if (!core->plan->tls) {
        opened(core, c);
        return;
    }
    c->tls = tls_open(core->plan->tls, core->plan->host, c->ticket);
    if (!c->tls) {
        open_failed(core, c, ENOMEM);
        return;
    }
    c->state = CONN_HANDSHAKE;
    shake_hands(core, c);
}

/* An answer without a length ends here; anything else is cut off. */
static void peer_closed(struct core *core, struct conn *c)
{
    if (c->inflight > 0 && answer_close(&c->answer)) {
        exchange_answered(core, c);
        if (c->inflight > 0)
            core_error(core, LOAD_ERROR_READ, c->inflight);
        conn_end(core, c);
    } else {
        conn_fail(core, c, LOAD_ERROR_READ);
    }
}

/* Look at what lies in the buffer, then send and receive on. */
static void look(struct core *core, struct conn *c)
{
    enum exchange_result result = exchange_read(core, c);

    if (result == EXCHANGE_BROKEN) {
        conn_fail(core, c, LOAD_ERROR_SYNTAX);
    } else if (result == EXCHANGE_CLOSE) {
        if (c->inflight > 0)
            core_error(core, LOAD_ERROR_READ, c->inflight);
        conn_end(core, c);
    } else {
        conn_send(core, c);
    }
}

/* Of answers: what TLS wraps around them is not counted. */
static void count_bytes(struct core *core, size_t bytes)
{
    if (core->measuring)
        core->result->bytes += bytes;
}

/* Plain bytes out of the session until it has no more, each piece looked at. */
static void look_through_tls(struct core *core, struct conn *c)
{
    unsigned cap = core->buffer_size;
    ssize_t got = 0;

    while (c->state == CONN_OPEN && c->inflight > 0) {
        got = tls_read(c->tls, c->in + c->in_len, cap - c->in_len);
        if (got <= 0)
            break;
        c->in_len += (unsigned)got;
        count_bytes(core, (size_t)got);
        look(core, c);
    }
    if (c->state != CONN_OPEN)
        return;
    if (got < 0)
        peer_closed(core, c);
    else
        flush(core, c);
    if (c->state == CONN_OPEN)
        conn_send(core, c);
}

static void received(struct core *core, struct conn *c, int result)
{
    if (result <= 0) {
        core->last_errno = result < 0 ? -result : ECONNRESET;
        if (result == 0 && c->state == CONN_OPEN)
            peer_closed(core, c);
        else
            conn_fail(core, c, c->state == CONN_OPEN ? LOAD_ERROR_READ : LOAD_ERROR_CONNECT);
        return;
    }
    if (c->tls) {
        tls_received(c->tls, (size_t)result);
        if (c->state == CONN_HANDSHAKE)
            shake_hands(core, c);
        else
            look_through_tls(core, c);
        return;
    }
    count_bytes(core, (size_t)result);
    if (c->skipping)
        answer_skip(&c->answer, (unsigned)result);
    else
        c->in_len += (unsigned)result;
    look(core, c);
}

static void sent(struct core *core, struct conn *c, int result)
{
    if (result < 0) {
        core->last_errno = -result;
        conn_fail(core, c, c->state == CONN_OPEN ? LOAD_ERROR_WRITE : LOAD_ERROR_CONNECT);
        return;
    }
    if (c->tls)
        flush(core, c);
    if (c->state == CONN_OPEN)
        conn_send(core, c);
}

static void done(struct conn *c, enum conn_op op)
{
    if (op == CONN_OP_RECEIVE)
        c->receiving = false;
    else
        c->writing = false;
}

void conn_complete(struct core *core, uint64_t user_data, int result)
{
    enum conn_op op = (enum conn_op)(user_data & ((1u << CONN_OP_BITS) - 1));
    uint64_t index = user_data >> CONN_OP_BITS & ((1u << CONN_INDEX_BITS) - 1);
    struct conn *c = &core->conns[index];

    if (user_data != user_data_of(c, op))
        return; /* a send that failed after its connection was given up */
    done(c, op);
    if (c->state == CONN_CLOSING) {
        if (!is_held(c))
            finish_close(core, c);
    } else if (op == CONN_OP_RECEIVE) {
        received(core, c, result);
    } else if (op == CONN_OP_SEND) {
        sent(core, c, result);
    } else {
        connected(core, c, result);
    }
}

void conn_check_patience(struct core *core, struct conn *c)
{
    bool opening = c->state == CONN_CONNECTING || c->state == CONN_HANDSHAKE;
    uint64_t since = c->inflight > 0 ? c->times[c->first].sent : c->since;

    if (!opening && (c->state != CONN_OPEN || c->inflight == 0))
        return;
    if (core->now < since + core->plan->options->timeout_ns)
        return;
    core->last_errno = ETIMEDOUT;
    conn_fail(core, c, LOAD_ERROR_TIMEOUT);
}

bool conn_stands(const struct conn *c)
{
    char byte;

    return c->state == CONN_OPEN && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

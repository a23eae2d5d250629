#include "server/conn.h"

#include "base/check.h"
#include "base/cold.h"
#include "server/conn_slab.h"
#include "server/express.h"
#include "server/late.h"
#include "server/peer.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

/* A connection pauses before the engine stops receiving by itself. */
static_assert((int)CONN_LEASES_HELD < (int)IO_SOCK_LEASES_SOFT, "pausing comes first");
static_assert((int)IO_SOCK_LEASES_SOFT < (int)IO_SOCK_LEASES_MAX, "the soft share is smaller");

static struct conn *conn_of(const struct io_event *event)
{
    return CONTAINER_OF(event->sock, struct conn, sock);
}

/* What the short way to an answer goes by. */
static bool flags_hold(const struct conn *c)
{
    bool reading = c->state == CONN_READING;

    if (c->between != (reading && !c->secure && http1_is_between(&c->http1)))
        return false;
    return !c->express || (c->state == CONN_SENDING && c->out && !c->secure && !c->ended &&
                           input_is_empty(&c->http1.input));
}

bool conn_holds(const struct conn *c)
{
    bool sending = c->state == CONN_SENDING;
    bool filling = !list_empty(&c->filling);

    if (!flags_hold(c))
        return false;
    if (c->state == CONN_CLOSING)
        return !filling && input_is_empty(&c->http1.input);
    if (c->state == CONN_WAITING && !c->http1.kept && !http1_is_paused(&c->http1))
        return false;
    if (c->secure && !sending && (c->secure->sealed || file_want_is_open(&c->secure->want)))
        return false;
    return (sending || !c->out) && (c->out || c->secure || !sending) &&
           !(c->state == CONN_READING && filling) && !(c->state == CONN_FILLING && !filling);
}

static COLD void tell(const struct core *core, const struct conn *c, const char *what)
{
    if (core->config->debug)
        fprintf(stderr, "ringlet: connection %d.%u %s\n", c->sock.fd, c->sock.generation, what);
}

/* The one place where the state changes, but for conn_open. */
static inline void enter(struct conn *c, enum conn_state state)
{
    CHECK(c->state != CONN_CLOSING);
    c->state = state;
}

static COLD void close_with(struct core *core, struct conn *c, enum io_close_how how,
                            const char *why)
{
    tell(core, c, why);
    http1_drop(&c->http1, core);
    if (c->secure)
        secure_stop(c->secure, core);
    list_remove(&c->filling);
    enter(c, CONN_CLOSING);
    c->between = c->express = false;
    deadline_set(&core->deadlines, &c->deadline, DEADLINE_LINGER, core->now_ms);
    c->reset = how == IO_CLOSE_RESET;
    core->source.engine->close(core->source.io, &c->sock, how);
}

/* It has lingered long enough. */
static void cut_short(struct core *core, struct conn *c)
{
    deadline_clear(&c->deadline);
    if (c->reset)
        return;
    c->reset = true;
    core->source.engine->close(core->source.io, &c->sock, IO_CLOSE_RESET);
}

/* Who began first has had the most time. */
static void bound_handshakes(struct core *core)
{
    struct deadline *oldest = deadlines_first(&core->deadlines, DEADLINE_HANDSHAKE);

    if (core->secure->handshakes > SECURE_HANDSHAKES_MAX && oldest)
        close_with(core, CONTAINER_OF(oldest, struct conn, deadline), IO_CLOSE_RESET,
                   "reset: too many handshakes are under way");
}

static bool begin_secure(struct core *core, struct conn *c, bool secure)
{
    c->secure = secure ? secure_make(core, c) : NULL;
    return !secure || c->secure;
}

void conn_open(struct core *core, int fd, bool secure)
{
    struct conn *c = conn_slab_take(core);

    if (!c || !begin_secure(core, c, secure)) {
        if (c)
            conn_slab_put(core, c);
        close(fd);
        return;
    }
    list_append(&core->conns, &c->link);
    core->conn_count++;
    list_init(&c->filling);
    deadline_init(&c->deadline);
    c->state = CONN_READING;
    c->ended = c->last = c->paused = c->reset = c->hungry = c->express = false;
    c->between = !secure;
    c->out = NULL;
    http1_init(&c->http1);
    c->http1.secure = secure;
    if (core->log || core->config->app)
        c->http1.peer_len = (uint8_t)peer_name(fd, c->http1.peer);
    core->source.engine->attach(core->source.io, &c->sock, fd);
    deadline_set(&core->deadlines, &c->deadline, secure ? DEADLINE_HANDSHAKE : DEADLINE_IDLE,
                 core->now_ms);
    tell(core, c, "opened");
    if (secure)
        bound_handshakes(core);
}

/* What the socket has brought, as it came. */
static inline struct input *received(struct conn *c)
{
    return c->secure ? &c->secure->cipher : &c->http1.input;
}

/* Is there something to go on with, without more bytes from the peer? */
static inline bool has_more(const struct conn *c)
{
    return http1_has_more(&c->http1) || (c->secure && secure_has_input(c->secure));
}

/* Leave what can't be read yet to the kernel, and do not keep buffers from others when they are
 * scarce. What is copied then is no lease any more, so only the pause bounds it. */
static COLD void hold_back(struct core *core, struct conn *c)
{
    struct io *io = core->source.io;
    struct input *input = received(c);
    bool scarce = core->source.engine->stats(io).leases > core->buffers / 2;

    if (!c->paused && (scarce || c->sock.leases > CONN_LEASES_HELD)) {
        core->source.engine->pause(io, &c->sock);
        c->paused = true;
    }
    if (scarce && input_keep(input, &core->source) < 0)
        close_with(core, c, IO_CLOSE_RESET, "reset: out of memory");
}

static void let_come(struct core *core, struct conn *c)
{
    if (c->paused)
        core->source.engine->resume(core->source.io, &c->sock);
    c->paused = false;
}

static void sent_all(struct core *core, struct conn *c);

/* What has been sealed, or is being read to be. */
static void send_sealed(struct core *core, struct conn *c, enum secure_outcome outcome)
{
    struct secure *s = c->secure;
    struct iovec iov;

    switch (outcome) {
    case SECURE_SEND:
        iov = (struct iovec){ s->sealed->bytes, s->sealed->text.len };
        core->source.engine->send(core->source.io, &c->sock, &iov, 1);
        break;
    case SECURE_READING:
        break;
    case SECURE_NOTHING:
        sent_all(core, c);
        break;
    case SECURE_BROKEN:
        close_with(core, c, IO_CLOSE_RESET, "reset: TLS can't go on");
        break;
    }
}

/* The output may be NULL or empty when TLS has something to say. */
static void begin_sending(struct core *core, struct conn *c, struct output *out)
{
    c->out = out;
    enter(c, CONN_SENDING);
    if (!c->secure)
        output_send(out, core->source.engine, core->source.io, &c->sock);
    c->sent_seen = c->sock.sent;
    deadline_set(&core->deadlines, &c->deadline, DEADLINE_WRITE, core->now_ms);
    if (input_holds_lease(received(c)))
        hold_back(core, c);
    if (!c->secure || c->state == CONN_CLOSING)
        return;
    if (out)
        secure_begin(c->secure, out);
    send_sealed(core, c, secure_seal(c->secure, core));
}

/* Close in peace: who speaks TLS is told that nothing follows. */
static void finish(struct core *core, struct conn *c, const char *why)
{
    if (c->secure)
        secure_end(c->secure);
    if (c->secure && secure_has_output(c->secure)) {
        c->last = true;
        tell(core, c, why);
        begin_sending(core, c, NULL);
    } else {
        close_with(core, c, IO_CLOSE_LINGER, why);
    }
}

static void await_bytes(struct core *core, struct conn *c)
{
    const struct http1 *h = &c->http1;

    enter(c, CONN_READING);
    if (c->ended) { /* what has come is all there is, and it is no whole request */
        finish(core, c, "closed: the client has finished");
        return;
    }
    let_come(core, c);
    c->between = !c->secure && http1_is_between(h);
    if (c->secure && c->secure->handshaking) {
        if (c->deadline.kind != DEADLINE_HANDSHAKE)
            deadline_set(&core->deadlines, &c->deadline, DEADLINE_HANDSHAKE, core->now_ms);
    } else if (h->body != HTTP1_BODY_NONE)
        deadline_set(&core->deadlines, &c->deadline, DEADLINE_BODY, core->now_ms);
    else if (!h->in_head) { /* bytes that are no part of a request don't make it less idle */
        if (c->deadline.kind != DEADLINE_IDLE)
            deadline_set(&core->deadlines, &c->deadline, DEADLINE_IDLE, core->now_ms);
    } else if (c->deadline.kind != DEADLINE_HEADER)
        deadline_set(&core->deadlines, &c->deadline, DEADLINE_HEADER, core->now_ms);
}

static COLD void await_fill(struct core *core, struct conn *c)
{
    enter(c, CONN_FILLING);
    deadline_clear(&c->deadline);
    if (input_holds_lease(received(c)))
        hold_back(core, c);
}

static COLD void await_handler(struct core *core, struct conn *c)
{
    enter(c, CONN_WAITING);
    if (c->ended && c->http1.kept)
        deadline_set(&core->deadlines, &c->deadline, DEADLINE_FINISHED, core->now_ms);
    else
        deadline_clear(&c->deadline);
    if (input_holds_lease(received(c)))
        hold_back(core, c);
}

/* Whatever http1 wants next, what it has put out goes first. */
static void go_on(struct core *core, struct conn *c, enum http1_wants wants, struct output *out,
                  struct site_fill *fill)
{
    if (fill)
        list_append(&fill->waiting, &c->filling);
    c->last = wants == HTTP1_CLOSE;
    if (c->secure && c->last)
        secure_end(c->secure);
    if (!output_is_empty(out) || (c->secure && secure_has_output(c->secure))) {
        begin_sending(core, c, out);
        return;
    }
    output_give_back(&core->outputs, out, &core->site);
    if (wants == HTTP1_CLOSE)
        close_with(core, c, IO_CLOSE_LINGER, "closed");
    else if (wants == HTTP1_FILL)
        await_fill(core, c);
    else if (wants == HTTP1_LATE)
        await_handler(core, c);
    else
        await_bytes(core, c);
}

/* The client speaks HTTP where TLS is spoken: it is answered in its own language. */
static COLD enum http1_wants refuse_plain(struct core *core, struct conn *c, struct output *out)
{
    secure_stop(c->secure, core);
    secure_free(c->secure, core);
    c->secure = NULL;
    c->http1.secure = false;
    http1_refuse_plain(&c->http1, core, out);
    return HTTP1_CLOSE;
}

/* Open more of what has come. False when http1 has no say in what comes next, which is *wants. */
static bool open_more(struct core *core, struct conn *c, struct output *out,
                      enum http1_wants *wants)
{
    switch (secure_open(c->secure, core, &c->http1.input)) {
    case TLS_MORE:
    case TLS_FULL:
        break;
    case TLS_ENDED:
        c->ended = true;
        break;
    case TLS_FAILED:
        output_clear(out, &core->site);
        *wants = HTTP1_CLOSE;
        return false;
    case TLS_PLAIN_HTTP:
        *wants = refuse_plain(core, c, out);
        return false;
    }
    return true;
}

/* As http1_run, on what TLS has brought: as long as it wants more, and there is more. */
static enum http1_wants run_secure(struct core *core, struct conn *c, struct output *out,
                                   struct site_fill **fill)
{
    enum http1_wants wants = HTTP1_BYTES;

    *fill = NULL;
    do {
        if ((c->hungry || !http1_has_more(&c->http1)) && secure_has_input(c->secure) &&
            !open_more(core, c, out, &wants))
            return wants;
        wants = http1_run(&c->http1, core, out, fill);
        c->hungry = wants == HTTP1_BYTES;
        if (input_keep(&c->http1.input, &core->source) < 0)
            return HTTP1_CLOSE;
    } while (c->hungry && secure_has_input(c->secure) && secure_has_room(c->secure));
    return wants;
}

static void run(struct core *core, struct conn *c)
{
    struct output *out = output_take(&core->outputs);
    struct site_fill *fill;

    if (!out) {
        close_with(core, c, IO_CLOSE_RESET, "reset: out of memory");
        return;
    }
    enum http1_wants wants =
        c->secure ? run_secure(core, c, out, &fill) : http1_run(&c->http1, core, out, &fill);
    go_on(core, c, wants, out, fill);
}

/* The reply lies in the memory of `out`, which is empty otherwise. Nearly always it is sent within
 * the turn: should the idle deadline pass meanwhile, that for writing begins (expire). */
static inline void send_express(struct core *core, struct conn *c, struct output *out, size_t len)
{
    const struct iovec iov = { out->memory, len };

    c->out = out;
    c->express = true;
    enter(c, CONN_SENDING);
    core->source.engine->send(core->source.io, &c->sock, &iov, 1);
}

/* The first bytes of a request, all of it, or several: the first is read where it lies. */
static void receive_first(struct core *core, struct conn *c, const struct io_event *event)
{
    struct output *out = output_take(&core->outputs);
    struct http_request *request = &core->request;
    struct site_fill *fill;
    size_t len = 0;

    c->between = false;
    if (!out) {
        core->source.engine->give_back(core->source.io, event->lease);
        close_with(core, c, IO_CLOSE_RESET, "reset: out of memory");
        return;
    }
    ssize_t used = http_request_parse(request, event->bytes, event->len, core->config->max_head);
    if (used == (ssize_t)event->len)
        len = express_answer(core, &c->http1, request, out);
    if (len > 0) {
        core->source.engine->give_back(core->source.io, event->lease);
        send_express(core, c, out, len);
        return;
    }
    input_add(&c->http1.input, &core->source, event);
    enum http1_wants wants = http1_run_parsed(&c->http1, core, out, &fill, request, used);
    go_on(core, c, wants, out, fill);
}

void conn_received(struct core *core, const struct io_event *event)
{
    struct conn *c = conn_of(event);

    if (c->between) {
        receive_first(core, c, event);
        return;
    }
    if (c->state == CONN_CLOSING) { /* since the batch was made that brings this */
        core->source.engine->give_back(core->source.io, event->lease);
        return;
    }
    c->express = false;
    input_add(received(c), &core->source, event);
    if (c->state == CONN_READING)
        run(core, c);
    else
        hold_back(core, c);
}

void conn_ended(struct core *core, const struct io_event *event)
{
    struct conn *c = conn_of(event);

    if (c->state == CONN_CLOSING)
        return;
    c->ended = true;
    c->express = false;
    if (event->result < 0)
        close_with(core, c, IO_CLOSE_RESET, "reset by the client");
    else if (c->state == CONN_READING)
        await_bytes(core, c);
    else if (c->state == CONN_WAITING)
        await_handler(core, c);
}

/* The client sends no more, and nothing of it is unread: what it is told can't be lost by a RST. A
 * client of TLS has a last word to say. One that was told much may not have read it. */
static bool may_part(const struct conn *c)
{
    const struct http1 *h = &c->http1;

    return h->parted && c->sock.sent <= CONN_FIN_SENT_MAX && !c->secure &&
           h->body == HTTP1_BODY_NONE && input_is_empty(&h->input);
}

/* What was put together is on its way, and what it pointed at is not needed any more. */
static void sent_all(struct core *core, struct conn *c)
{
    if (c->out)
        output_give_back(&core->outputs, c->out, &core->site);
    c->out = NULL;
    enter(c, list_empty(&c->filling) ? CONN_READING : CONN_FILLING);
    if (c->last)
        close_with(core, c, may_part(c) ? IO_CLOSE_FIN : IO_CLOSE_LINGER,
                   "closed: answered for the last time");
    else if (c->state == CONN_FILLING)
        await_fill(core, c);
    else if (!has_more(c))
        await_bytes(core, c);
    else
        run(core, c);
}

/* The reply is out, and nothing has come meanwhile. */
static void sent_express(struct core *core, struct conn *c)
{
    enter(c, CONN_READING);
    c->express = false;
    c->between = true;
    output_put(&core->outputs, c->out);
    c->out = NULL;
    deadline_put_off(&core->deadlines, &c->deadline, DEADLINE_IDLE, core->now_ms);
}

void conn_sent(struct core *core, const struct io_event *event)
{
    struct conn *c = conn_of(event);

    if (c->express && event->result == 0) {
        sent_express(core, c);
        return;
    }
    if (c->state == CONN_CLOSING) /* conn_closed gives back what was sent */
        return;
    CHECK(c->state == CONN_SENDING);
    if (event->result < 0) {
        close_with(core, c, IO_CLOSE_RESET, "reset: sending failed");
        return;
    }
    if (c->secure)
        secure_sent(c->secure, core);
    if (c->secure && secure_has_output(c->secure))
        send_sealed(core, c, secure_seal(c->secure, core));
    else
        sent_all(core, c);
}

void conn_read(struct core *core, struct file_want *want, struct str bytes, int error)
{
    struct conn *c = CONTAINER_OF(want, struct secure, want)->conn;

    CHECK(c->state == CONN_SENDING);
    send_sealed(core, c, secure_filled(c->secure, core, bytes, error));
}

void conn_closed(struct core *core, const struct io_event *event)
{
    struct conn *c = conn_of(event);

    CHECK(c->state == CONN_CLOSING);
    if (c->out)
        output_give_back(&core->outputs, c->out, &core->site);
    c->out = NULL;
    if (c->secure)
        secure_free(c->secure, core);
    c->secure = NULL;
    deadline_clear(&c->deadline);
    list_remove(&c->link);
    conn_slab_put(core, c);
    core->conn_count--;
}

void conn_filled(struct core *core, struct site_fill *fill)
{
    struct list *node;

    while ((node = list_take(&fill->waiting))) {
        struct conn *c = CONTAINER_OF(node, struct conn, filling);
        lookups_keep(&c->http1.lookups, fill);
        if (c->state == CONN_FILLING) {
            enter(c, CONN_READING);
            run(core, c);
        }
    }
}

void conn_put_late(struct core *core)
{
    struct http1 *h;
    bool cut;

    while ((h = late_changed(core, &cut))) {
        struct conn *c = CONTAINER_OF(h, struct conn, http1);
        if (cut) {
            close_with(core, c, IO_CLOSE_RESET, "reset: the handler has given it up");
            continue;
        }
        if (c->state != CONN_WAITING) /* it will see by itself, when what it sends is sent */
            continue;
        enter(c, CONN_READING);
        run(core, c);
    }
}

/* The peer waits for an answer that will not come as it was asked for: say so, and close. */
static COLD void time_out(struct core *core, struct conn *c)
{
    bool answered = c->http1.body != HTTP1_BODY_NONE && !c->http1.held;
    struct output *out = answered ? NULL : output_take(&core->outputs);

    if (!out) {
        finish(core, c, "closed: the rest of the request did not come");
        return;
    }
    http1_refuse(&c->http1, core, out, 408);
    go_on(core, c, HTTP1_CLOSE, out, NULL);
}

static void await_progress(struct core *core, struct conn *c)
{
    c->sent_seen = c->sock.sent;
    deadline_set(&core->deadlines, &c->deadline, DEADLINE_WRITE, core->now_ms);
}

/* A slow reader is not a dead one: as long as it takes something it may go on. */
static void check_progress(struct core *core, struct conn *c)
{
    if (c->sock.sent == c->sent_seen) {
        close_with(core, c, IO_CLOSE_RESET, "reset: the client takes nothing");
        return;
    }
    await_progress(core, c);
}

static void expire(struct core *core, struct conn *c)
{
    switch (c->deadline.kind) {
    case DEADLINE_IDLE:
        if (c->state == CONN_SENDING)
            await_progress(core, c);
        else
            finish(core, c, "closed: idle");
        break;
    case DEADLINE_HANDSHAKE:
        close_with(core, c, IO_CLOSE_LINGER, "closed: the handshake took too long");
        break;
    case DEADLINE_HEADER:
    case DEADLINE_BODY:
        time_out(core, c);
        break;
    case DEADLINE_WRITE:
        check_progress(core, c);
        break;
    case DEADLINE_FINISHED:
        close_with(core, c, IO_CLOSE_RESET, "reset: nothing to say to a client that has finished");
        break;
    case DEADLINE_LINGER:
        cut_short(core, c);
        break;
    case DEADLINE_NONE:
        break;
    }
}

void conn_expire(struct core *core)
{
    struct deadline *passed;

    while ((passed = deadlines_passed(&core->deadlines, core->now_ms)))
        expire(core, CONTAINER_OF(passed, struct conn, deadline));
}

void conn_reset_all(struct core *core)
{
    struct list *next;

    for (struct list *node = core->conns.next; node != &core->conns; node = next) {
        struct conn *c = CONTAINER_OF(node, struct conn, link);
        next = node->next;
        if (c->state != CONN_CLOSING)
            close_with(core, c, IO_CLOSE_RESET, "reset: the server stops");
        else
            cut_short(core, c);
    }
}

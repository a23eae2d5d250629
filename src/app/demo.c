#include "app/demo.h"

#include "app/demo_bytes.h"
#include "app/demo_items.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HELLO_JSON "{\"message\":\"Hello, World!\"}"

enum {
    BIGGER_LEN = 585, /* as other servers' tests have it */
    NAME_MAX_LEN = 256,
    ESCAPED_MAX = 6, /* bytes that one byte of a name may become */
    COUNT_MAX = 1000000,
    SUM_BODY_MAX = 4096,
    ECHO_MAX = 16 * 1024 * 1024,
};

#define UPLOAD_MAX (UINT64_C(1) << 40)

struct demo {
    struct demo_items *items; /* or NULL */
    uint64_t secret;
    char bigger[BIGGER_LEN];
};

/* A decimal number, all of it digits but for a sign; false when it is none or has over 15. */
static bool read_number(struct ringlet_slice text, int64_t *number)
{
    bool minus = text.len > 0 && text.at[0] == '-';
    size_t at = minus;
    int64_t value = 0;

    if (text.len == at || text.len - at > 15)
        return false;
    for (; at < text.len; at++) {
        if (text.at[at] < '0' || text.at[at] > '9')
            return false;
        value = value * 10 + (text.at[at] - '0');
    }
    *number = minus ? -value : value;
    return true;
}

static void answer_bad(struct ringlet_reply *reply, const char *why)
{
    ringlet_reply_status(reply, 400);
    ringlet_reply_printf(reply, "%s\n", why);
}

/* --- fixed texts --- */

static void answer_ping(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_send(reply, "pong", 4);
}

static void answer_pipeline(struct ringlet_request *request, struct ringlet_reply *reply,
                            void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_send(reply, "ok", 2);
}

static void answer_json(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_header(reply, "Content-Type", "application/json");
    ringlet_reply_send(reply, HELLO_JSON, sizeof HELLO_JSON - 1);
}

static void answer_bigger(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    const struct demo *demo = data;

    (void)request;
    ringlet_reply_header(reply, "Content-Type", "application/json");
    ringlet_reply_send(reply, demo->bigger, sizeof demo->bigger);
}

/* A JSON object of exactly BIGGER_LEN bytes. */
static void make_bigger(char out[BIGGER_LEN])
{
    const char begin[] = "{\"message\":\"", end[] = "\"}", words[] = "All work and no play. ";

    for (size_t i = 0; i < BIGGER_LEN; i++)
        out[i] = words[i % (sizeof words - 1)];
    memcpy(out, begin, sizeof begin - 1);
    memcpy(out + BIGGER_LEN - (sizeof end - 1), end, sizeof end - 1);
}

/* --- /hello?name= --- */

static const struct {
    char c;
    const char *shown;
} escapes[] = {
    { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" },
};

/* What one byte is shown as, for whoever takes plain text for a page, or a terminal. */
static size_t escape(char c, char out[ESCAPED_MAX])
{
    const char *shown = NULL;

    out[0] = (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
        if (escapes[i].c == c)
            shown = escapes[i].shown;
    if (!shown)
        return 1;
    memcpy(out, shown, strlen(shown));
    return strlen(shown);
}

static void answer_hello(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice name = ringlet_query_value(request, "name");
    char text[sizeof "hello, " + NAME_MAX_LEN * ESCAPED_MAX] = "hello, ";
    size_t len = sizeof "hello, " - 1;

    (void)data;
    if (!name.at)
        name = (struct ringlet_slice){ "world", 5 };
    if (name.len > NAME_MAX_LEN) {
        answer_bad(reply, "a name has 256 bytes at most");
        return;
    }
    for (size_t i = 0; i < name.len; i++)
        len += escape(name.at[i], text + len);
    ringlet_reply_send(reply, text, len);
}

/* --- /baseline11?a=&b= --- */

static void answer_sum(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice name, value, body = ringlet_body(request);
    int64_t sum = 0, number = 0;
    bool readable = true;
    size_t at = 0;

    (void)data;
    while (readable && ringlet_query_next(request, &at, &name, &value)) {
        readable = read_number(value, &number);
        sum += number;
    }
    if (readable && body.len > 0) {
        readable = read_number(body, &number);
        sum += number;
    }
    if (readable)
        ringlet_reply_printf(reply, "%lld", (long long)sum);
    else
        answer_bad(reply, "every parameter and the body are whole numbers of at most 15 digits");
}

/* --- what was uploaded --- */

/* The state is the count itself: there is nothing to release. */
static int count_piece(struct ringlet_body *body, const void *bytes, size_t len, void **state,
                       void *data)
{
    (void)body;
    (void)data;
    *state = bytes ? (void *)((uintptr_t)*state + len) : NULL;
    return 0;
}

static void answer_count(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)data;
    ringlet_reply_printf(reply, "%ju", (uintmax_t)(uintptr_t)ringlet_body_state(request));
}

static void answer_echo(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice body = ringlet_body(request);

    (void)data;
    ringlet_reply_header(reply, "Content-Type", "application/octet-stream");
    if (ringlet_reply_send(reply, body.at, body.len) < 0) {
        ringlet_reply_status(reply, 503);
        ringlet_reply_send(reply, "", 0);
    }
}

/* --- /length/{n} --- */

static void answer_busy(struct ringlet_reply *reply)
{
    ringlet_reply_status(reply, 503);
    ringlet_reply_header(reply, "Retry-After", "1");
    ringlet_reply_printf(reply, "too many bytes are on their way\n");
}

static void give_bytes(struct ringlet_reply *reply, struct demo_bytes *bytes, size_t len)
{
    ringlet_reply_header(reply, "Content-Type", "application/octet-stream");
    ringlet_reply_give(reply, demo_bytes_at(bytes), len, demo_bytes_give_back, bytes);
}

/* A reply that waits for bytes to be made, a step in each turn of its core. */
struct waiter {
    struct demo_bytes *bytes;
    size_t len;
};

static void give_up(void *state)
{
    struct waiter *waiter = state;

    demo_bytes_give_back(waiter->bytes);
    free(waiter);
}

static void go_on(struct ringlet_reply *reply, void *state)
{
    struct waiter *waiter = state;

    if (!demo_bytes_make(waiter->bytes)) {
        ringlet_reply_timer(reply, 0, go_on);
        return;
    }
    give_bytes(reply, waiter->bytes, waiter->len);
    free(waiter);
}

static void await_bytes(struct ringlet_reply *reply, struct demo_bytes *bytes, size_t len)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    struct ringlet_reply *later = waiter ? ringlet_reply_later(reply, give_up, waiter) : NULL;

    if (!later) {
        demo_bytes_give_back(bytes);
        free(waiter);
        answer_busy(reply);
        return;
    }
    *waiter = (struct waiter){ bytes, len };
    ringlet_reply_timer(later, 0, go_on);
}

static void answer_length(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    int64_t len;

    (void)data;
    if (!read_number(ringlet_param(request, "n"), &len) || len < 1 || len > DEMO_BYTES_LEN_MAX) {
        answer_bad(reply, "a length from 1 to 16777216 is allowed");
        return;
    }
    struct demo_bytes *bytes = demo_bytes_take(ringlet_state(request), (size_t)len);
    if (!bytes)
        answer_busy(reply);
    else if (demo_bytes_make(bytes))
        give_bytes(reply, bytes, (size_t)len);
    else
        await_bytes(reply, bytes, (size_t)len);
}

static void *start_core(void *data)
{
    const struct demo *demo = data;

    return demo_cache_make(demo->secret);
}

static void end_core(void *state, void *data)
{
    (void)data;
    demo_cache_free(state);
}

/* --- /json/{count}?m= --- */

static void answer_items(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice multiplier = ringlet_query_value(request, "m");
    const struct demo *demo = data;
    int64_t count, m = 1;
    size_t len;

    if (!read_number(ringlet_param(request, "count"), &count) || count < 1 || count > COUNT_MAX ||
        (multiplier.at && (!read_number(multiplier, &m) || m < -COUNT_MAX || m > COUNT_MAX))) {
        answer_bad(reply,
                   "a count from 1 to 1000000 is allowed, and m between -1000000 and 1000000");
        return;
    }
    char *text = demo_items_write(demo->items, (size_t)count, m, &len);
    if (!text) {
        ringlet_reply_status(reply, 503);
        ringlet_reply_printf(reply, "out of memory\n");
        return;
    }
    ringlet_reply_header(reply, "Content-Type", "application/json");
    ringlet_reply_give(reply, text, len, free, text);
}

/* --- all together --- */

static void add_routes(struct ringlet *server, struct demo *demo)
{
    ringlet_route(server, "GET", "/ping", answer_ping, demo);
    ringlet_route(server, "GET", "/pipeline", answer_pipeline, demo);
    ringlet_route(server, "GET", "/json", answer_json, demo);
    ringlet_route(server, "GET", "/bigger", answer_bigger, demo);
    ringlet_route(server, "GET", "/hello", answer_hello, demo);
    ringlet_route(server, "GET", "/baseline11", answer_sum, demo);
    ringlet_route_body(server, "POST", "/baseline11", SUM_BODY_MAX, answer_sum, demo);
    ringlet_route_pieces(server, "POST", "/upload", UPLOAD_MAX, count_piece, answer_count, demo);
    ringlet_route_body(server, "POST", "/echo", ECHO_MAX, answer_echo, demo);
    ringlet_route(server, "GET", "/length/{n}", answer_length, demo);
    ringlet_redirect(server, "/easter", "/", 301);
    if (demo->items)
        ringlet_route(server, "GET", "/json/{count}", answer_items, demo);
    ringlet_core_state(server, start_core, end_core, demo);
}

struct demo *demo_add(struct ringlet *server, const char *dataset, char why[DEMO_WHY_MAX])
{
    struct demo *demo = calloc(1, sizeof *demo);

    if (!demo || getrandom(&demo->secret, sizeof demo->secret, 0) < 0) {
        snprintf(why, DEMO_WHY_MAX, "%s", strerror(errno));
        free(demo);
        return NULL;
    }
    make_bigger(demo->bigger);
    if (dataset && !(demo->items = demo_items_read(dataset, why, DEMO_WHY_MAX))) {
        free(demo);
        return NULL;
    }
    add_routes(server, demo);
    return demo;
}

void demo_free(struct demo *demo)
{
    if (demo)
        demo_items_free(demo->items);
    free(demo);
}

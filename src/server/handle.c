#include "server/handle.h"

#include "app/app.h"
#include "app/kept.h"
#include "base/cold.h"
#include "http/path.h"
#include "server/late.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TYPED   "Content-Type: text/plain; charset=utf-8\r\nContent-Length: "
#define UNTYPED "Content-Length: "

#define SAID_TWICE "has replied more than once; the first reply counts"

/* Of the status line, Date, Connection, and what is added to a handler's own fields. */
enum { HEAD_ROOM = 384 };

static_assert(HTTP_GET < HTTP_HEAD && HTTP_HEAD == 1, "they are the first two");
static_assert((int)HEAD_ROOM < (int)OUTPUT_HEAD_MAX, "a head without fields always fits");
static_assert((int)CALL_CONTENT_ROOM <= (int)OUTPUT_COPY_MAX, "what was copied is copied on");

/* What is found for one request; the path lies in memory of the caller's, unless it is the
 * request's own. */
struct found {
    const struct endpoint *route;
    unsigned allowed;
    struct str path;
    struct endpoint_match match;
};

/* --- finding the route --- */

static COLD void find_any(const struct core *core, const struct http_request *request,
                          char space[HTTP_PATH_MAX], struct found *found)
{
    ssize_t len = request->form == HTTP_ORIGIN_FORM || request->form == HTTP_ABSOLUTE_FORM
                      ? http_path_normalise(request->path, space)
                      : -404;

    if (len < 0)
        return;
    found->path = str_of(space, (size_t)len);
    found->route = endpoints_find(&core->config->app->endpoints, request->method, found->path,
                                  &found->match, &found->allowed);
}

static inline void find(const struct core *core, const struct http_request *request,
                        char space[HTTP_PATH_MAX], struct found *found)
{
    found->path = request->path;
    found->match.count = 0;
    found->allowed = 0;
    found->route =
        endpoints_find_literal(&core->config->app->endpoints, request->method, request->path);
    if (!found->route)
        find_any(core, request, space, found);
}

const struct endpoint *handle_find(const struct core *core, const struct http_request *request)
{
    char space[HTTP_PATH_MAX];
    struct found found;

    if (!core->config->app)
        return NULL;
    find(core, request, space, &found);
    return found.route;
}

/* --- what the handler did wrong --- */

static void tell(struct core *core, const struct endpoint *route, const char *what)
{
    misuse_tell(&core->misuse, route, core->now_ms, what);
}

/* --- putting the reply out ---
 *
 * A handler that refuses has understood the request: whatever its status, the connection stays. */

/* There is room: whoever calls has looked once for all of it. */
static inline void add_known(struct text *out, struct str s)
{
    memcpy(out->at + out->len, s.at, s.len);
    out->len += s.len;
}

/* Straight to its place: most are short. */
static inline void add_known_number(struct text *out, size_t number)
{
    size_t digits = 1;

    for (size_t left = number; left >= 10; left /= 10)
        digits++;
    out->len += digits;
    for (char *at = out->at + out->len; digits > 0; digits--, number /= 10)
        *--at = (char)('0' + number % 10);
}

/* A 205 has no content either, but must say so (RFC 9110 15.3.6, RFC 9112 6.3). */
static COLD void add_nothing(struct text *out, int status)
{
    if (status == 205)
        text_add(out, STR(UNTYPED "0\r\n"));
}

/* A length that is not known is no field: the content ends with its last chunk, or with the
 * connection (RFC 9112 6.3). */
static COLD void add_framing(struct text *out, struct ringlet_reply *reply)
{
    const struct kept *kept = kept_of(reply);

    if (!call_has_content(reply->status)) {
        add_nothing(out, reply->status);
        return;
    }
    if (!reply->typed && kept->pieces.length > 0)
        text_add(out, STR("Content-Type: text/plain; charset=utf-8\r\n"));
    if (kept->pieces.length != RINGLET_LENGTH_UNKNOWN) {
        text_add(out, STR(UNTYPED));
        text_add_number(out, kept->pieces.length);
        text_add(out, STR("\r\n"));
    } else if (kept->chunked) {
        text_add(out, STR("Transfer-Encoding: chunked\r\n"));
    }
}

static inline void add_fields(struct text *out, struct ringlet_reply *reply)
{
    if (reply->streams) {
        add_framing(out, reply);
    } else if (call_has_content(reply->status)) {
        if (reply->typed || reply->content.len == 0)
            add_known(out, STR(UNTYPED));
        else
            add_known(out, STR(TYPED));
        add_known_number(out, reply->content.len);
        add_known(out, STR("\r\n"));
    } else {
        add_nothing(out, reply->status);
    }
    if (reply->fields.len > 0)
        add_known(out, text_str(&reply->fields));
    add_known(out, STR("\r\n"));
}

/* A head that is too long for the output has memory of its own, which goes with it. */
static COLD bool put_long_head(struct exchange *x, struct ringlet_reply *reply)
{
    size_t cap = HEAD_ROOM + reply->fields.len;
    char *memory = malloc(cap);

    if (!memory)
        return false;
    struct text head = text_in(memory, cap);
    reply_begin(&head, exchange_clock(x), reply->status, exchange_connection(x, 200));
    add_fields(&head, reply);
    output_lend(x->out, text_str(&head), free, memory);
    return true;
}

static inline bool put_head(struct exchange *x, struct ringlet_reply *reply)
{
    struct text *text = &x->out->text;

    if (reply->fields.len + HEAD_ROOM > OUTPUT_HEAD_MAX &&
        reply->fields.len + HEAD_ROOM + OUTPUT_COPY_MAX > text_room(text))
        return put_long_head(x, reply);
    reply_begin(text, exchange_clock(x), reply->status, exchange_connection(x, 200));
    add_fields(text, reply);
    return true;
}

static inline void put_content(struct exchange *x, struct ringlet_reply *reply)
{
    if (reply->content.len <= OUTPUT_COPY_MAX) {
        text_add(&x->out->text, reply->content);
        call_release(reply);
        return;
    }
    output_lend(x->out, reply->content, reply->release, reply->owner);
    reply->release = NULL;
}

/* It may have to be looked up, and the request be parsed again: the handler is not called again. */
static COLD void name_file(struct exchange *x, const struct ringlet_reply *reply)
{
    x->h->file = strdup(reply->content.at);
    x->h->file_mounted = reply->mounted;
    if (!x->h->file)
        exchange_answer_plain(x, 503, STR(""));
}

static inline void put(struct exchange *x, struct ringlet_reply *reply)
{
    if (reply->file) {
        name_file(x, reply);
        return;
    }

    bool content = call_has_content(reply->status) && x->request->method != HTTP_HEAD;

    if (!put_head(x, reply)) {
        call_release(reply);
        exchange_answer_plain(x, 503, STR(""));
        return;
    }
    exchange_log(x, reply->status, content ? reply->content.len : 0);
    if (content)
        put_content(x, reply);
    else
        call_release(reply);
}

void handle_end(struct core *core, const struct kept *kept)
{
    if (kept->reply.again)
        tell(core, kept->endpoint, SAID_TWICE);
}

COLD bool handle_put_head(struct exchange *x, struct ringlet_reply *reply)
{
    return put_head(x, reply);
}

/* --- calling --- */

static COLD void show_content(struct ringlet_request *request, struct content *content)
{
    if (content->at)
        request->body = str_of(content->at, content->len);
    request->body_state = &content->body.state;
}

static COLD void keep(struct exchange *x, const struct endpoint *route, struct kept *kept)
{
    kept->endpoint = route;
    kept->wait.connection = x->h;
    late_watch(x->core, kept);
    x->h->kept = kept;
}

void handle_resume(struct core *core, struct kept *kept, ringlet_resume *resume)
{
    misuse_note(&core->misuse, kept->endpoint, core->now_ms);
    resume(&kept->reply, kept->state);
}

void handle_body(struct core *core, struct ringlet_body *body, ringlet_body_ready *ready)
{
    misuse_note(&core->misuse, body->endpoint, core->now_ms);
    ready(body, &body->state, body->endpoint->data);
}

void handle_put(struct exchange *x, struct ringlet_reply *reply)
{
    handle_end(x->core, kept_of(reply));
    put(x, reply);
}

static inline void call(struct exchange *x, const struct found *found)
{
    char fields[CALL_FIELDS_ROOM], copied[CALL_CONTENT_ROOM], decoded[CALL_DECODED_ROOM];
    const struct endpoint *route = found->route;
    struct ringlet_request request;
    struct ringlet_reply reply;

    request.head = x->request;
    request.path = found->path;
    request.match = &found->match;
    request.secure = x->h->secure;
    request.peer = str_of(x->h->peer, x->h->peer_len);
    request.state = x->core->app_state;
    request.body = str_of("", 0);
    request.body_state = NULL;
    if (x->h->content)
        show_content(&request, x->h->content);
    request.decoded = text_in(decoded, sizeof decoded);
    request.more = NULL;
    reply.status = 200;
    reply.done = reply.again = reply.typed = reply.file = reply.mounted = reply.streams = false;
    reply.reads = route->method <= HTTP_HEAD;
    reply.head_only = x->request->method == HTTP_HEAD;
    reply.fields = text_in(fields, sizeof fields);
    reply.copied = text_in(copied, sizeof copied);
    reply.release = NULL;
    reply.kept = NULL;
    reply.changes = &x->core->late_changed;

    misuse_note(&x->core->misuse, route, x->core->now_ms);
    route->handler(&request, &reply, route->data);
    if (reply.again)
        tell(x->core, route, SAID_TWICE);
    if (reply.kept) {
        keep(x, route, reply.kept);
    } else if (reply.done) {
        put(x, &reply);
    } else {
        tell(x->core, route, "has not replied; the client got a 500");
        exchange_answer_plain(x, 500, STR(""));
    }
    if (request.more)
        call_free_decoded(&request);
}

/* The path is there, but not for this method. */
static COLD void answer_other_method(struct exchange *x, unsigned allowed)
{
    char space[128];
    struct text field = text_in(space, sizeof space);

    text_add(&field, STR("Allow: "));
    endpoints_write_methods(&field, allowed);
    text_add(&field, STR("\r\n"));
    if (x->request->method != HTTP_OPTIONS) {
        exchange_answer_plain(x, 405, text_str(&field));
        return;
    }
    reply_empty(&x->out->text, exchange_clock(x), 200, exchange_connection(x, 200),
                text_str(&field));
    exchange_log(x, 200, 0);
}

bool handle_routed(struct exchange *x)
{
    char space[HTTP_PATH_MAX];
    struct found found;

    find(x->core, x->request, space, &found);
    if (found.route)
        call(x, &found);
    else if (found.allowed)
        answer_other_method(x, found.allowed);
    return found.route || found.allowed;
}

#include "server/http1.h"

#include "base/check.h"
#include "base/cold.h"
#include "server/answer.h"
#include "server/flow.h"
#include "server/handle.h"
#include "server/late.h"

#include <stdlib.h>

/* Not a thing to wait for: there is more to be done. Kept out of the header. */
enum { GO_ON = -1 };

void http1_init(struct http1 *h)
{
    *h = (struct http1){ .body = HTTP1_BODY_NONE };
    input_init(&h->input);
}

static COLD void drop_held(struct http1 *h)
{
    free(h->held);
    h->held = NULL;
}

static COLD void drop_content(struct http1 *h, struct core *core)
{
    if (h->content)
        late_forget(core, &h->content->body.wait);
    content_free(h->content);
    h->content = NULL;
}

static COLD void drop_file(struct http1 *h)
{
    free(h->file);
    h->file = NULL;
}

static COLD void drop_kept(struct http1 *h, struct core *core)
{
    if (h->kept) {
        late_forget(core, &h->kept->wait);
        kept_free(h->kept);
    }
    h->kept = NULL;
}

/* How much of a reply in pieces has gone out is known when it is over. */
static COLD void log_stream(struct http1 *h, struct core *core)
{
    struct http_request request;
    struct exchange x = { .h = h, .core = core, .request = &request };

    if (!core->log || !h->kept->begun)
        return;
    http_request_parse(&request, h->held, h->held_len, core->config->max_head);
    exchange_log(&x, h->kept->reply.status, h->kept->put);
}

static COLD void drop_parts(struct http1 *h, struct core *core)
{
    parts_free(h->parts, &core->site);
    h->parts = NULL;
}

void http1_drop(struct http1 *h, struct core *core)
{
    input_drop(&h->input, &core->source);
    drop_parts(h, core);
    if (h->kept)
        log_stream(h, core);
    drop_held(h);
    drop_content(h, core);
    drop_kept(h, core);
    drop_file(h);
    lookups_drop(&h->lookups, core);
}

static void use_head(struct http1 *h, struct core *core, size_t len)
{
    if (h->file)
        drop_file(h);
    if (h->held) {
        drop_held(h);
        drop_content(h, core);
    } else {
        input_use(&h->input, &core->source, len);
    }
    h->in_head = false;
}

static COLD void refuse(struct exchange *x, int status)
{
    x->h->over = true;
    exchange_answer_plain(x, status, STR(""));
}

static void start_body(struct http1 *h, const struct http_request *request)
{
    h->body = request->chunked ? HTTP1_BODY_CHUNKED : HTTP1_BODY_LENGTH;
    h->body_left = request->length;
    h->body_taken = 0;
    http_chunked_start(&h->chunked);
}

static bool hold_head(struct http1 *h, const char *head, size_t len)
{
    h->held = malloc(len);
    h->held_len = len;
    if (h->held)
        memcpy(h->held, head, len);
    return h->held;
}

static uint64_t body_max(const struct core *core, const struct endpoint *endpoint)
{
    return endpoint && endpoint->body.wanted ? endpoint->body.max : core->config->max_body;
}

/* Keep what is needed once the body has come. */
static bool hold(struct exchange *x, const struct endpoint *endpoint, const char *head, size_t len)
{
    struct http1 *h = x->h;

    if (!hold_head(h, head, len))
        return false;
    if (!endpoint || !endpoint->body.wanted)
        return true;
    h->content = content_make(endpoint, &x->core->late_changed);
    if (h->content)
        h->content->body.wait.connection = h;
    return h->content;
}

/* The reply comes later: it needs the head for its own, and for the log. */
static COLD void hold_kept(struct exchange *x, struct str head)
{
    if (x->h->held || hold_head(x->h, head.at, head.len))
        return;
    drop_kept(x->h, x->core);
    refuse(x, 503);
}

/* Before its body is read, which is dropped before the next request. */
static COLD int answer_early(struct exchange *x, const char *head, size_t len)
{
    answer_request(x);
    if (x->fill)
        return HTTP1_FILL;
    if (x->full)
        return HTTP1_FLUSH;
    lookups_drop(&x->h->lookups, x->core);
    drop_file(x->h);
    if (x->h->kept)
        hold_kept(x, str_of(head, len));
    return GO_ON;
}

/* A body comes. What is known from the head alone is answered now, everything else after it. */
static COLD int begin_body(struct exchange *x, const char *head, size_t len)
{
    const struct http_request *request = x->request;
    const struct endpoint *endpoint = handle_find(x->core, request);

    x->h->body_max = body_max(x->core, endpoint);
    if (request->length > x->h->body_max) {
        refuse(x, 413);
        return GO_ON;
    }
    if (answer_ignores_body(x, endpoint)) {
        int wants = answer_early(x, head, len);
        if (wants != GO_ON)
            return wants;
    } else if (!hold(x, endpoint, head, len)) {
        refuse(x, 503);
        return GO_ON;
    }
    start_body(x->h, request);
    input_use(&x->h->input, &x->core->source, len);
    x->h->in_head = false;
    if (x->h->held && !x->h->kept && request->expects_continue && input_is_empty(&x->h->input))
        text_add(&x->out->text, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    return GO_ON;
}

static COLD int keep_head(struct exchange *x, struct str head, size_t used)
{
    bool held = x->h->held;

    hold_kept(x, str_of(head.at, used));
    drop_content(x->h, x->core); /* the handler has seen it */
    if (!held)
        input_use(&x->h->input, &x->core->source, used);
    x->h->in_head = false;
    return GO_ON;
}

/* A head that is complete, or can't become one. */
static int take_head(struct exchange *x, struct str head, ssize_t used)
{
    struct http1 *h = x->h;

    if (used < 0) {
        refuse(x, (int)-used);
        return HTTP1_CLOSE;
    }
    if (!h->held && http_request_has_body(x->request))
        return begin_body(x, head.at, (size_t)used);
    answer_request(x);
    if (x->fill)
        return HTTP1_FILL;
    if (x->full)
        return HTTP1_FLUSH;
    lookups_drop(&h->lookups, x->core);
    if (h->kept)
        return keep_head(x, head, (size_t)used);
    use_head(h, x->core, (size_t)used);
    return GO_ON;
}

/* The head lies in several pieces, or has not come as a whole. */
static COLD int gather_head(struct http1 *h, struct core *core)
{
    int joined = input_join(&h->input, &core->source, core->config->max_head);

    h->in_head = true;
    if (joined < 0)
        return HTTP1_CLOSE;
    return joined > 0 ? GO_ON : HTTP1_BYTES;
}

static struct str head_of(const struct http1 *h, const struct core *core)
{
    return h->held ? str_of(h->held, h->held_len) : input_peek(&h->input, &core->source);
}

static int take_parsed(struct http1 *h, struct core *core, struct output *out,
                       struct site_fill **fill, const struct http_request *request, ssize_t used)
{
    if (used == 0)
        return gather_head(h, core);

    struct exchange x = { .h = h, .core = core, .out = out, .request = request };
    int wants = take_head(&x, head_of(h, core), used);
    *fill = x.fill;
    return wants;
}

static int read_head(struct http1 *h, struct core *core, struct output *out,
                     struct site_fill **fill)
{
    struct str head = head_of(h, core);
    struct http_request request;

    ssize_t used = http_request_parse(&request, head.at, head.len, core->config->max_head);
    return take_parsed(h, core, out, fill, &request, used);
}

/* A body that breaks the rules: its request is answered with the reason, unless it has been
 * answered. */
static void refuse_body(struct http1 *h, struct core *core, struct output *out, int status)
{
    h->over = true;
    h->body = HTTP1_BODY_NONE;
    if (h->held)
        http1_refuse(h, core, out, status);
}

/* For the handler, if one wants it. False when the request was refused. */
static bool take_content(struct http1 *h, struct core *core, struct output *out, struct str bytes)
{
    int status = 0;

    if (h->content) {
        misuse_note(&core->misuse, h->content->body.endpoint, core->now_ms);
        status = content_add(h->content, bytes);
    }
    if (status != 0)
        refuse_body(h, core, out, status);
    return status == 0;
}

static void read_length(struct http1 *h, struct core *core, struct output *out, struct str bytes)
{
    size_t count = bytes.len < h->body_left ? bytes.len : (size_t)h->body_left;

    if (!take_content(h, core, out, str_of(bytes.at, count)))
        return;
    input_use(&h->input, &core->source, count);
    h->body_left -= count;
    if (h->body_left == 0)
        h->body = HTTP1_BODY_NONE;
}

static void read_chunks(struct http1 *h, struct core *core, struct output *out, struct str bytes)
{
    struct str content;
    ssize_t used = http_chunked_read(&h->chunked, bytes.at, bytes.len, &content);

    if (used < 0) {
        refuse_body(h, core, out, (int)-used);
        return;
    }
    h->body_taken += content.len;
    if (h->body_taken > h->body_max) {
        refuse_body(h, core, out, 413);
        return;
    }
    if (!take_content(h, core, out, content))
        return;
    input_use(&h->input, &core->source, (size_t)used);
    if (h->chunked.done)
        h->body = HTTP1_BODY_NONE;
}

static COLD int read_body(struct http1 *h, struct core *core, struct output *out)
{
    struct str bytes = input_peek(&h->input, &core->source);

    if (bytes.len == 0) /* the head is held, and the body has not come */
        return HTTP1_BYTES;
    if (h->body == HTTP1_BODY_LENGTH)
        read_length(h, core, out, bytes);
    else
        read_chunks(h, core, out, bytes);
    return GO_ON;
}

static COLD int put_parts(struct http1 *h, struct core *core, struct output *out)
{
    if (!parts_put(h->parts, out))
        return HTTP1_FLUSH;
    drop_parts(h, core);
    return GO_ON;
}

/* What a handler has finished later is answered: it and its request are done with. */
static COLD int end_kept(struct http1 *h, struct core *core)
{
    drop_kept(h, core);
    drop_held(h);
    drop_content(h, core);
    return GO_ON;
}

/* The exchange of the request that was kept. */
static void read_held(struct exchange *x, struct http_request *request)
{
    struct http1 *h = x->h;
    ssize_t used = http_request_parse(request, h->held, h->held_len, x->core->config->max_head);

    CHECK(used > 0);
    x->request = request;
}

static COLD int put_stream(struct http1 *h, struct core *core, struct output *out)
{
    struct http_request request;
    struct exchange x = { .h = h, .core = core, .out = out };

    if (!h->kept->begun) {
        read_held(&x, &request);
        if (!flow_begin(&x, h->kept)) {
            exchange_answer_plain(&x, 503, STR(""));
            return end_kept(h, core);
        }
    }
    switch (flow_put(core, out, h->kept)) {
    case FLOW_WAITS:
        return HTTP1_LATE;
    case FLOW_FULL:
        return HTTP1_FLUSH;
    case FLOW_OVER:
        break;
    }
    log_stream(h, core);
    handle_end(core, h->kept);
    return end_kept(h, core);
}

/* The reply that was kept is the next answer. */
static COLD int put_kept(struct http1 *h, struct core *core, struct output *out)
{
    struct http_request request;
    struct exchange x = { .h = h, .core = core, .out = out };

    if (!h->kept->reply.done || h->kept->cut)
        return HTTP1_LATE;
    if (!output_has_room(out))
        return HTTP1_FLUSH;
    if (h->kept->reply.streams)
        return put_stream(h, core, out);
    read_held(&x, &request);
    handle_put(&x, &h->kept->reply);
    if (!h->file)
        return end_kept(h, core);
    drop_kept(h, core); /* the head is read again, to be answered with it */
    return GO_ON;
}

enum http1_wants http1_run(struct http1 *h, struct core *core, struct output *out,
                           struct site_fill **fill)
{
    int wants = GO_ON;

    *fill = NULL;
    while (wants == GO_ON) {
        if (h->parts) {
            wants = put_parts(h, core, out);
            continue;
        }
        if (h->kept) {
            wants = put_kept(h, core, out);
            continue;
        }
        if (h->over)
            return HTTP1_CLOSE;
        if (http1_is_paused(h))
            return HTTP1_LATE;
        if (!h->held && input_is_empty(&h->input))
            return HTTP1_BYTES;
        if (!output_has_room(out))
            return HTTP1_FLUSH;
        if (h->body != HTTP1_BODY_NONE)
            wants = read_body(h, core, out);
        else
            wants = read_head(h, core, out, fill);
    }
    return (enum http1_wants)wants;
}

enum http1_wants http1_run_parsed(struct http1 *h, struct core *core, struct output *out,
                                  struct site_fill **fill, const struct http_request *request,
                                  ssize_t used)
{
    *fill = NULL;
    int wants = take_parsed(h, core, out, fill, request, used);

    return wants == GO_ON ? http1_run(h, core, out, fill) : (enum http1_wants)wants;
}

/* The request may be known in part, or as a whole when it is its body that is at fault. */
void http1_refuse(struct http1 *h, struct core *core, struct output *out, int status)
{
    struct http_request request = { .minor = 1, .method = HTTP_METHOD_UNKNOWN };
    struct exchange x = { .h = h, .core = core, .out = out, .request = &request };

    if (h->held)
        http_request_parse(&request, h->held, h->held_len, core->config->max_head);
    refuse(&x, status);
    drop_held(h); /* the log line was made from it */
}

void http1_refuse_plain(struct http1 *h, struct core *core, struct output *out)
{
    struct http_request request = { .minor = 1, .method = HTTP_METHOD_UNKNOWN };
    struct exchange x = { .h = h, .core = core, .out = out, .request = &request };
    struct str content = STR("400 Bad Request: this port speaks HTTPS; ask https:// for it\n");

    reply_begin(&out->text, exchange_clock(&x), 400, REPLY_CLOSES);
    text_add(&out->text, STR("Content-Type: text/plain; charset=utf-8\r\nContent-Length: "));
    text_add_number(&out->text, content.len);
    text_add(&out->text, STR("\r\n\r\n"));
    text_add(&out->text, content);
    exchange_log(&x, 400, content.len);
}

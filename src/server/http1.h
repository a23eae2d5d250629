/* http1.h - turns the bytes of one connection into exchanges of HTTP/1, and keeps their order.
 *
 * It knows no socket: conn gives it bytes and sends what it puts into an output. A request is
 * parsed where it lies and answered at once when its file is held ready. What can't be answered yet
 * leaves the request where it is, to be parsed again: no state is kept between the two. Only the
 * head of a request whose body must be read before the answer is copied. */
#ifndef SERVER_HTTP1_H
#define SERVER_HTTP1_H

#include "app/kept.h"
#include "http/chunked.h"
#include "server/content.h"
#include "server/lookups.h"
#include "server/parts.h"
#include "server/peer.h"

/* What must happen before it can go on. */
enum http1_wants {
    HTTP1_BYTES, /* more bytes from the peer */
    HTTP1_FLUSH, /* the output has no room: send it */
    HTTP1_LATE,  /* a handler must go on: with its reply, http1.kept, or with its body */
    HTTP1_FILL,  /* the fill must be over, and its outcome kept in http1.lookups */
    HTTP1_CLOSE, /* send the output, if there is any, and close: lingering, so that it is read */
};

enum http1_body_kind { HTTP1_BODY_NONE, HTTP1_BODY_LENGTH, HTTP1_BODY_CHUNKED };

struct http1 {
    struct input input;

    enum http1_body_kind body; /* being read, for a handler or to be dropped */
    uint64_t body_left;        /* of a length */
    uint64_t body_taken;       /* of chunks */
    struct http_chunked chunked;

    struct parts *parts; /* of the answer that is being put out; or NULL */

    char *held; /* head of a request to be answered after its body; heap, or NULL */
    size_t held_len;

    struct content *content; /* of that request, for its handler; or NULL */
    uint64_t body_max;
    char *file;        /* what the handler has named as the answer to the next request; or NULL */
    struct kept *kept; /* the reply that the next answer is, finished or not; or NULL */

    struct lookups lookups; /* for the next request */

    bool file_mounted; /* it has the same end as the request's path */

    bool in_head; /* part of a head has come */
    bool over;    /* no further request is read */
    bool parted;  /* the client has said that it sends no other */
    bool secure;  /* it came through TLS */
    uint8_t peer_len;
    char peer[PEER_NAME_MAX]; /* address as text, when the access log wants it */
};

/* Nothing has come, and nothing is held. */
void http1_init(struct http1 *h);

/* Give back whatever it holds. */
void http1_drop(struct http1 *h, struct core *core);

/* Has it something to go on with, without more bytes from the peer? */
static inline bool http1_has_more(const struct http1 *h)
{
    return !input_is_empty(&h->input) || h->held || h->parts;
}

/* Does the handler want no more of its body for now? */
static inline bool http1_is_paused(const struct http1 *h)
{
    return h->content && h->content->body.paused;
}

/* Answer as many requests as there are bytes and room for. With HTTP1_FILL, *fill is what to wait
 * for. */
enum http1_wants http1_run(struct http1 *h, struct core *core, struct output *out,
                           struct site_fill **fill);

/* The same, when the first head has been parsed: `used` is what http_request_parse returned for the
 * bytes that the input begins with. */
enum http1_wants http1_run_parsed(struct http1 *h, struct core *core, struct output *out,
                                  struct site_fill **fill, const struct http_request *request,
                                  ssize_t used);

/* Is nothing there of any request? */
static inline bool http1_is_between(const struct http1 *h)
{
    return input_is_empty(&h->input) && h->body == HTTP1_BODY_NONE && !h->in_head && !h->held;
}

/* Put a last reply into the output, without a request to answer or before it is complete (408). */
void http1_refuse(struct http1 *h, struct core *core, struct output *out, int status);

/* The same for a client that speaks plain HTTP where TLS is spoken: 400, and why. */
void http1_refuse_plain(struct http1 *h, struct core *core, struct output *out);

#endif

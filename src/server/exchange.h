/* exchange.h - one request being answered, and what every answer does.
 *
 * Made by http1 for as long as the request is looked at. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "http/request.h"
#include "http/status.h"
#include "server/http1.h"

struct exchange {
    struct http1 *h;
    struct core *core;
    struct output *out;
    const struct http_request *request;
    struct site_fill *fill; /* to wait for, or NULL */
    bool full;              /* the output must be sent first */
};

/* How its answer begins. */
static inline const struct reply_clock *exchange_clock(const struct exchange *x)
{
    return &x->core->clocks[x->h->secure];
}

/* What the answer's head must say of the connection; whether it goes on is decided with it. */
static inline enum reply_connection exchange_connection(struct exchange *x, int status)
{
    if (x->h->over || !x->request->keep_alive || !http_status_keeps(status) || x->core->draining ||
        x->request->method == HTTP_CONNECT) {
        /* one that is over already may have been refused, and was not read to its end */
        x->h->parted = !x->h->over && !x->request->keep_alive;
        x->h->over = true;
        return REPLY_CLOSES;
    }
    return x->request->minor == 0 ? REPLY_PERSISTS_1_0 : REPLY_PERSISTS;
}

/* Its line in the access log, where there is one. `bytes` are those of the content. */
void exchange_add_line(const struct exchange *x, int status, uint64_t bytes);

static inline void exchange_log(const struct exchange *x, int status, uint64_t bytes)
{
    if (x->core->log)
        exchange_add_line(x, status, bytes);
}

enum {
    EXCHANGE_FIELDS_MAX = 4096 + 64
}; /* bytes of what exchange_answer_plain is given: a Location */

/* So that scripts of any site may read the answer (the CORS protocol of fetch.spec.whatwg.org). */
#define EXCHANGE_CORS "Access-Control-Allow-Origin: *\r\n"

/* Answer with the words of the status, and more field lines, each with its CRLF. */
void exchange_answer_plain(struct exchange *x, int status, struct str fields);

/* Answer with a file, or with what the request's conditions and ranges make of it. Or x->full is
 * set: there is no room. */
void exchange_answer_file(struct exchange *x, struct site_entry *entry);

/* Answer with the content of a file, but not as that file: under a status of its own, whatever the
 * request's conditions and ranges are. Or x->full is set. */
void exchange_answer_page(struct exchange *x, int status, struct site_entry *entry);

#endif

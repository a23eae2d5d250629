/* handle.h - answer a request from a handler of the program's.
 *
 * The handler is called here and describes its reply; this puts it out. What a handler does wrong
 * is told by misuse. */
#ifndef SERVER_HANDLE_H
#define SERVER_HANDLE_H

#include "app/kept.h"
#include "server/exchange.h"

/* Answer x->request if a route's path is its path; false when none is. Instead, x->h->file may be
 * set: what stands there is the answer. */
bool handle_routed(struct exchange *x);

/* The same, where the program has no routes at little cost. */
static inline bool handle_request(struct exchange *x)
{
    return x->core->config->app && handle_routed(x);
}

/* Put out a reply that was finished later, or set x->h->file; the exchange is of its request. */
void handle_put(struct exchange *x, struct ringlet_reply *reply);

/* A kept reply is over: tell if it was finished more than once. */
void handle_end(struct core *core, const struct kept *kept);

/* Put out the head of a reply whose content comes in pieces. False: memory is short. */
bool handle_put_head(struct exchange *x, struct ringlet_reply *reply);

/* Call what a kept reply, or a body, has waited with. */
void handle_resume(struct core *core, struct kept *kept, ringlet_resume *resume);
void handle_body(struct core *core, struct ringlet_body *body, ringlet_body_ready *ready);

/* The route whose handler answers it; or NULL. */
const struct endpoint *handle_find(const struct core *core, const struct http_request *request);

#endif

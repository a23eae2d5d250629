/* answer.h - who answers a request: the server itself, or what its path stands for on the site. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "app/endpoints.h"
#include "server/exchange.h"

/* Answer x->request. Instead, x->fill may be set: to be waited for; or x->full: the output must be
 * sent first. The request is then to be parsed and answered again. */
void answer_request(struct exchange *x);

/* Is the answer to x->request known from the head alone, whatever body may follow it? `endpoint` is
 * the route whose handler answers; or NULL. */
bool answer_ignores_body(const struct exchange *x, const struct endpoint *endpoint);

#endif

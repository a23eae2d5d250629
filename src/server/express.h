/* express.h - the everyday request, answered without a stop.
 *
 * Most requests come whole and alone: a GET without conditions for a small file that is held, on a
 * connection that goes on. Such a one is answered from the bytes as they were received. For every
 * other this is not the way, and answer_request gives all answers, this one among them. */
#ifndef SERVER_EXPRESS_H
#define SERVER_EXPRESS_H

#include "http/request.h"
#include "server/http1.h"

/* May requests of this core go this way at all? Not where handlers or a redirect come before files,
 * and not while draining, when replies say that the connection closes. */
bool express_is_open(const struct core *core);

/* Write the whole reply to the memory of `out`, which is empty and stays so. Returns its length; 0
 * when this is not the way, and nothing was done. */
size_t express_answer(struct core *core, struct http1 *h, const struct http_request *request,
                      struct output *out);

#endif

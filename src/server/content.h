/* content.h - the content of one request on its way to a handler: kept whole, or taken in pieces.
 *
 * http1 reads it; where the handler gets it, this is where it goes. What the program has made of
 * the pieces is the handler's once that is called, and given back to the program when it never
 * will be. */
#ifndef SERVER_CONTENT_H
#define SERVER_CONTENT_H

#include "app/body.h"

struct content {
    struct ringlet_body body; /* as the program knows it, if it takes pieces */
    char *at;                 /* heap; whole content only */
    size_t len, cap;
};

/* Nothing has come yet, for this endpoint's handler. `changes` is the core's list. NULL when memory
 * is short. */
struct content *content_make(const struct endpoint *endpoint, struct list *changes);

/* More of it has come; the caller sees to the limit. 0, or the status to refuse the request with.
 */
int content_add(struct content *content, struct str bytes);

/* Free it, when the server waits for nothing for it any more; a state that is still here goes back
 * to the program. NULL is allowed. */
void content_free(struct content *content);

#endif

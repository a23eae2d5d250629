/* body.h - the body of one request, as a handler that takes it in pieces knows it. */
#ifndef APP_BODY_H
#define APP_BODY_H

#include "app/endpoints.h"
#include "app/wait.h"

struct ringlet_body {
    struct wait wait;
    const struct endpoint *endpoint; /* whose handler gets it */
    void *state;                     /* the program's, made of the pieces */
    bool paused;                     /* no piece is given, nor the handler called */
    ringlet_body_ready *timer, *descriptor;
};

/* Nothing has come yet. `changes` is the list of the core. */
void body_init(struct ringlet_body *body, const struct endpoint *endpoint, struct list *changes);

static inline struct ringlet_body *body_of(struct wait *wait)
{
    return CONTAINER_OF(wait, struct ringlet_body, wait);
}

#endif

/* kept.h - a reply that is finished after its handler has returned.
 *
 * It lives on the heap from ringlet_reply_later until it is put out, or the client has gone. What
 * the program does to it is noted in a list of the core's, which the server looks through once a
 * turn: nothing here calls up. */
#ifndef APP_KEPT_H
#define APP_KEPT_H

#include "app/call.h"

struct kept {
    struct ringlet_reply reply; /* first: the program knows it by this */
    const struct endpoint *endpoint;
    void *connection; /* the server's: whose request it answers */
    ringlet_gone *gone;
    void *state;

    struct list changed;   /* in the core's list, when it is finished or has a new timer */
    struct list waiting;   /* in the core's list of timers, by the time they are due */
    ringlet_resume *timer; /* to be called; NULL: no timer */
    uint32_t timer_ms;     /* from when it was asked for */
    uint64_t due_ms;       /* the server's: when that is */

    char fields[CALL_FIELDS_ROOM];
    char copied[CALL_CONTENT_ROOM];
};

static inline struct kept *kept_of(struct ringlet_reply *reply)
{
    return CONTAINER_OF(reply, struct kept, reply);
}

/* Free it, content that was not put out included. The program is told when it had not finished it:
 * the client has gone. */
void kept_free(struct kept *kept);

#endif

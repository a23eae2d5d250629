/* kept.h - a reply that is finished after its handler has returned.
 *
 * It lives on the heap from ringlet_reply_later until it is put out, or the client has gone. What
 * the program does to it is noted in a list of the core's, which the server looks through once a
 * turn: nothing here calls up. One whose content comes in pieces (ringlet_reply_begin) is done in
 * the sense of struct ringlet_reply from then on, and finished when `ended`. */
#ifndef APP_KEPT_H
#define APP_KEPT_H

#include "app/call.h"
#include "app/pieces.h"
#include "app/wait.h"

struct kept {
    struct ringlet_reply reply; /* first: the program knows it by this */
    struct wait wait;
    const struct endpoint *endpoint;
    ringlet_gone *gone;
    void *state;

    struct list watched;   /* in the core's list of those that may have been forgotten */
    uint64_t forgotten_ms; /* the server's: when it will have been */
    ringlet_resume *timer, *descriptor; /* to be called for these; or NULL */

    struct pieces pieces; /* where reply.streams */
    bool ended;           /* no more of them will come */
    bool cut;             /* the connection is to be cut */
    const char *misuse;   /* to be told of the handler; or NULL */
    ringlet_resume *room; /* to be called when there is room for pieces; or NULL */
    bool begun;           /* the server's: the head is put out */
    bool chunked;         /* the server's */
    uint64_t put;         /* the server's: bytes of content put out */

    char *texts; /* heap: room for reply.fields and reply.copied; NULL once they have served */
};

static inline struct kept *kept_of(struct ringlet_reply *reply)
{
    return CONTAINER_OF(reply, struct kept, reply);
}

static inline struct kept *kept_by(struct wait *wait)
{
    return CONTAINER_OF(wait, struct kept, wait);
}

/* Has the program said all it wants to? */
static inline bool kept_is_finished(const struct kept *kept)
{
    return kept->reply.done && (!kept->reply.streams || kept->ended);
}

/* The head is put out, and the content is no copy in there: a reply that lives on takes little. */
void kept_drop_texts(struct kept *kept);

/* Free it, content that was not put out included; the server waits for nothing for it any more. The
 * program is told when it had not finished it: the client has gone. */
void kept_free(struct kept *kept);

#endif

/* pieces.h - the content of a reply that is given piece by piece: what has not gone out yet.
 *
 * Pieces that are copied share blocks, so that many small ones cost little. What waits is counted
 * with what is being sent, and so is the memory for it: RINGLET_PIECES_SIZE at most. */
#ifndef APP_PIECES_H
#define APP_PIECES_H

#include "base/str.h"
#include "ringlet.h"

enum {
    PIECES_COST_MIN = 256, /* what a piece counts that is given and not copied, however short */
};

/* Bytes that were given go back by calling release(owner). */
typedef void pieces_release(void *owner);

/* One of them, on the heap. */
struct piece {
    struct piece *next;
    const char *at;
    size_t len;
    size_t cap;              /* of `bytes`, when it is a block of copies; 0 otherwise */
    pieces_release *release; /* or NULL */
    void *owner;
    char bytes[];
};

struct pieces {
    struct piece *first, *last;
    uint64_t length;  /* promised; or RINGLET_LENGTH_UNKNOWN */
    uint64_t given;   /* bytes, in all */
    size_t waiting;   /* what those in the queue count */
    size_t going_out; /* and those that were taken from it and are being sent */
};

/* None yet. */
void pieces_init(struct pieces *pieces, uint64_t length);

/* Would these be more than was promised? */
bool pieces_exceed(const struct pieces *pieces, size_t len);

/* The end of the queue. 0; -EAGAIN when too much waits, -EMSGSIZE when a copy is longer than
 * RINGLET_PIECES_SIZE, -ENOMEM: then nothing was taken. */
int pieces_copy(struct pieces *pieces, struct str bytes);
int pieces_give(struct pieces *pieces, struct str bytes, pieces_release *release, void *owner);

/* Is there so much room again that it is worth telling? */
bool pieces_have_room(const struct pieces *pieces);

/* The next one, to be freed when it is sent; NULL when there is none. */
struct piece *pieces_take(struct pieces *pieces);

/* What was taken has been sent. */
static inline void pieces_are_sent(struct pieces *pieces)
{
    pieces->going_out = 0;
}

/* Free a struct piece; its bytes go back to whoever gave them. */
void piece_free(void *piece);

/* Free those in the queue. */
void pieces_drop(struct pieces *pieces);

#endif

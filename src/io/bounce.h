/* bounce.h - buffers for file bytes that were not resident, read off the core's thread.
 *
 * A few per engine. Each embeds the file operation that fills it, whose `sock` says for whom. A
 * peer that takes nothing keeps none from others: when there is no free one, the socket that has
 * been stalled longest loses its buffer, and reads the bytes again when it goes on. When all are
 * being read into, a socket waits its turn. Used by both engines. */
#ifndef IO_BOUNCE_H
#define IO_BOUNCE_H

#include "io/helpers.h"

enum {
    BOUNCE_COUNT = HELPERS_MAX, /* a disk that hangs holds one with each helper */
    BOUNCE_SIZE = 128 * 1024,   /* bytes; as much as read-ahead fetches at once */
};

struct bounce {
    struct io_file_op op;
    char *bytes;
    struct list link; /* among the free or the stalled ones */
};

struct bounces {
    struct bounce all[BOUNCE_COUNT];
    char *memory;
    struct list free;    /* the last one put back first, so that few are ever touched */
    struct list stalled; /* filled, and the socket takes no more for now; longest first */
    struct list waiting; /* sockets, by `waiting` */
};

/* Address space is reserved; memory is used when touched. 0 or -ENOMEM. */
int bounces_open(struct bounces *);
/* All put back by now. */
void bounces_free(struct bounces *);

/* See that `sock` holds a bounce buffer, and prepare the operation that reads on from where its
 * file stands; the caller starts it. NULL when all are in use: the socket is then among those
 * waiting. */
struct io_file_op *bounce_read(struct bounces *, struct io_sock *);
/* The operation is done: its bytes become what is sent next, or sock->out.result says why not. */
bool bounce_filled(struct io_sock *);
/* The socket takes no more for now: others may have its buffer, if it holds one. */
void bounce_stall(struct bounces *, struct io_sock *);
/* The socket needs none any more: put back what it holds, and stop its waiting. */
void bounce_release(struct bounces *, struct io_sock *);
/* The next socket whose turn it is, taken off the queue, or NULL. */
struct io_sock *bounces_next(struct bounces *);

#endif

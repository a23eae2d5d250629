/* sealed.h - buffers for what TLS has sealed, until it is sent.
 *
 * A short answer takes a small one: of those there are as many as connections send at a time. A
 * long one takes a large one as long as there are any, and goes on with small ones otherwise: a
 * connection never waits for a buffer that somebody holds who reads slowly. They stay with their
 * core until the end. */
#ifndef SERVER_SEALED_H
#define SERVER_SEALED_H

#include "base/text.h"
#include "tls/session.h"

enum {
    SEALED_SMALL = 8 * 1024,
    /* Whole records: sealing and sending by so much costs no more a byte than by more. */
    SEALED_LARGE = 4 * (TLS_RECORD_MAX + TLS_RECORD_OVERHEAD),
    SEALED_LARGE_MAX = 256, /* of a core: 16 MiB */
};

struct sealed {
    struct sealed *next; /* the pool's */
    struct text text;
    char bytes[];
};

/* The buffers of one core; all zero at first. */
struct sealed_pool {
    struct sealed *small, *large; /* that nobody uses */
    unsigned large_count;         /* there are, in use or not */
};

/* An empty one, for `wanted` bytes if there is one so large. NULL when memory is short. */
struct sealed *sealed_take(struct sealed_pool *pool, size_t wanted);

/* It is not needed any more. */
void sealed_give_back(struct sealed_pool *pool, struct sealed *sealed);

/* Free those that nobody uses. */
void sealed_pool_release(struct sealed_pool *pool);

#endif

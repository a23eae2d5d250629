/* buffers.h - receive buffers, and who holds which.
 *
 * One block of memory cut into equal buffers, numbered by lease. A buffer is free (on the stack
 * here, or in the kernel's ring for the engine that has one), kept for a socket that has its share
 * (surplus.h), or lent to a socket's owner. Used by both engines. Guarantees: a lease is given back
 * once, a second time is a mistake that stops the process; a socket that is gone is never touched.
 */
#ifndef IO_BUFFERS_H
#define IO_BUFFERS_H

#include "base/check.h"
#include "io/io.h"

struct buffers {
    char *memory;
    unsigned count, size;
    struct io_sock **holder; /* by lease; NULL when not lent */
    uint32_t *stack;         /* free leases, for the engine that takes them itself */
    unsigned stacked;
    unsigned lent;
    struct io_sock nobody; /* holds what was lent to sockets that are closed by now */
};

/* `count` buffers of `size` bytes, all on the stack. Memory is reserved, and used when touched. 0
 * or -ENOMEM. */
int buffers_open(struct buffers *, unsigned count, unsigned size);
/* All given back by now. */
void buffers_free(struct buffers *);
/* `sock` is about to be its caller's again: what it was lent is held by nobody from now on. */
void buffers_orphan(struct buffers *, struct io_sock *sock);

static inline char *buffers_at(const struct buffers *b, int lease)
{
    return b->memory + (size_t)lease * b->size;
}

/* Take a free buffer off the stack: its lease, or -1 when there is none. */
static inline int buffers_take(struct buffers *b)
{
    return b->stacked > 0 ? (int)b->stack[--b->stacked] : -1;
}

/* Put a buffer that was taken, or given back, on the stack. */
static inline void buffers_put(struct buffers *b, int lease)
{
    b->stack[b->stacked++] = (uint32_t)lease;
}

static inline void buffers_lend(struct buffers *b, int lease, struct io_sock *sock)
{
    CHECK(!b->holder[lease]);
    b->holder[lease] = sock;
    sock->leases++;
    b->lent++;
}

/* End a lease. Returns the socket that held it, which is `nobody` when that is closed. */
static inline struct io_sock *buffers_end(struct buffers *b, int lease)
{
    CHECK((unsigned)lease < b->count);
    struct io_sock *sock = b->holder[lease];

    CHECK(sock);
    b->holder[lease] = NULL;
    sock->leases--;
    b->lent--;
    return sock;
}

#endif

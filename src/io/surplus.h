/* surplus.h - what the kernel received beyond a socket's share of the buffers.
 *
 * A multishot receive that finds a megabyte waiting fills hundreds of buffers before it can be
 * stopped. Those over the share are kept here, in order, and handed on as leases come back. Used by
 * the io_uring engine. */
#ifndef IO_SURPLUS_H
#define IO_SURPLUS_H

#include "io/io.h"

struct surplus {
    struct surplus_item {
        int next; /* lease of the buffer behind it, or -1 */
        uint32_t len;
    } *items;     /* by lease */
    unsigned count; /* kept now, of all sockets */
};

/* For leases below `leases`. 0 or -ENOMEM. */
int surplus_open(struct surplus *, unsigned leases);
/* Nothing is kept any more. */
void surplus_free(struct surplus *);

/* A socket begins with none. */
static inline void surplus_init(struct io_sock *s)
{
    s->surplus.first = -1;
    s->surplus.last = -1;
}

static inline bool surplus_is_empty(const struct io_sock *s)
{
    return s->surplus.first < 0;
}

/* Keep `len` bytes in the buffer of `lease` behind what is kept already. */
void surplus_add(struct surplus *, struct io_sock *, int lease, uint32_t len);

/* Take the first one out: its lease, and its length in *len. There must be one. */
int surplus_take(struct surplus *, struct io_sock *, uint32_t *len);

#endif

/* conn_slab.h - the memory of a core's connections.
 *
 * Structs come from the heap a slab at a time and stay until the end; the one that was put back
 * last is taken last. */
#ifndef SERVER_CONN_SLAB_H
#define SERVER_CONN_SLAB_H

#include "server/conn.h"

enum { CONN_SLAB = 64 }; /* structs taken from the heap at a time */

struct conn_slab {
    struct conn_slab *next;
    struct conn conns[CONN_SLAB];
};

/* One that nobody uses, on no list; or NULL when memory is short. */
struct conn *conn_slab_take(struct core *core);
/* It is on no list. */
void conn_slab_put(struct core *core, struct conn *conn);

/* Free them all. None may be open. */
void conn_slabs_release(struct core *core);

#endif

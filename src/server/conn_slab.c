#include "server/conn_slab.h"

#include "base/check.h"

#include <stdlib.h>

static bool grow(struct core *core)
{
    struct conn_slab *slab = calloc(1, sizeof *slab);

    if (!slab)
        return false;
    slab->next = core->slabs;
    core->slabs = slab;
    for (int i = 0; i < CONN_SLAB; i++)
        list_append(&core->conns_free, &slab->conns[i].link);
    return true;
}

struct conn *conn_slab_take(struct core *core)
{
    if (list_empty(&core->conns_free) && !grow(core))
        return NULL;
    return CONTAINER_OF(list_take(&core->conns_free), struct conn, link);
}

void conn_slab_put(struct core *core, struct conn *conn)
{
    list_append(&core->conns_free, &conn->link);
}

void conn_slabs_release(struct core *core)
{
    struct conn_slab *next;

    CHECK(core->conn_count == 0);
    for (struct conn_slab *slab = core->slabs; slab; slab = next) {
        next = slab->next;
        free(slab);
    }
    core->slabs = NULL;
}

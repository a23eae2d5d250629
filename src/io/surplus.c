#include "io/surplus.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

int surplus_open(struct surplus *surplus, unsigned leases)
{
    surplus->count = 0;
    surplus->items = calloc(leases, sizeof *surplus->items);
    return surplus->items ? 0 : -ENOMEM;
}

void surplus_free(struct surplus *surplus)
{
    CHECK(surplus->count == 0);
    free(surplus->items);
}

void surplus_add(struct surplus *surplus, struct io_sock *s, int lease, uint32_t len)
{
    surplus->items[lease] = (struct surplus_item){.next = -1, .len = len};
    if (surplus_is_empty(s))
        s->surplus.first = lease;
    else
        surplus->items[s->surplus.last].next = lease;
    s->surplus.last = lease;
    surplus->count++;
}

int surplus_take(struct surplus *surplus, struct io_sock *s, uint32_t *len)
{
    int lease = s->surplus.first;

    CHECK(lease >= 0);
    *len = surplus->items[lease].len;
    s->surplus.first = surplus->items[lease].next;
    surplus->count--;
    return lease;
}

#include "load/opener.h"

#define MS UINT64_C(1000000)

void opener_add(struct core *core, struct conn *c)
{
    if (c->queued || c->state != CONN_CLOSED || core->ending)
        return;
    c->queued = true;
    core->queue[(core->queue_first + core->queue_len++) % core->count] = c->index;
}

void opener_run(struct core *core)
{
    while (core->queue_len > 0 && core->opening < CORE_OPENING_MAX &&
           (core->retry_ns == 0 || core->now >= core->retry_at)) {
        struct conn *c = &core->conns[core->queue[core->queue_first]];

        core->queue_first = (core->queue_first + 1) % core->count;
        core->queue_len--;
        c->queued = false;
        conn_open(core, c);
    }
}

void opener_back_off(struct core *core)
{
    if (core->retry_ns > 0 && core->now < core->retry_at)
        return; /* one of the same batch */
    core->retry_ns = core->retry_ns > 0 ? core->retry_ns * 2 : CORE_RETRY_MIN_MS * MS;
    if (core->retry_ns > CORE_RETRY_MAX_MS * MS)
        core->retry_ns = CORE_RETRY_MAX_MS * MS;
    core->retry_at = core->now + core->retry_ns;
}

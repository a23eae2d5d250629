#include "server/deadlines.h"

#include <limits.h>

void deadlines_init(struct deadlines *all, const uint32_t ms[DEADLINE_NONE])
{
    for (int kind = 0; kind < DEADLINE_NONE; kind++) {
        list_init(&all->lists[kind]);
        all->ms[kind] = ms[kind];
    }
}

void deadline_init(struct deadline *one)
{
    list_init(&one->link);
    one->kind = DEADLINE_NONE;
    one->since_ms = 0;
}

void deadlines_restart(struct deadlines *all, enum deadline_kind kind, uint64_t now_ms)
{
    struct list *list = &all->lists[kind];

    for (struct list *node = list->next; node != list; node = node->next)
        CONTAINER_OF(node, struct deadline, link)->since_ms = now_ms;
}

static struct deadline *next_of(const struct deadlines *all, int kind)
{
    struct list *node = list_first(&all->lists[kind]);

    return node ? CONTAINER_OF(node, struct deadline, link) : NULL;
}

struct deadline *deadlines_first(const struct deadlines *all, enum deadline_kind kind)
{
    return next_of(all, (int)kind);
}

struct deadline *deadlines_passed(const struct deadlines *all, uint64_t now_ms)
{
    for (int kind = 0; kind < DEADLINE_NONE; kind++) {
        struct deadline *next = next_of(all, kind);
        if (next && next->since_ms + all->ms[kind] <= now_ms)
            return next;
    }
    return NULL;
}

int deadlines_wait_ms(const struct deadlines *all, uint64_t now_ms)
{
    uint64_t least = UINT64_MAX;

    for (int kind = 0; kind < DEADLINE_NONE; kind++) {
        struct deadline *next = next_of(all, kind);
        uint64_t at = next ? next->since_ms + all->ms[kind] : UINT64_MAX;
        if (at < least)
            least = at;
    }
    if (least == UINT64_MAX)
        return -1;
    if (least <= now_ms)
        return 0;
    return least - now_ms > INT_MAX ? INT_MAX : (int)(least - now_ms);
}

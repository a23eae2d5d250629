#include "server/late.h"

#include "server/handle.h"

#include <limits.h>

static struct kept *by_timer(struct list *node)
{
    return CONTAINER_OF(node, struct kept, waiting);
}

/* Most programs wait equally long each time, so the place is at the end. */
static void set_timer(struct core *core, struct kept *kept)
{
    struct list *before = core->late_timers.prev;

    list_remove(&kept->waiting);
    kept->due_ms = core->now_ms + kept->timer_ms;
    while (before != &core->late_timers && by_timer(before)->due_ms > kept->due_ms)
        before = before->prev;
    list_append(before->next, &kept->waiting);
}

struct kept *late_finished(struct core *core)
{
    struct list *node;

    while ((node = list_take(&core->late_changed))) {
        struct kept *kept = CONTAINER_OF(node, struct kept, changed);
        if (kept->reply.done) {
            list_remove(&kept->waiting);
            return kept;
        }
        set_timer(core, kept);
    }
    return NULL;
}

static struct kept *first_due(const struct core *core)
{
    struct list *node = list_first(&core->late_timers);

    return node && by_timer(node)->due_ms <= core->now_ms ? by_timer(node) : NULL;
}

void late_expire(struct core *core)
{
    struct kept *kept;

    while ((kept = first_due(core))) {
        list_remove(&kept->waiting);
        handle_resume(core, kept, kept->timer);
    }
}

int late_wait_ms(const struct core *core)
{
    struct list *node = list_first(&core->late_timers);

    if (!node)
        return -1;
    uint64_t due_ms = by_timer(node)->due_ms;
    if (due_ms <= core->now_ms)
        return 0;
    return due_ms - core->now_ms > INT_MAX ? INT_MAX : (int)(due_ms - core->now_ms);
}

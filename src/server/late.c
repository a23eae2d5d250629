#include "server/late.h"

#include "base/cold.h"
#include "server/handle.h"

#include <assert.h>
#include <limits.h>

static_assert(RINGLET_UNFINISHED_MS == 60 * 1000, "what is told says a minute");

static struct kept *by_timer(struct list *node)
{
    return CONTAINER_OF(node, struct kept, waiting);
}

/* Most programs wait equally long each time, so the place is at the end. */
static void set_timer(struct core *core, struct kept *kept)
{
    struct list *before = core->late_timers.prev;

    list_remove(&kept->waiting);
    kept->timer_asked = false;
    if (!kept->timer)
        return;
    kept->due_ms = core->now_ms + kept->timer_ms;
    while (before != &core->late_timers && by_timer(before)->due_ms > kept->due_ms)
        before = before->prev;
    list_append(before->next, &kept->waiting);
}

void late_look_for_room(struct core *core, struct kept *kept)
{
    if (kept->room && list_empty(&kept->ready) && pieces_have_room(&kept->pieces))
        list_append(&core->late_ready, &kept->ready);
}

static void forget_calls(struct kept *kept)
{
    list_remove(&kept->waiting);
    list_remove(&kept->ready);
}

/* All for the same time, so the place is at the end. */
void late_watch(struct core *core, struct kept *kept)
{
    kept->forgotten_ms = core->now_ms + RINGLET_UNFINISHED_MS;
    list_append(&core->late_watched, &kept->watched);
}

/* Will anything lead to its end? */
static bool goes_on(const struct kept *kept)
{
    return kept->reply.done || !list_empty(&kept->waiting);
}

static struct kept *by_watch(struct list *node)
{
    return CONTAINER_OF(node, struct kept, watched);
}

static COLD void look_for_forgotten(struct core *core)
{
    struct list *node;

    while ((node = list_first(&core->late_watched)) &&
           by_watch(node)->forgotten_ms <= core->now_ms) {
        struct kept *kept = by_watch(node);
        list_remove(node);
        if (goes_on(kept))
            late_watch(core, kept);
        else
            misuse_tell(&core->misuse, kept->endpoint, core->now_ms,
                        "has kept a reply for a minute and waits for nothing to finish it");
    }
}

static COLD void tell_misuse(struct core *core, struct kept *kept)
{
    misuse_tell(&core->misuse, kept->endpoint, core->now_ms, kept->misuse);
    kept->misuse = NULL;
}

struct kept *late_changed(struct core *core)
{
    struct list *node;

    while ((node = list_take(&core->late_changed))) {
        struct kept *kept = CONTAINER_OF(node, struct kept, changed);
        if (kept->misuse)
            tell_misuse(core, kept);
        if (kept_is_finished(kept) || kept->cut)
            forget_calls(kept);
        else if (kept->timer_asked)
            set_timer(core, kept);
        if (kept->reply.streams)
            late_look_for_room(core, kept);
        if (kept->reply.done)
            return kept;
    }
    return NULL;
}

static struct kept *first_due(const struct core *core)
{
    struct list *node = list_first(&core->late_timers);

    return node && by_timer(node)->due_ms <= core->now_ms ? by_timer(node) : NULL;
}

static void call_due(struct core *core)
{
    struct kept *kept;

    while ((kept = first_due(core))) {
        list_remove(&kept->waiting);
        handle_resume(core, kept, kept->timer);
    }
}

/* Whoever asks again meanwhile is looked at when all have been called. */
static void call_ready(struct core *core)
{
    struct list *node;

    while ((node = list_take(&core->late_ready))) {
        struct kept *kept = CONTAINER_OF(node, struct kept, ready);
        ringlet_resume *room = kept->room;
        kept->room = NULL;
        if (room)
            handle_resume(core, kept, room);
    }
}

void late_call(struct core *core)
{
    call_due(core);
    call_ready(core);
    if (!list_empty(&core->late_watched))
        look_for_forgotten(core);
}

int late_wait_ms(const struct core *core)
{
    struct list *timer = list_first(&core->late_timers);
    struct list *watched = list_first(&core->late_watched);
    uint64_t due_ms = UINT64_MAX;

    if (!list_empty(&core->late_ready))
        return 0;
    if (timer)
        due_ms = by_timer(timer)->due_ms;
    if (watched && by_watch(watched)->forgotten_ms < due_ms)
        due_ms = by_watch(watched)->forgotten_ms;
    if (due_ms == UINT64_MAX)
        return -1;
    if (due_ms <= core->now_ms)
        return 0;
    return due_ms - core->now_ms > INT_MAX ? INT_MAX : (int)(due_ms - core->now_ms);
}

#include "server/late.h"

#include "app/body.h"
#include "base/cold.h"
#include "server/handle.h"
#include "server/lookout.h"

#include <assert.h>
#include <limits.h>

static_assert(RINGLET_UNFINISHED_MS == 60 * 1000, "what is told says a minute");

static struct wait *by_timer(struct list *node)
{
    return CONTAINER_OF(node, struct wait, timed);
}

/* Most programs wait equally long each time, so the place is at the end. */
static void set_timer(struct core *core, struct wait *wait)
{
    struct list *before = core->late_timers.prev;

    list_remove(&wait->timed);
    wait->timer_asked = false;
    if (!wait->timer)
        return;
    wait->due_ms = core->now_ms + wait->timer_ms;
    while (before != &core->late_timers && by_timer(before)->due_ms > wait->due_ms)
        before = before->prev;
    list_append(before->next, &wait->timed);
}

static void set_lookout(struct core *core, struct wait *wait)
{
    wait->descriptor_asked = false;
    lookout_end(core, wait);
    if (wait->fd >= 0)
        lookout_begin(core, wait);
}

static void wait_for(struct core *core, struct wait *wait)
{
    if (wait->timer_asked)
        set_timer(core, wait);
    if (wait->descriptor_asked)
        set_lookout(core, wait);
}

void late_forget(struct core *core, struct wait *wait)
{
    lookout_end(core, wait);
    wait_drop(wait);
}

void late_look_for_room(struct core *core, struct kept *kept)
{
    if (kept->room && list_empty(&kept->wait.ready) && pieces_have_room(&kept->pieces))
        list_append(&core->late_ready, &kept->wait.ready);
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
    const struct wait *wait = &kept->wait;

    return kept->reply.done || wait->lookout || !list_empty(&wait->timed) ||
           !list_empty(&wait->ready);
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

/* Is there something to be put out, or to be cut? */
static bool look_at_reply(struct core *core, struct kept *kept)
{
    if (kept->misuse)
        tell_misuse(core, kept);
    if (kept_is_finished(kept) || kept->cut) {
        late_forget(core, &kept->wait);
        return true;
    }
    wait_for(core, &kept->wait);
    if (kept->reply.streams)
        late_look_for_room(core, kept);
    return kept->reply.done;
}

/* Does it go on? */
static bool look_at_body(struct core *core, struct ringlet_body *body)
{
    wait_for(core, &body->wait);
    return !body->paused;
}

struct http1 *late_changed(struct core *core, bool *cut)
{
    struct list *node;

    while ((node = list_take(&core->late_changed))) {
        struct wait *wait = CONTAINER_OF(node, struct wait, changed);
        bool of_reply = wait->of == WAIT_OF_REPLY;
        *cut = of_reply && kept_by(wait)->cut;
        if (of_reply ? look_at_reply(core, kept_by(wait)) : look_at_body(core, body_of(wait)))
            return wait->connection;
    }
    return NULL;
}

static struct wait *first_due(const struct core *core)
{
    struct list *node = list_first(&core->late_timers);

    return node && by_timer(node)->due_ms <= core->now_ms ? by_timer(node) : NULL;
}

/* What another call of this turn has finished is not called any more. */
static bool is_over(struct wait *wait)
{
    return wait->of == WAIT_OF_REPLY && (kept_is_finished(kept_by(wait)) || kept_by(wait)->cut);
}

static void call_for_time(struct core *core, struct wait *wait)
{
    if (wait->timer_asked || is_over(wait)) /* asked anew: the old one does not count */
        return;
    if (wait->of == WAIT_OF_REPLY)
        handle_resume(core, kept_by(wait), kept_by(wait)->timer);
    else
        handle_body(core, body_of(wait), body_of(wait)->timer);
}

static void call_due(struct core *core)
{
    struct wait *wait;

    while ((wait = first_due(core))) {
        list_remove(&wait->timed);
        call_for_time(core, wait);
    }
}

static void call_for_descriptor(struct core *core, struct wait *wait)
{
    bool came = wait->came;

    wait->came = false;
    if (!came || wait->descriptor_asked || is_over(wait))
        return;
    if (wait->of == WAIT_OF_REPLY)
        handle_resume(core, kept_by(wait), kept_by(wait)->descriptor);
    else
        handle_body(core, body_of(wait), body_of(wait)->descriptor);
}

static void call_for_room(struct core *core, struct kept *kept)
{
    ringlet_resume *room = kept->room;

    if (!room || is_over(&kept->wait) || !pieces_have_room(&kept->pieces))
        return;
    kept->room = NULL;
    handle_resume(core, kept, room);
}

/* Whoever asks again meanwhile is looked at when all have been called. */
static void call_ready(struct core *core)
{
    struct list *node;

    while ((node = list_take(&core->late_ready))) {
        struct wait *wait = CONTAINER_OF(node, struct wait, ready);
        call_for_descriptor(core, wait);
        if (wait->of == WAIT_OF_REPLY)
            call_for_room(core, kept_by(wait));
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

#include "server/entrance.h"

#include "base/check.h"
#include "server/conn.h"
#include "server/fills.h"
#include "server/listener.h"
#include "server/newcomers.h"

#include <stdlib.h>
#include <unistd.h>

static unsigned parked_count(const struct entrance *e)
{
    return e->parked_end - e->parked_first;
}

/* --- doors --- */

static struct door *door_of(struct entrance *e, int listener)
{
    int i = 0;

    while (i < e->count && e->doors[i].listener != listener)
        i++;
    CHECK(i < e->count);
    return &e->doors[i];
}

static void begin(struct entrance *e, struct door *door)
{
    struct core *core = e->core;

    door->retry_ms = 0;
    door->state = DOOR_ACCEPTS;
    core->source.engine->accept(core->source.io, door->listener);
}

/* What is in the kernel's queue still comes. */
static void end(struct entrance *e, struct door *door)
{
    struct core *core = e->core;

    door->state = DOOR_STOPPING;
    core->source.engine->stop_accept(core->source.io, door->listener);
}

static void close_listener(struct door *door)
{
    close(door->listener);
    door->listener = -1;
}

void entrance_pause(struct entrance *e)
{
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].state == DOOR_ACCEPTS)
            end(e, &e->doors[i]);
}

bool entrance_is_paused(const struct entrance *e)
{
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].state != DOOR_STOPPED)
            return false;
    return true;
}

/* --- who waits --- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* How long those may take who have not asked for anything yet. */
static void set_idle(struct entrance *e)
{
    const struct config *config = e->core->config;
    bool crowded = parked_count(e) > 0, draining = e->stage == ENTRANCE_DRAINING;
    uint32_t idle_ms = config->idle_ms, handshake_ms = config->header_ms;

    if (crowded)
        idle_ms = smaller(idle_ms, ENTRANCE_CROWDED_IDLE_MS);
    if (draining)
        idle_ms = smaller(idle_ms, ENTRANCE_DRAIN_IDLE_MS);
    if (crowded || draining)
        handshake_ms = smaller(handshake_ms, ENTRANCE_HURRIED_HANDSHAKE_MS);
    e->core->deadlines.ms[DEADLINE_IDLE] = idle_ms;
    e->core->deadlines.ms[DEADLINE_HANDSHAKE] = handshake_ms;
}

static bool make_room(struct entrance *e)
{
    if (e->parked_end < e->parked_cap)
        return true;
    unsigned count = parked_count(e);
    if (e->parked_first > 0) {
        memmove(e->parked, e->parked + e->parked_first, count * sizeof *e->parked);
    } else {
        unsigned cap = e->parked_cap ? e->parked_cap * 2 : 64;
        struct parked *more = realloc(e->parked, cap * sizeof *more);
        if (!more)
            return false;
        e->parked = more;
        e->parked_cap = cap;
    }
    e->parked_first = 0;
    e->parked_end = count;
    return true;
}

static void park(struct entrance *e, int fd, bool secure)
{
    if (!make_room(e)) {
        close(fd);
        return;
    }
    e->parked[e->parked_end++] = (struct parked){ fd, secure };
    set_idle(e);
    entrance_pause(e);
}

static bool has_place(const struct entrance *e)
{
    return e->core->conn_count < e->core->config->max_conns;
}

void entrance_accepted(struct entrance *e, const struct io_event *event)
{
    bool secure = door_of(e, event->listener)->secure;

    if (e->stage == ENTRANCE_SHUT) { /* it was in the queue when all others were cut */
        close(event->result);
        e->cut++;
        return;
    }
    if (has_place(e) && parked_count(e) == 0)
        conn_open(e->core, event->result, secure);
    else
        park(e, event->result, secure);
}

static void admit_parked(struct entrance *e)
{
    while (parked_count(e) > 0 && has_place(e)) {
        struct parked next = e->parked[e->parked_first++];
        conn_open(e->core, next.fd, next.secure);
    }
    set_idle(e);
}

/* While nobody is parked accepting goes on, full house or not: the next one who comes is parked,
 * and that hurries the idle. */
void entrance_admit(struct entrance *e)
{
    if (parked_count(e) > 0 && has_place(e))
        admit_parked(e);
    if (e->stage != ENTRANCE_OPEN || parked_count(e) > 0 || !fills_have_spares(e->core))
        return;
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].state == DOOR_STOPPED && !e->doors[i].retry_ms)
            begin(e, &e->doors[i]);
}

void entrance_stopped(struct entrance *e, const struct io_event *event)
{
    struct door *door = door_of(e, event->listener);
    int result = event->result;

    door->state = DOOR_STOPPED;
    if (e->stage == ENTRANCE_SHUT ||
        (e->stage == ENTRANCE_DRAINING && result == 0 && !e->newcomers_look_ms))
        close_listener(door);
    else if (result < 0 || e->stage == ENTRANCE_DRAINING)
        door->retry_ms = e->core->now_ms + ENTRANCE_RETRY_MS;
    else
        entrance_admit(e);
}

/* --- time --- */

/* In a drain, too: those who wait in the queue were promised an answer. */
static void retry(struct entrance *e, struct door *door)
{
    if (!fills_have_spares(e->core)) {
        door->retry_ms = e->core->now_ms + ENTRANCE_RETRY_MS;
        return;
    }
    begin(e, door);
    if (e->stage != ENTRANCE_OPEN && !e->newcomers_look_ms)
        end(e, door);
}

static bool newcomers_are_coming(const struct entrance *e)
{
    if (e->core->now_ms >= e->newcomers_until_ms)
        return false;
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].listener >= 0 && newcomers_are_there(e->doors[i].listener))
            return true;
    return false;
}

/* When nobody is to come any more, the queues are emptied for the last time. */
static void look_for_newcomers(struct entrance *e)
{
    e->newcomers_look_ms = 0;
    if (newcomers_are_coming(e)) {
        e->newcomers_look_ms = e->core->now_ms + ENTRANCE_NEWCOMERS_STEP_MS;
        return;
    }
    entrance_pause(e);
}

void entrance_turn(struct entrance *e)
{
    if (e->newcomers_look_ms && e->core->now_ms >= e->newcomers_look_ms)
        look_for_newcomers(e);
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].retry_ms && e->core->now_ms >= e->doors[i].retry_ms)
            retry(e, &e->doors[i]);
}

/* The earlier of two times; 0 is none. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

int entrance_wait_ms(const struct entrance *e)
{
    uint64_t now = e->core->now_ms;
    uint64_t at = e->newcomers_look_ms;

    for (int i = 0; i < e->count; i++)
        at = earlier(at, e->doors[i].retry_ms);
    if (at == 0)
        return -1;
    return at > now ? (int)(at - now) : 0;
}

/* --- from beginning to end --- */

void entrance_init(struct entrance *e, struct core *core)
{
    *e = (struct entrance){ .core = core };
}

void entrance_add(struct entrance *e, int listener, bool secure)
{
    CHECK(e->count < IO_LISTENERS_MAX);
    struct door *door = &e->doors[e->count++];

    *door = (struct door){ .listener = listener, .secure = secure };
    begin(e, door);
}

void entrance_drain(struct entrance *e)
{
    e->stage = ENTRANCE_DRAINING;
    set_idle(e);
    e->newcomers_until_ms = e->core->now_ms + ENTRANCE_NEWCOMERS_MS;
    for (int i = 0; i < e->count; i++)
        listener_let_nobody_in(e->doors[i].listener);
    look_for_newcomers(e);
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].state == DOOR_STOPPED)
            retry(e, &e->doors[i]);
}

unsigned entrance_shut(struct entrance *e)
{
    unsigned count = parked_count(e);

    e->stage = ENTRANCE_SHUT;
    e->newcomers_look_ms = 0;
    while (parked_count(e) > 0)
        close(e->parked[e->parked_first++].fd);
    for (int i = 0; i < e->count; i++) {
        struct door *door = &e->doors[i];
        door->retry_ms = 0;
        if (door->state == DOOR_ACCEPTS)
            end(e, door);
        else if (door->state == DOOR_STOPPED && door->listener >= 0)
            close_listener(door);
    }
    return count;
}

bool entrance_is_over(const struct entrance *e)
{
    for (int i = 0; i < e->count; i++)
        if (e->doors[i].listener >= 0)
            return false;
    return parked_count(e) == 0;
}

void entrance_release(struct entrance *e)
{
    free(e->parked);
    e->parked = NULL;
}

/* deadlines.h - when to give up on a connection.
 *
 * All deadlines of a kind are equally long, so a list in the order they were set is a list in the
 * order they pass: setting one is a list move, and looking for those that have passed looks at the
 * heads. */
#ifndef SERVER_DEADLINES_H
#define SERVER_DEADLINES_H

#include "base/list.h"

#include <stdint.h>

/* What part of its length a deadline may pass too early: see deadline_put_off. */
enum { DEADLINE_SHARE = 64 };

enum deadline_kind {
    DEADLINE_IDLE,      /* a request's first byte */
    DEADLINE_HEADER,    /* the last byte of a head */
    DEADLINE_BODY,      /* some more of a body */
    DEADLINE_WRITE,     /* the peer's taking some more of the answer */
    DEADLINE_FINISHED,  /* a handler's next word, to a peer that has ended its own side */
    DEADLINE_LINGER,    /* the peer's FIN after ours */
    DEADLINE_HANDSHAKE, /* the end of a TLS handshake */
    DEADLINE_NONE,      /* how many there are; and the kind of one that is not set */
};

struct deadline {
    struct list link;
    uint64_t since_ms;
    enum deadline_kind kind;
};

struct deadlines {
    struct list lists[DEADLINE_NONE];
    uint32_t ms[DEADLINE_NONE]; /* how long each kind is; may be changed at any time */
};

/* None is set; those of a kind will be ms[kind] long. */
void deadlines_init(struct deadlines *all, const uint32_t ms[DEADLINE_NONE]);

/* Not set. */
void deadline_init(struct deadline *one);

/* From now on wait for this, and for nothing else. */
static inline void deadline_set(struct deadlines *all, struct deadline *one,
                                enum deadline_kind kind, uint64_t now_ms)
{
    if (one->kind == kind && one->since_ms == now_ms)
        return;
    list_remove(&one->link);
    list_append(&all->lists[kind], &one->link);
    one->kind = kind;
    one->since_ms = now_ms;
}

/* The same for what happens all the time: one of that kind that was set in the last 64th of its
 * length is left as it is, and so may pass that much too early. */
static inline void deadline_put_off(struct deadlines *all, struct deadline *one,
                                    enum deadline_kind kind, uint64_t now_ms)
{
    if (one->kind != kind || now_ms - one->since_ms > all->ms[kind] / DEADLINE_SHARE)
        deadline_set(all, one, kind, now_ms);
}

static inline void deadline_clear(struct deadline *one)
{
    list_remove(&one->link);
    one->kind = DEADLINE_NONE;
}

/* Let all of one kind begin anew at `now_ms`. */
void deadlines_restart(struct deadlines *all, enum deadline_kind kind, uint64_t now_ms);

/* The one of a kind that was set first, or NULL. */
struct deadline *deadlines_first(const struct deadlines *all, enum deadline_kind kind);

/* One that has passed, or NULL. It stays set: the caller sets or clears it. */
struct deadline *deadlines_passed(const struct deadlines *all, uint64_t now_ms);

/* How long until the next one passes; -1 when none is set. */
int deadlines_wait_ms(const struct deadlines *all, uint64_t now_ms);

#endif

/* misuse.h - what the handlers of one core do wrong, told on standard error with their route.
 *
 * A handler that holds up its core is found at the end of a turn of the loop in which it was
 * called: a look at the clock for each call would cost more than many a handler. Time that the
 * thread has waited for its CPU, because others had it, is not the handler's; the kernel counts
 * that (schedstat in proc(5)), but asking is too dear for every turn. So it is asked once in
 * MISUSE_LOOK_MS, and what has passed since is taken to be of this turn: nobody is blamed for what
 * he has not done. A turn that is saved by this is watched for: for MISUSE_SUSPECT_MS it is asked
 * in every turn in which a handler is called, and then the count is exact. */
#ifndef SERVER_MISUSE_H
#define SERVER_MISUSE_H

#include <stdint.h>

struct endpoint;

enum {
    MISUSE_TELL_MS = 1000, /* a route is told of at most once in this time */
    MISUSE_ROUTES = 32,    /* routes told of in that time; what others do is not told */
    MISUSE_LOOK_MS = 1000,
    MISUSE_SUSPECT_MS = 10000,
};

struct misuse {
    uint64_t (*clock_ms)(void);
    uint64_t (*delay_ms)(void); /* for how long this thread has waited for its CPU; or NULL */
    uint64_t delay_seen_ms;
    uint64_t next_look_ms, suspect_until_ms;
    uint64_t seen_ms; /* when it was looked at in this turn; 0: it was not */

    const struct endpoint *called; /* the last one of this turn */
    unsigned calls;

    struct {
        const struct endpoint *route; /* NULL: none */
        uint64_t at_ms;
    } told[MISUSE_ROUTES];
};

/* Ask the kernel, before anything is called in this turn. */
void misuse_look(struct misuse *misuse, uint64_t now_ms);

/* Something of this route's program is about to be called, in the turn that began at `now_ms`. */
static inline void misuse_note(struct misuse *misuse, const struct endpoint *route, uint64_t now_ms)
{
    if (misuse->calls++ == 0 && now_ms >= misuse->next_look_ms)
        misuse_look(misuse, now_ms);
    misuse->called = route;
}

/* The turn in which something was called has ended: has that held up the core? */
void misuse_end_turn(struct misuse *misuse, uint64_t began_ms);

/* "ringlet: GET /path: the handler ..." */
void misuse_tell(struct misuse *misuse, const struct endpoint *route, uint64_t now_ms,
                 const char *what);

/* For how long the calling thread has waited for a CPU since it began; 0 where the kernel does not
 * say. */
uint64_t misuse_delay_ms(void);

#endif

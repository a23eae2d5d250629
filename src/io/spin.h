/* spin.h - polling before sleeping: whether it is worth it, and for how long.
 *
 * Who sleeps is late for what comes next by the time it takes to wake up; who polls is not, and has
 * the CPU for itself meanwhile. So a core polls only as long as it finds something: after
 * SPIN_VAIN_MAX polls in vain it rests, and gives it another try only after sleeps that were short
 * enough for a poll to have spared them. One more in vain, and the next rest is twice as long: so
 * nobody polls for what comes seldom, nor where the peer needs this very CPU to go on. Used by both
 * engines, which read the clock for it; it does not know what is polled. */
#ifndef IO_SPIN_H
#define IO_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SPIN_VAIN_MAX = 4,   /* polls in vain, one after the other, before the first rest */
    SPIN_REST_MAX = 256, /* short sleeps that a rest lasts at most */
};

struct spin {
    uint64_t most_ns;  /* for one poll; 0: there are none */
    uint64_t since_ns; /* when this wait began */
    bool polling;      /* it began with a poll */
    unsigned vain;     /* polls in vain since the last one that was not */
    unsigned rest;     /* short sleeps until the next poll */
    unsigned next_rest;
    uint64_t count; /* of polls */
};

/* 0 to IO_SPIN_MAX_US. */
void spin_init(struct spin *, unsigned most_us);

/* A wait begins. Whether to poll before sleeping; never while nobody is connected. */
bool spin_begin(struct spin *, uint64_t now_ns, bool anybody);

/* It is over: something came, or its time was up. */
void spin_end(struct spin *, uint64_t now_ns);

/* Is it of any use to ask? */
static inline bool spin_is_on(const struct spin *s)
{
    return s->most_ns > 0;
}

/* Nothing was found so far: is there time for another look? */
static inline bool spin_goes_on(const struct spin *s, uint64_t now_ns)
{
    return now_ns - s->since_ns < s->most_ns;
}

#endif

/* schedule.h - when each request of an open loop is due.
 *
 * All connections together send at an even pace; connection i of n has every n-th request, so that
 * its own are evenly spaced too, and none waits for another's. Every time is computed from the
 * start, so that no error adds up. */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdint.h>

#define SCHEDULE_SECOND UINT64_C(1000000000)

/* So that the product in schedule_due fits. */
#define SCHEDULE_RATE_MAX UINT64_C(1000000000)

struct schedule {
    uint64_t start; /* ns of CLOCK_MONOTONIC, when the first request is due */
    uint64_t rate;  /* requests a second in all, 1 to SCHEDULE_RATE_MAX */
    uint64_t conns; /* that share them */
};

/* When the n-th request (from 0) of connection `conn` (from 0) is due, in ns. */
static inline uint64_t schedule_due(const struct schedule *s, uint64_t conn, uint64_t n)
{
    uint64_t place = n * s->conns + conn;

    return s->start + place / s->rate * SCHEDULE_SECOND +
           place % s->rate * SCHEDULE_SECOND / s->rate;
}

#endif

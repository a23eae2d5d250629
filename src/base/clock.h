/* clock.h - the two clocks, read once a turn of a core's loop and passed on from there. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds that never go back, for deadlines (CLOCK_MONOTONIC_COARSE: a few ms behind). */
uint64_t clock_ms(void);

/* Nanoseconds that never go back, for spans shorter than those (CLOCK_MONOTONIC). */
uint64_t clock_ns(void);

/* Seconds since 1970 in UTC, for dates (CLOCK_REALTIME_COARSE). */
int64_t clock_unix(void);

#endif

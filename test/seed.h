/* seed.h - numbers for tests that try what nobody thought of.
 *
 * Every run draws another seed and prints it; RINGLET_SEED=number repeats a run. */
#ifndef TEST_SEED_H
#define TEST_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Never 0. */
static inline uint64_t seed_draw(const char *test)
{
    const char *asked = getenv("RINGLET_SEED");
    uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();

    if (asked)
        seed = strtoull(asked, NULL, 10);
    if (seed == 0)
        seed = 1;
    printf("%s: RINGLET_SEED=%llu\n", test, (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

/* From 0 up to `below` - 1; `below` is at least 1. */
static inline uint64_t seed_below(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (*seed * 0x2545f4914f6cdd1d >> 16) % below;
}

/* True once in `times`. */
static inline int seed_once_in(uint64_t *seed, uint64_t times)
{
    return seed_below(seed, times) == 0;
}

#endif

/* histogram.h - how often each duration came, to three significant digits, in fixed memory.
 *
 * Log-linear, as HdrHistogram is: buckets are one nanosecond wide below 2,048 and double in width
 * whenever the value doubles, so that no bucket is wider than a thousandth of the values in it.
 * Values are nanoseconds from 1 to HISTOGRAM_VALUE_MAX; what is beyond either end counts as that
 * end. Recording is a handful of instructions and takes no memory. One thread at a time; threads
 * keep one each and merge them at the end.
 *
 * About 270 kB: belongs on the heap or inside something that does. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* One hour. Longer is recorded as this long, and told by histogram_clamped. */
#define HISTOGRAM_VALUE_MAX UINT64_C(3600000000000)

enum {
    HISTOGRAM_HALF_BITS = 10, /* steps per doubling: 1,024 */
    HISTOGRAM_HALF = 1 << HISTOGRAM_HALF_BITS,
    HISTOGRAM_SUB_BUCKETS = 2 * HISTOGRAM_HALF, /* the first of these are a nanosecond wide */
    HISTOGRAM_BUCKETS = 32,                     /* doublings until an hour fits */
    HISTOGRAM_COUNTS = (HISTOGRAM_BUCKETS + 1) * HISTOGRAM_HALF,
    HISTOGRAM_TICKS = 5, /* steps of the percentile spectrum per halving of what is left */
};

/* Read through the functions below. */
struct histogram {
    uint64_t total;
    uint64_t clamped;
    uint64_t min, max; /* as recorded, not rounded to a bucket; UINT64_MAX and 0 when empty */
    uint64_t counts[HISTOGRAM_COUNTS];
};

/* Empty it. */
void histogram_init(struct histogram *h);

/* Count `ns` once, or `times` times. */
void histogram_record(struct histogram *h, uint64_t ns);
void histogram_record_n(struct histogram *h, uint64_t ns, uint64_t times);

/* Count in `into` all that `from` has counted. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* How many values were recorded, and how many of them were beyond HISTOGRAM_VALUE_MAX. */
uint64_t histogram_count(const struct histogram *h);
uint64_t histogram_clamped(const struct histogram *h);

/* Exactly as recorded. 0 when empty. */
uint64_t histogram_min(const struct histogram *h);
uint64_t histogram_max(const struct histogram *h);

/* From the middle of each bucket, of the whole population; the mean lies between the smallest and
 * the largest value. 0 when empty. */
double histogram_mean(const struct histogram *h);
double histogram_stdev(const struct histogram *h);

/* The smallest value that `percentile` (0 to 100) of those recorded do not exceed, less than 0.1 %
 * above it. 100 gives the maximum; 0 when empty. */
uint64_t histogram_value_at(const struct histogram *h, double percentile);

/* How many values lie in buckets whose middle is from `low` to `high`. */
uint64_t histogram_count_between(const struct histogram *h, double low, double high);

/* A step of the percentile spectrum. */
struct histogram_step {
    uint64_t value;  /* at this share, as histogram_value_at */
    double fraction; /* 0 to 1 */
    uint64_t count;  /* of values up to `value` and in its bucket */
};

/* A walk over the steps: HISTOGRAM_TICKS of them up to 50 %, as many up to 75 %, and so on, until a
 * step has met the last value; one at 1 ends it. Borrows the histogram, which must not change
 * meanwhile. */
struct histogram_walk {
    const struct histogram *histogram;
    unsigned halvings, tick;
    int at;         /* the bucket we stand in; -1 before the first */
    uint64_t count; /* of values up to it */
    bool done;
};

/* Before the first step. */
struct histogram_walk histogram_walk(const struct histogram *h);

/* False when there is no step left; an empty histogram has none. */
bool histogram_next(struct histogram_walk *walk, struct histogram_step *step);

#endif

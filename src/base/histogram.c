#include "base/histogram.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* Past this many halvings what is left is no value at all: there are not 2^50 of them. */
enum { HALVINGS_MAX = 50 };

static_assert(HISTOGRAM_VALUE_MAX >> (HISTOGRAM_BUCKETS - 1) < HISTOGRAM_SUB_BUCKETS,
              "an hour has a bucket");

/* How many bits of a value its bucket leaves out: none below HISTOGRAM_SUB_BUCKETS. */
static unsigned shift_of(uint64_t value)
{
    return 63 - HISTOGRAM_HALF_BITS - (unsigned)__builtin_clzll(value | HISTOGRAM_HALF);
}

static unsigned index_of(uint64_t value)
{
    unsigned shift = shift_of(value);

    return (shift << HISTOGRAM_HALF_BITS) + (unsigned)(value >> shift);
}

static unsigned width_bits(unsigned index)
{
    return index < HISTOGRAM_SUB_BUCKETS ? 0 : (index >> HISTOGRAM_HALF_BITS) - 1;
}

static uint64_t lowest_in(unsigned index)
{
    unsigned shift = width_bits(index);

    return (uint64_t)(index - (shift << HISTOGRAM_HALF_BITS)) << shift;
}

static uint64_t highest_in(unsigned index)
{
    return lowest_in(index) + (UINT64_C(1) << width_bits(index)) - 1;
}

void histogram_init(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

void histogram_record_n(struct histogram *h, uint64_t ns, uint64_t times)
{
    if (times == 0)
        return;
    if (ns == 0)
        ns = 1;
    if (ns > HISTOGRAM_VALUE_MAX) {
        ns = HISTOGRAM_VALUE_MAX;
        h->clamped += times;
    }
    h->counts[index_of(ns)] += times;
    h->total += times;
    if (ns < h->min)
        h->min = ns;
    if (ns > h->max)
        h->max = ns;
}

void histogram_record(struct histogram *h, uint64_t ns)
{
    histogram_record_n(h, ns, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_COUNTS; i++)
        into->counts[i] += from->counts[i];
    into->total += from->total;
    into->clamped += from->clamped;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t histogram_count(const struct histogram *h)
{
    return h->total;
}

uint64_t histogram_clamped(const struct histogram *h)
{
    return h->clamped;
}

uint64_t histogram_min(const struct histogram *h)
{
    return h->total > 0 ? h->min : 0;
}

uint64_t histogram_max(const struct histogram *h)
{
    return h->max;
}

/* Of the part of a bucket where values can lie: a mean is not above the maximum. */
static double middle_of(const struct histogram *h, unsigned index)
{
    uint64_t low = lowest_in(index), high = highest_in(index);

    if (low < h->min)
        low = h->min;
    if (high > h->max)
        high = h->max;
    return ((double)low + (double)high) / 2;
}

double histogram_mean(const struct histogram *h)
{
    double sum = 0;

    if (h->total == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_COUNTS; i++)
        if (h->counts[i] > 0)
            sum += (double)h->counts[i] * middle_of(h, i);
    return sum / (double)h->total;
}

/* In a second pass around the mean: the squares of large values would swallow small differences. */
double histogram_stdev(const struct histogram *h)
{
    double mean = histogram_mean(h), sum = 0;

    if (h->total == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_COUNTS; i++) {
        if (h->counts[i] == 0)
            continue;
        double off = middle_of(h, i) - mean;
        sum += (double)h->counts[i] * off * off;
    }
    return sqrt(sum / (double)h->total);
}

/* How many values a share of all covers, at least one. Rounded up, but not because 0.999 has no
 * exact binary form. */
static uint64_t rank_of(const struct histogram *h, double fraction)
{
    double share = fraction * (double)h->total;
    double rank = ceil(share - share * 4 * DBL_EPSILON);

    if (!(rank > 1))
        return 1;
    return rank >= (double)h->total ? h->total : (uint64_t)rank;
}

static uint64_t value_of(const struct histogram *h, unsigned index)
{
    uint64_t value = highest_in(index);

    return value < h->max ? value : h->max;
}

uint64_t histogram_value_at(const struct histogram *h, double percentile)
{
    uint64_t count = 0;

    if (h->total == 0)
        return 0;

    uint64_t rank = rank_of(h, percentile / 100);
    for (unsigned i = 0; i < HISTOGRAM_COUNTS; i++) {
        count += h->counts[i];
        if (count >= rank)
            return value_of(h, i);
    }
    return h->max;
}

uint64_t histogram_count_between(const struct histogram *h, double low, double high)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < HISTOGRAM_COUNTS; i++)
        if (h->counts[i] > 0) {
            double middle = middle_of(h, i);
            count += middle >= low && middle <= high ? h->counts[i] : 0;
        }
    return count;
}

struct histogram_walk histogram_walk(const struct histogram *h)
{
    return (struct histogram_walk){ .histogram = h, .at = -1, .done = h->total == 0 };
}

/* What is left halves after every HISTOGRAM_TICKS steps, and a step is a tick of the half of it. */
static double fraction_of(const struct histogram_walk *walk)
{
    double left = ldexp(1, -(int)walk->halvings);

    return 1 - left + left * walk->tick / (2 * HISTOGRAM_TICKS);
}

static void move_on(struct histogram_walk *walk)
{
    if (++walk->tick == HISTOGRAM_TICKS) {
        walk->tick = 0;
        walk->halvings++;
    }
}

bool histogram_next(struct histogram_walk *walk, struct histogram_step *step)
{
    const struct histogram *h = walk->histogram;

    if (walk->done)
        return false;
    if (walk->count == h->total || walk->halvings > HALVINGS_MAX) {
        *step = (struct histogram_step){ h->max, 1, h->total };
        walk->done = true;
        return true;
    }

    double fraction = fraction_of(walk);
    uint64_t rank = rank_of(h, fraction);
    while (walk->count < rank)
        walk->count += h->counts[++walk->at];
    *step = (struct histogram_step){ value_of(h, (unsigned)walk->at), fraction, walk->count };
    move_on(walk);
    return true;
}

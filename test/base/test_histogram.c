#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 30000 };

/* One histogram for each test; it is too large for a comfortable stack. */
static int make(void **state)
{
    *state = malloc(sizeof(struct histogram));
    if (!*state)
        return -1;
    histogram_init(*state);
    return 0;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

/* xorshift64: the same numbers in every run. */
static uint64_t roll(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* From 0 up to and without 1. */
static double roll_unit(uint64_t *seed)
{
    return (double)(roll(seed) >> 11) / 9007199254740992.0;
}

static uint64_t uniform(uint64_t *seed)
{
    return 1 + roll(seed) % 10000000;
}

static uint64_t exponential(uint64_t *seed)
{
    return 1 + (uint64_t)(-250000 * log(1 - roll_unit(seed)));
}

/* As many values in every doubling, from a nanosecond to an hour. */
static uint64_t in_every_doubling(uint64_t *seed)
{
    return (uint64_t)exp(roll_unit(seed) * log((double)HISTOGRAM_VALUE_MAX));
}

/* Fast answers, and one in a hundred that met a stall of about a second. */
static uint64_t with_stalls(uint64_t *seed)
{
    uint64_t usual = 40000 + roll(seed) % 20000;

    return roll(seed) % 100 == 0 ? usual + 1000000000 + roll(seed) % 9999 : usual;
}

static uint64_t few_values(uint64_t *seed)
{
    return 1 + roll(seed) % 7 * 100003;
}

static int by_size(const void *left, const void *right)
{
    uint64_t a, b;

    a = *(const uint64_t *)left;
    b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Of the sorted values, the one that `thousandths` of a percent do not exceed. */
static uint64_t exact_at(const uint64_t *sorted, uint64_t count, uint64_t thousandths)
{
    uint64_t rank = (thousandths * count + 99999) / 100000;

    return sorted[rank > 0 ? rank - 1 : 0];
}

static void check_close(uint64_t told, uint64_t exact)
{
    assert_true(told >= exact);
    assert_true((told - exact) * 1000 < exact);
}

static void check_moments(const struct histogram *h, const uint64_t *values, uint64_t count)
{
    double mean = 0, sum = 0;

    for (uint64_t i = 0; i < count; i++)
        mean += (double)values[i] / (double)count;
    for (uint64_t i = 0; i < count; i++)
        sum += ((double)values[i] - mean) * ((double)values[i] - mean);

    double stdev = sqrt(sum / (double)count);
    assert_true(fabs(histogram_mean(h) - mean) <= mean / 1000);
    assert_true(fabs(histogram_stdev(h) - stdev) <= stdev / 1000 + mean / 2000);
}

static void check_against_sorted(struct histogram *h, uint64_t (*draw)(uint64_t *))
{
    const uint64_t percentiles[] = { 0,     1,     1000,  10000, 25000, 50000, 75000,
                                     90000, 95000, 99000, 99900, 99990, 99999, 100000 };
    uint64_t *values = malloc(SAMPLES * sizeof *values);
    uint64_t seed = 88172645463325252;

    assert_non_null(values);
    histogram_init(h);
    for (int i = 0; i < SAMPLES; i++) {
        values[i] = draw(&seed);
        histogram_record(h, values[i]);
    }
    qsort(values, SAMPLES, sizeof *values, by_size);

    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        check_close(histogram_value_at(h, (double)percentiles[i] / 1000),
                    exact_at(values, SAMPLES, percentiles[i]));
    assert_int_equal(histogram_count(h), SAMPLES);
    assert_int_equal(histogram_min(h), values[0]);
    assert_int_equal(histogram_max(h), values[SAMPLES - 1]);
    assert_int_equal(histogram_value_at(h, 100), values[SAMPLES - 1]);
    check_moments(h, values, SAMPLES);
    free(values);
}

static void test_as_exact_as_it_says(void **state)
{
    check_against_sorted(*state, uniform);
    check_against_sorted(*state, exponential);
    check_against_sorted(*state, in_every_doubling);
    check_against_sorted(*state, with_stalls);
    check_against_sorted(*state, few_values);
}

/* Although their bucket is wider than they are. */
static void test_equal_values_have_no_deviation(void **state)
{
    struct histogram *h = *state;

    histogram_record_n(h, 1234567, 8);
    assert_true(histogram_mean(h) == 1234567);
    assert_true(histogram_stdev(h) == 0);
}

/* Around every power of two and of ten, where buckets change their width. */
static void test_every_edge(void **state)
{
    struct histogram *h = *state;

    for (uint64_t power = 1; power < HISTOGRAM_VALUE_MAX / 10; power *= 2)
        for (uint64_t value = power > 2 ? power - 2 : 1; value <= power + 2; value++) {
            histogram_init(h);
            histogram_record(h, value);
            histogram_record(h, HISTOGRAM_VALUE_MAX);
            check_close(histogram_value_at(h, 50), value);
            assert_int_equal(histogram_min(h), value);
        }
}

static void test_small_values_are_exact(void **state)
{
    struct histogram *h = *state;

    for (uint64_t value = 1; value < HISTOGRAM_SUB_BUCKETS; value++)
        histogram_record(h, value);
    for (uint64_t value = 1; value < HISTOGRAM_SUB_BUCKETS; value++) {
        double percentile = 100.0 * (double)value / (HISTOGRAM_SUB_BUCKETS - 1);
        assert_int_equal(histogram_value_at(h, percentile), value);
    }
    assert_true(fabs(histogram_mean(h) - 1024) < 1e-9);
    assert_true(fabs(histogram_stdev(h) - sqrt((2047.0 * 2047 - 1) / 12)) < 1e-9);
}

/* 99.9 % of a thousand are 999 of them, although 0.999 * 1000 is a little more in binary. */
static void test_ranks_are_not_rounded_away(void **state)
{
    struct histogram *h = *state;

    for (uint64_t value = 1; value <= 1000; value++)
        histogram_record(h, value);
    for (uint64_t tenths = 1; tenths <= 1000; tenths++)
        assert_int_equal(histogram_value_at(h, (double)tenths / 10), tenths);
    assert_int_equal(histogram_value_at(h, 99.95), 1000);
    assert_int_equal(histogram_value_at(h, 99.89), 999);
}

static void test_both_ends(void **state)
{
    struct histogram *h = *state;

    histogram_record(h, 0);
    assert_int_equal(histogram_max(h), 1);
    assert_int_equal(histogram_clamped(h), 0);
    histogram_record(h, HISTOGRAM_VALUE_MAX);
    assert_int_equal(histogram_clamped(h), 0);
    histogram_record(h, HISTOGRAM_VALUE_MAX + 1);
    histogram_record_n(h, UINT64_MAX, 2);
    assert_int_equal(histogram_clamped(h), 3);
    assert_int_equal(histogram_count(h), 5);
    assert_int_equal(histogram_min(h), 1);
    assert_int_equal(histogram_max(h), HISTOGRAM_VALUE_MAX);
    assert_int_equal(histogram_value_at(h, 99), HISTOGRAM_VALUE_MAX);
}

static void test_empty(void **state)
{
    struct histogram *h = *state;
    struct histogram_walk walk = histogram_walk(h);
    struct histogram_step step;

    histogram_record_n(h, 77, 0);
    assert_int_equal(histogram_count(h), 0);
    assert_int_equal(histogram_min(h), 0);
    assert_int_equal(histogram_max(h), 0);
    assert_int_equal(histogram_value_at(h, 50), 0);
    assert_true(histogram_mean(h) == 0);
    assert_true(histogram_stdev(h) == 0);
    assert_int_equal(histogram_count_between(h, 0, 1e15), 0);
    assert_false(histogram_next(&walk, &step));
}

/* Halves of the same values, merged, are the whole; so are equal values counted at once. */
static void test_merging_and_counting_many(void **state)
{
    struct histogram *all = *state;
    struct histogram *parts = malloc(2 * sizeof *parts);
    uint64_t seed = 1;

    assert_non_null(parts);
    histogram_init(&parts[0]);
    histogram_init(&parts[1]);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t value = in_every_doubling(&seed);
        for (unsigned n = 0; n < i % 4; n++)
            histogram_record(all, value);
        histogram_record_n(&parts[i % 2], value, i % 4);
    }
    histogram_record(all, UINT64_MAX);
    histogram_record(&parts[1], UINT64_MAX);
    histogram_merge(&parts[0], &parts[1]);
    assert_memory_equal(&parts[0], all, sizeof *all);

    histogram_init(&parts[1]);
    histogram_merge(&parts[0], &parts[1]);
    assert_memory_equal(&parts[0], all, sizeof *all);
    free(parts);
}

static void test_counting_between(void **state)
{
    struct histogram *h = *state;

    for (uint64_t value = 1; value <= 100; value++)
        histogram_record_n(h, value, 2);
    assert_int_equal(histogram_count_between(h, 10, 19), 20);
    assert_int_equal(histogram_count_between(h, 9.5, 10.5), 2);
    assert_int_equal(histogram_count_between(h, 0, 1000), 200);
    assert_int_equal(histogram_count_between(h, 20, 10), 0);
}

static void check_step(struct histogram_walk *walk, double fraction, uint64_t value, uint64_t count)
{
    struct histogram_step step;

    assert_true(histogram_next(walk, &step));
    assert_true(fabs(step.fraction - fraction) < 1e-12);
    assert_int_equal(step.value, value);
    assert_int_equal(step.count, count);
}

/* Five steps up to a half, five more up to three quarters, and so on until all have been met. */
static void test_steps(void **state)
{
    struct histogram *h = *state;
    struct histogram_step step;

    for (uint64_t value = 1; value <= 40; value++)
        histogram_record(h, value);

    struct histogram_walk walk = histogram_walk(h);
    check_step(&walk, 0, 1, 1);
    check_step(&walk, 0.1, 4, 4);
    check_step(&walk, 0.2, 8, 8);
    check_step(&walk, 0.3, 12, 12);
    check_step(&walk, 0.4, 16, 16);
    check_step(&walk, 0.5, 20, 20);
    check_step(&walk, 0.55, 22, 22);
    check_step(&walk, 0.6, 24, 24);
    check_step(&walk, 0.65, 26, 26);
    check_step(&walk, 0.7, 28, 28);
    check_step(&walk, 0.75, 30, 30);
    check_step(&walk, 0.775, 31, 31);
    check_step(&walk, 0.8, 32, 32);
    check_step(&walk, 0.825, 33, 33);
    check_step(&walk, 0.85, 34, 34);
    check_step(&walk, 0.875, 35, 35);
    check_step(&walk, 0.8875, 36, 36);
    check_step(&walk, 0.9, 36, 36);
    check_step(&walk, 0.9125, 37, 37);
    check_step(&walk, 0.925, 37, 37);
    check_step(&walk, 0.9375, 38, 38);
    check_step(&walk, 0.94375, 38, 38);
    check_step(&walk, 0.95, 38, 38);
    check_step(&walk, 0.95625, 39, 39);
    check_step(&walk, 0.9625, 39, 39);
    check_step(&walk, 0.96875, 39, 39);
    check_step(&walk, 0.971875, 39, 39);
    check_step(&walk, 0.975, 39, 39);
    check_step(&walk, 0.978125, 40, 40);
    check_step(&walk, 1, 40, 40);
    assert_false(histogram_next(&walk, &step));
    assert_false(histogram_next(&walk, &step));
}

/* A spectrum goes up, agrees with histogram_value_at, and ends at the maximum. */
static void test_steps_agree_with_percentiles(void **state)
{
    struct histogram *h = *state;
    struct histogram_step step = { 0 };
    uint64_t seed = 3, last_value = 0, last_count = 0;
    double last_fraction = -1;
    unsigned steps = 0;

    for (int i = 0; i < SAMPLES; i++)
        histogram_record(h, exponential(&seed));
    histogram_record_n(h, 5, UINT64_C(1) << 40);

    struct histogram_walk walk = histogram_walk(h);
    for (; histogram_next(&walk, &step); steps++) {
        assert_true(step.fraction > last_fraction);
        assert_true(step.value >= last_value && step.count >= last_count);
        assert_int_equal(step.value, histogram_value_at(h, step.fraction * 100));
        last_fraction = step.fraction;
        last_value = step.value;
        last_count = step.count;
    }
    assert_true(step.fraction >= 1);
    assert_int_equal(step.value, histogram_max(h));
    assert_int_equal(step.count, histogram_count(h));
    assert_in_range(steps, 150, 5 * 51 + 1);
}

#define WITH_HISTOGRAM(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HISTOGRAM(test_as_exact_as_it_says),
        WITH_HISTOGRAM(test_equal_values_have_no_deviation),
        WITH_HISTOGRAM(test_every_edge),
        WITH_HISTOGRAM(test_small_values_are_exact),
        WITH_HISTOGRAM(test_ranks_are_not_rounded_away),
        WITH_HISTOGRAM(test_both_ends),
        WITH_HISTOGRAM(test_empty),
        WITH_HISTOGRAM(test_merging_and_counting_many),
        WITH_HISTOGRAM(test_counting_between),
        WITH_HISTOGRAM(test_steps),
        WITH_HISTOGRAM(test_steps_agree_with_percentiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

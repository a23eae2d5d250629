#include "io/ring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { ENTRIES = 64, COMPLETIONS = 128, NOPS = 1000 };

static int open_or_skip(void **state)
{
    struct ring *r = calloc(1, sizeof *r);
    int result = ring_open(r, ENTRIES, COMPLETIONS, true);

    if (result < 0)
        exit(77);
    *state = r;
    return 0;
}

static int free_ring(void **state)
{
    ring_free(*state);
    free(*state);
    return 0;
}

/* Take what there is; every completion must be the next in order. */
static unsigned take(struct ring *r, unsigned next)
{
    const struct ring_batch batch = ring_batch(r);

    for (unsigned at = batch.first; at != batch.end; at++) {
        assert_int_equal(ring_batch_at(&batch, at)->res, 0);
        assert_int_equal(ring_batch_at(&batch, at)->user_data, next++);
    }
    ring_advance(r, batch.end - batch.first);
    return next;
}

static void a_full_queue_is_submitted(void **state)
{
    struct ring *r = *state;

    for (unsigned i = 0; i < ENTRIES + 10; i++)
        ring_next(r, IORING_OP_NOP, -1, i);
    assert_int_equal(ring_pending(r), 10);
    ring_enter(r, false, 0);
    assert_int_equal(ring_pending(r), 0);
    assert_int_equal(take(r, 0), ENTRIES + 10);
    assert_int_equal(r->overflows, 0);
}

static void overflow_is_counted_and_loses_nothing(void **state)
{
    struct ring *r = *state;
    unsigned taken = 0;

    for (unsigned i = 0; i < NOPS; i++)
        ring_next(r, IORING_OP_NOP, -1, i);
    for (int tries = 0; taken < NOPS && tries < NOPS; tries++) {
        ring_enter(r, false, 0);
        taken = take(r, taken);
    }
    assert_int_equal(taken, NOPS);
    assert_true(r->overflows > 0);
}

static void sleeping_ends_with_the_timeout(void **state)
{
    struct timespec before, after;

    clock_gettime(CLOCK_MONOTONIC, &before);
    ring_enter(*state, true, 50);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long ns = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    assert_true(ns >= 50 * 1000000LL);
    assert_int_equal(ring_completed(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_queue_is_submitted, open_or_skip, free_ring),
        cmocka_unit_test_setup_teardown(overflow_is_counted_and_loses_nothing, open_or_skip,
                                        free_ring),
        cmocka_unit_test_setup_teardown(sleeping_ends_with_the_timeout, open_or_skip, free_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

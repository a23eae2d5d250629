#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <time.h>

static int64_t precise(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The coarse clocks lag by a tick, which is 10 ms at most (100 Hz). */
static void test_close_to_the_precise_clocks(void **state)
{
    (void)state;
    int64_t before = precise(CLOCK_MONOTONIC);
    int64_t monotonic = (int64_t)clock_ms();
    int64_t after = precise(CLOCK_MONOTONIC);
    assert_true(monotonic >= before - 20 && monotonic <= after);

    before = precise(CLOCK_MONOTONIC);
    int64_t fine = (int64_t)(clock_ns() / 1000000);
    after = precise(CLOCK_MONOTONIC);
    assert_true(fine >= before && fine <= after);

    before = precise(CLOCK_REALTIME) / 1000;
    int64_t seconds = clock_unix();
    after = precise(CLOCK_REALTIME) / 1000;
    assert_true(seconds >= before - 1 && seconds <= after);
}

static void test_goes_on(void **state)
{
    (void)state;
    const struct timespec nap = { .tv_nsec = 40000000 };
    uint64_t first = clock_ms();

    nanosleep(&nap, NULL);
    uint64_t second = clock_ms();
    assert_true(second >= first + 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_to_the_precise_clocks),
        cmocka_unit_test(test_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

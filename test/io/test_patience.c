#include "io/patience.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void some_sleeps_do_not_shrink(void **state)
{
    struct patience for_ever = {.timeout_ms = -1}, none = {.timeout_ms = 0};

    (void)state;
    patience_tried(&for_ever);
    patience_tried(&none);
    assert_int_equal(for_ever.timeout_ms, -1);
    assert_int_equal(none.timeout_ms, 0);
}

static void it_comes_to_an_end(void **state)
{
    struct patience p = {.timeout_ms = 60};
    const struct timespec moment = {.tv_nsec = 5 * 1000 * 1000};
    uint64_t start = clock_ms();
    int tries = 0;

    (void)state;
    for (; p.timeout_ms > 0 && tries < 1000; tries++) {
        patience_tried(&p);
        assert_in_range(p.timeout_ms, 0, 60);
        nanosleep(&moment, NULL);
    }
    assert_in_range(tries, 2, 60);
    assert_true(clock_ms() - start >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_sleeps_do_not_shrink),
        cmocka_unit_test(it_comes_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

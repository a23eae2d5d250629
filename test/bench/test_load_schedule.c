#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/schedule.h"

/* The k-th request of all, whichever connection has it. */
static uint64_t due_of_all(const struct schedule *s, uint64_t k)
{
    return schedule_due(s, k % s->conns, k / s->conns);
}

static void all_together_are_even(void **state)
{
    static const uint64_t rates[] = { 1, 3, 7, 1000, 70001, 999999937, SCHEDULE_RATE_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct schedule s = { 12345, rates[i], 7 };
        uint64_t step = SCHEDULE_SECOND / s.rate, before = due_of_all(&s, 0);

        assert_int_equal(before, 12345);
        for (uint64_t k = 1; k < 5000; k++) {
            uint64_t due = due_of_all(&s, k);

            assert_in_range(due - before, step, step + 1);
            before = due;
        }
    }
}

static void each_connection_is_even_and_waits_for_none(void **state)
{
    struct schedule s = { 0, 1000, 4 };

    (void)state;
    for (uint64_t conn = 0; conn < s.conns; conn++)
        for (uint64_t n = 0; n < 100; n++)
            assert_int_equal(schedule_due(&s, conn, n), (n * 4 + conn) * 1000000);
}

static void no_error_adds_up(void **state)
{
    struct schedule s = { 5, 3, 1 };
    uint64_t day = 24 * 3600;

    (void)state;
    assert_int_equal(schedule_due(&s, 0, 3 * day), 5 + day * SCHEDULE_SECOND);
    assert_int_equal(schedule_due(&s, 0, 3 * day + 1), 5 + day * SCHEDULE_SECOND + 333333333);
    s.rate = SCHEDULE_RATE_MAX;
    assert_int_equal(schedule_due(&s, 0, s.rate * day + 7), 5 + day * SCHEDULE_SECOND + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_together_are_even),
        cmocka_unit_test(each_connection_is_even_and_waits_for_none),
        cmocka_unit_test(no_error_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

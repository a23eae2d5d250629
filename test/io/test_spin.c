#include "io/spin.h"

#include "io/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST_NS = 50 * 1000, SHORT_NS = 10 * 1000, LONG_NS = 1000 * 1000 };

static uint64_t now_ns = 1000000;

static struct spin fresh(void)
{
    struct spin s;

    spin_init(&s, MOST_NS / 1000);
    return s;
}

/* A wait that something ends after `ns`. Returns whether it began with a poll. */
static bool wait_for(struct spin *s, uint64_t ns)
{
    bool polled = spin_begin(s, now_ns, true);

    now_ns += ns;
    spin_end(s, now_ns);
    return polled;
}

/* How many of so many waits began with a poll. */
static unsigned polls(struct spin *s, unsigned waits, uint64_t ns)
{
    unsigned count = 0;

    for (unsigned i = 0; i < waits; i++)
        count += wait_for(s, ns);
    return count;
}

static void off_is_off(void **state)
{
    struct spin off, on = fresh();

    (void)state;
    spin_init(&off, 0);
    assert_false(spin_is_on(&off));
    assert_true(spin_is_on(&on));
    assert_false(spin_goes_on(&off, 0));
}

static void a_poll_has_an_end(void **state)
{
    struct spin s = fresh();

    (void)state;
    assert_true(spin_begin(&s, 7, true));
    assert_true(spin_goes_on(&s, 7));
    assert_true(spin_goes_on(&s, 7 + MOST_NS - 1));
    assert_false(spin_goes_on(&s, 7 + MOST_NS));
}

static void it_goes_on_while_something_is_found(void **state)
{
    struct spin s = fresh();

    (void)state;
    assert_int_equal(polls(&s, 1000, SHORT_NS), 1000);
    for (int i = 0; i < 100; i++) { /* even if only now and then */
        assert_int_equal(polls(&s, SPIN_VAIN_MAX - 1, LONG_NS), SPIN_VAIN_MAX - 1);
        assert_true(wait_for(&s, SHORT_NS));
    }
    assert_int_equal(s.count, 1000 + 100 * SPIN_VAIN_MAX);
}

static void what_comes_seldom_is_not_polled_for(void **state)
{
    struct spin s = fresh();

    (void)state;
    assert_int_equal(polls(&s, 1000, LONG_NS), SPIN_VAIN_MAX);
    assert_int_equal(polls(&s, 1000, LONG_NS), 0);
}

/* One short sleep is enough, and one poll in vain ends it again, for longer each time. */
static void rests_grow(void **state)
{
    struct spin s = fresh();
    unsigned rest = 1;

    (void)state;
    polls(&s, SPIN_VAIN_MAX, LONG_NS);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(polls(&s, rest, SHORT_NS), 0);
        assert_int_equal(polls(&s, 10, LONG_NS), 1);
        rest = rest < SPIN_REST_MAX ? rest * 2 : SPIN_REST_MAX;
    }
    assert_int_equal(polls(&s, SPIN_REST_MAX, SHORT_NS), 0);
    assert_int_equal(polls(&s, 1000, SHORT_NS), 1000);
    assert_int_equal(polls(&s, 1000, LONG_NS), SPIN_VAIN_MAX);
    assert_int_equal(polls(&s, 2, SHORT_NS), 1); /* the first rest is short again */
}

/* As where the peer has to wait for this CPU: sleeps are short, and polls are all in vain. */
static void a_peer_on_the_same_cpu_is_let_go_on(void **state)
{
    struct spin s = fresh();
    unsigned count = 0;

    (void)state;
    for (int i = 0; i < 100 * SPIN_REST_MAX; i++) {
        bool polled = spin_begin(&s, now_ns, true);
        now_ns += polled ? MOST_NS + SHORT_NS : SHORT_NS;
        spin_end(&s, now_ns);
        count += polled;
    }
    assert_in_range(count, 50, 150);
}

static void nobody_connected_is_nobody_to_poll_for(void **state)
{
    struct spin s = fresh();

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_false(spin_begin(&s, now_ns, false));
        now_ns += LONG_NS;
        spin_end(&s, now_ns);
    }
    assert_int_equal(s.count, 0);
    assert_true(wait_for(&s, SHORT_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_is_off),
        cmocka_unit_test(a_poll_has_an_end),
        cmocka_unit_test(it_goes_on_while_something_is_found),
        cmocka_unit_test(what_comes_seldom_is_not_polled_for),
        cmocka_unit_test(rests_grow),
        cmocka_unit_test(a_peer_on_the_same_cpu_is_let_go_on),
        cmocka_unit_test(nobody_connected_is_nobody_to_poll_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

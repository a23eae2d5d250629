/* When to give up: never too early, never forgotten. */
#include "seed.h"
#include "server/deadlines.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t lengths[DEADLINE_NONE] = { 600, 100, 300, 200, 400, 50, 150 };

struct scene {
    struct deadlines all;
    struct deadline a, b, c;
};

static void scene_open(struct scene *s)
{
    memset(s, 0x55, sizeof *s);
    deadlines_init(&s->all, lengths);
    deadline_init(&s->a);
    deadline_init(&s->b);
    deadline_init(&s->c);
}

static void none_is_set_at_first(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    assert_int_equal(s.a.kind, DEADLINE_NONE);
    assert_null(deadlines_passed(&s.all, UINT64_MAX));
    assert_int_equal(deadlines_wait_ms(&s.all, 0), -1);
    deadline_clear(&s.a);
    assert_int_equal(deadlines_wait_ms(&s.all, 0), -1);
}

static void each_kind_has_its_length(void **state)
{
    (void)state;
    for (int kind = 0; kind < DEADLINE_NONE; kind++) {
        struct scene s;
        const uint64_t now = 5000;

        scene_open(&s);
        deadline_set(&s.all, &s.a, (enum deadline_kind)kind, now);
        assert_int_equal(s.a.kind, kind);
        assert_int_equal(deadlines_wait_ms(&s.all, now), lengths[kind]);
        assert_int_equal(deadlines_wait_ms(&s.all, now + 1), lengths[kind] - 1);
        assert_null(deadlines_passed(&s.all, now + lengths[kind] - 1));
        assert_ptr_equal(deadlines_passed(&s.all, now + lengths[kind]), &s.a);
        assert_int_equal(deadlines_wait_ms(&s.all, now + lengths[kind]), 0);
        assert_int_equal(deadlines_wait_ms(&s.all, now + lengths[kind] + 1000), 0);
        assert_ptr_equal(deadlines_passed(&s.all, now + lengths[kind] + 1000), &s.a); /* still */
        deadline_clear(&s.a);
        assert_int_equal(s.a.kind, DEADLINE_NONE);
        assert_null(deadlines_passed(&s.all, UINT64_MAX / 2));
        assert_int_equal(deadlines_wait_ms(&s.all, now), -1);
    }
}

static void the_soonest_is_waited_for(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 1000);  /* 1600 */
    deadline_set(&s.all, &s.b, DEADLINE_WRITE, 1300); /* 1500 */
    deadline_set(&s.all, &s.c, DEADLINE_IDLE, 1301);  /* 1901 */
    assert_int_equal(deadlines_wait_ms(&s.all, 1310), 190);
    assert_null(deadlines_passed(&s.all, 1499));
    assert_ptr_equal(deadlines_passed(&s.all, 1599), &s.b);
    deadline_clear(&s.b);
    assert_int_equal(deadlines_wait_ms(&s.all, 1500), 100);
    assert_ptr_equal(deadlines_passed(&s.all, 1600), &s.a);
    deadline_clear(&s.a);
    assert_null(deadlines_passed(&s.all, 1900));
    assert_ptr_equal(deadlines_passed(&s.all, 1901), &s.c);
}

static void setting_anew_puts_off(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    deadline_set(&s.all, &s.a, DEADLINE_BODY, 0);
    deadline_set(&s.all, &s.b, DEADLINE_BODY, 10);
    deadline_set(&s.all, &s.a, DEADLINE_BODY, 20);
    assert_ptr_equal(deadlines_passed(&s.all, 319), &s.b);
    deadline_set(&s.all, &s.b, DEADLINE_BODY, 319);
    assert_null(deadlines_passed(&s.all, 319));
    assert_ptr_equal(deadlines_passed(&s.all, 320), &s.a);
    deadline_clear(&s.a);
    assert_null(deadlines_passed(&s.all, 618));
    assert_ptr_equal(deadlines_passed(&s.all, 619), &s.b);
}

static void only_one_kind_counts(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    deadline_set(&s.all, &s.a, DEADLINE_HEADER, 0);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 0);
    assert_null(deadlines_passed(&s.all, 599));
    assert_ptr_equal(deadlines_passed(&s.all, 600), &s.a);
    assert_int_equal(list_count(&s.all.lists[DEADLINE_HEADER]), 0);
    deadline_set(&s.all, &s.a, DEADLINE_LINGER, 600);
    assert_null(deadlines_passed(&s.all, 649));
    assert_ptr_equal(deadlines_passed(&s.all, 650), &s.a);
}

/* At time 0, and after it has been cleared within the same millisecond. */
static void the_same_again_changes_nothing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 0);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 0);
    assert_int_equal(list_count(&s.all.lists[DEADLINE_IDLE]), 1);
    deadline_clear(&s.a);
    assert_int_equal(list_count(&s.all.lists[DEADLINE_IDLE]), 0);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 0);
    assert_int_equal(list_count(&s.all.lists[DEADLINE_IDLE]), 1);
    assert_int_equal(deadlines_wait_ms(&s.all, 0), 600);
}

static void lengths_may_change(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 1000);
    s.all.ms[DEADLINE_IDLE] = 10;
    assert_int_equal(deadlines_wait_ms(&s.all, 1000), 10);
    assert_ptr_equal(deadlines_passed(&s.all, 1010), &s.a);
    s.all.ms[DEADLINE_IDLE] = 0;
    assert_ptr_equal(deadlines_passed(&s.all, 1000), &s.a);
    s.all.ms[DEADLINE_IDLE] = UINT32_MAX;
    assert_null(deadlines_passed(&s.all, 1000 + (uint64_t)UINT32_MAX - 1));
    assert_int_equal(deadlines_wait_ms(&s.all, 1000), INT_MAX); /* and then again */
    assert_int_equal(deadlines_wait_ms(&s.all, 1000 + (uint64_t)UINT32_MAX - 7), 7);
    assert_ptr_equal(deadlines_passed(&s.all, 1000 + (uint64_t)UINT32_MAX), &s.a);
}

static void a_kind_begins_anew(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    deadline_set(&s.all, &s.a, DEADLINE_IDLE, 0);
    deadline_set(&s.all, &s.b, DEADLINE_IDLE, 100);
    deadline_set(&s.all, &s.c, DEADLINE_BODY, 100);
    deadlines_restart(&s.all, DEADLINE_IDLE, 500);
    assert_int_equal(deadlines_wait_ms(&s.all, 350), 50); /* c's is as it was */
    deadline_clear(&s.c);
    assert_null(deadlines_passed(&s.all, 1099));
    assert_ptr_equal(deadlines_passed(&s.all, 1100), &s.a);
    deadline_clear(&s.a);
    assert_ptr_equal(deadlines_passed(&s.all, 1100), &s.b);
    deadlines_restart(&s.all, DEADLINE_WRITE, 2000); /* nobody there */
    assert_ptr_equal(deadlines_passed(&s.all, 1100), &s.b);
}

/* --- against plain looking at all of them --- */

enum { MANY = 30, STEPS = 30000 };

struct model {
    struct deadlines all;
    struct deadline some[MANY];
    uint64_t due[MANY]; /* UINT64_MAX: not set */
    uint64_t seed, now;
};

static void random_step(struct model *m)
{
    uint64_t i = seed_below(&m->seed, MANY);

    if (seed_once_in(&m->seed, 4)) {
        deadline_clear(&m->some[i]);
        m->due[i] = UINT64_MAX;
    } else {
        enum deadline_kind kind = (enum deadline_kind)seed_below(&m->seed, DEADLINE_NONE);
        deadline_set(&m->all, &m->some[i], kind, m->now);
        m->due[i] = m->now + lengths[kind];
    }
    m->now += seed_below(&m->seed, 8);
}

static uint64_t earliest(const struct model *m)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < MANY; i++)
        least = m->due[i] < least ? m->due[i] : least;
    return least;
}

/* Clears what has passed, as the server does. */
static void check_model(struct model *m)
{
    struct deadline *passed;

    while ((passed = deadlines_passed(&m->all, m->now))) {
        size_t i = (size_t)(passed - m->some);
        assert_true(m->due[i] <= m->now);
        deadline_clear(passed);
        m->due[i] = UINT64_MAX;
    }
    uint64_t least = earliest(m);
    assert_true(least > m->now);
    int expected = least == UINT64_MAX ? -1 : (int)(least - m->now);
    assert_int_equal(deadlines_wait_ms(&m->all, m->now), expected);
}

static void agrees_with_looking_at_all(void **state)
{
    struct model m = { .seed = seed_draw("deadlines") };

    (void)state;
    deadlines_init(&m.all, lengths);
    for (int i = 0; i < MANY; i++) {
        deadline_init(&m.some[i]);
        m.due[i] = UINT64_MAX;
    }
    for (int step = 0; step < STEPS; step++) {
        random_step(&m);
        check_model(&m);
    }
}

/* What is put off all the time moves seldom: it may pass a 64th too early, and never later. */
static void put_off_now_and_then(void **state)
{
    struct scene s;
    const uint32_t share = lengths[DEADLINE_IDLE] / DEADLINE_SHARE;

    (void)state;
    scene_open(&s);
    deadline_put_off(&s.all, &s.a, DEADLINE_IDLE, 1000);
    deadline_put_off(&s.all, &s.b, DEADLINE_IDLE, 1000);
    assert_int_equal(s.a.kind, DEADLINE_IDLE);
    deadline_put_off(&s.all, &s.a, DEADLINE_IDLE, 1000 + share);
    assert_int_equal(s.a.since_ms, 1000);
    deadline_put_off(&s.all, &s.a, DEADLINE_IDLE, 1001 + share);
    assert_int_equal(s.a.since_ms, 1001 + share);
    assert_ptr_equal(deadlines_passed(&s.all, 1000 + lengths[DEADLINE_IDLE]), &s.b);
    deadline_put_off(&s.all, &s.b, DEADLINE_WRITE, 1000);
    assert_int_equal(s.b.kind, DEADLINE_WRITE);
    assert_null(deadlines_passed(&s.all, 1000 + lengths[DEADLINE_WRITE] - 1));
    deadline_clear(&s.a);
    deadline_clear(&s.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_set_at_first),
        cmocka_unit_test(each_kind_has_its_length),
        cmocka_unit_test(the_soonest_is_waited_for),
        cmocka_unit_test(setting_anew_puts_off),
        cmocka_unit_test(only_one_kind_counts),
        cmocka_unit_test(the_same_again_changes_nothing),
        cmocka_unit_test(lengths_may_change),
        cmocka_unit_test(a_kind_begins_anew),
        cmocka_unit_test(agrees_with_looking_at_all),
        cmocka_unit_test(put_off_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

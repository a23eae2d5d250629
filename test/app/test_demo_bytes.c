/* app/demo_bytes.c: the same bytes every time, and no more held than is allowed. */
#include "app/demo_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SECRET = 42, LARGE = 12 * 1024 * 1024 };

static void the_same_for_the_same(void **state)
{
    struct demo_cache *one = demo_cache_make(SECRET), *two = demo_cache_make(SECRET);
    struct demo_cache *other = demo_cache_make(SECRET + 1);

    (void)state;
    for (size_t len = 9; len < 1000; len += 13) {
        struct demo_bytes *a = demo_bytes_take(one, len), *b = demo_bytes_take(two, len);
        struct demo_bytes *c = demo_bytes_take(other, len);
        assert_true(demo_bytes_make(a) && demo_bytes_make(b) && demo_bytes_make(c));
        assert_memory_equal(demo_bytes_at(a), demo_bytes_at(b), len);
        assert_memory_not_equal(demo_bytes_at(a), demo_bytes_at(c), len);
        assert_ptr_equal(demo_bytes_take(one, len), a);
        demo_bytes_give_back(a);
        demo_bytes_give_back(a);
        demo_bytes_give_back(b);
        demo_bytes_give_back(c);
    }
    demo_cache_free(one);
    demo_cache_free(two);
    demo_cache_free(other);
}

/* Three of these are more than there may be. */
static void the_oldest_that_nobody_has_go(void **state)
{
    struct demo_cache *cache = demo_cache_make(SECRET);
    struct demo_bytes *first = demo_bytes_take(cache, LARGE);
    struct demo_bytes *second = demo_bytes_take(cache, LARGE + 1);

    (void)state;
    assert_true(first && second);
    assert_null(demo_bytes_take(cache, LARGE + 2));
    assert_ptr_equal(demo_bytes_take(cache, LARGE), first);
    demo_bytes_give_back(second);
    struct demo_bytes *third = demo_bytes_take(cache, LARGE + 2);
    assert_non_null(third);
    assert_null(demo_bytes_take(cache, LARGE + 1));
    demo_bytes_give_back(first);
    assert_null(demo_bytes_take(cache, LARGE + 1));
    demo_bytes_give_back(first);
    struct demo_bytes *again = demo_bytes_take(cache, LARGE + 1);
    assert_non_null(again);
    demo_bytes_give_back(third);
    demo_cache_free(cache); /* before the last ones are back */
    demo_bytes_give_back(again);
}

static void so_many_are_kept(void **state)
{
    struct demo_cache *cache = demo_cache_make(SECRET);
    struct demo_bytes *taken[DEMO_CACHE_COUNT];

    (void)state;
    for (size_t i = 0; i < DEMO_CACHE_COUNT; i++)
        assert_non_null(taken[i] = demo_bytes_take(cache, i + 1));
    assert_null(demo_bytes_take(cache, DEMO_CACHE_COUNT + 1));
    for (size_t i = 0; i < DEMO_CACHE_COUNT; i++)
        demo_bytes_give_back(taken[i]);
    for (size_t i = 0; i < DEMO_CACHE_COUNT; i++)
        demo_bytes_give_back(demo_bytes_take(cache, 1000 + i));
    demo_cache_free(cache);
}

/* Whoever takes them meanwhile goes on where they are, and the bytes are the same. */
static void many_are_made_in_steps(void **state)
{
    enum { LEN = 2 * DEMO_BYTES_STEP + 3, SHARERS = 6 };
    struct demo_cache *one = demo_cache_make(SECRET), *two = demo_cache_make(SECRET);
    struct demo_bytes *alone = demo_bytes_take(one, LEN), *shared = NULL;
    int steps = 1;

    (void)state;
    assert_false(demo_bytes_are_made(alone));
    assert_false(demo_bytes_make(alone));
    assert_false(demo_bytes_make(alone));
    assert_true(demo_bytes_make(alone));
    assert_true(demo_bytes_make(alone) && demo_bytes_are_made(alone));
    for (int i = 0; i < SHARERS; i++)
        shared = demo_bytes_take(two, LEN);
    while (!demo_bytes_make(shared))
        steps++;
    assert_true(steps > 2 * SHARERS);
    assert_memory_equal(demo_bytes_at(alone), demo_bytes_at(shared), LEN);
    for (int i = 0; i < SHARERS; i++)
        demo_bytes_give_back(shared);
    demo_bytes_give_back(alone);
    demo_cache_free(one);
    demo_cache_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_for_the_same),
        cmocka_unit_test(the_oldest_that_nobody_has_go),
        cmocka_unit_test(so_many_are_kept),
        cmocka_unit_test(many_are_made_in_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

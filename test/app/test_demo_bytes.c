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

/* Three of these are more than may be held: the first one goes, but not from who has it. */
static void the_oldest_go(void **state)
{
    struct demo_cache *cache = demo_cache_make(SECRET);
    struct demo_bytes *first = demo_bytes_take(cache, LARGE);
    char begin[64];

    (void)state;
    memcpy(begin, demo_bytes_at(first), sizeof begin);
    demo_bytes_give_back(demo_bytes_take(cache, LARGE + 1));
    demo_bytes_give_back(demo_bytes_take(cache, LARGE + 2));
    struct demo_bytes *again = demo_bytes_take(cache, LARGE);
    assert_ptr_not_equal(again, first);
    assert_memory_equal(demo_bytes_at(again), begin, sizeof begin);
    demo_bytes_give_back(first);
    demo_bytes_give_back(again);
    demo_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_for_the_same),
        cmocka_unit_test(the_oldest_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

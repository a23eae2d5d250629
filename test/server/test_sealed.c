/* server/sealed.c: who gets which buffer, and how many there may be. */
#include "server/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_is_short_takes_a_small_one(void **state)
{
    struct sealed_pool pool = { .large_count = 0 };
    struct sealed *small = sealed_take(&pool, SEALED_SMALL);
    struct sealed *large = sealed_take(&pool, SEALED_SMALL + 1);

    (void)state;
    assert_int_equal(text_room(&small->text), SEALED_SMALL);
    assert_int_equal(text_room(&large->text), SEALED_LARGE);
    text_add(&small->text, STR("something"));
    sealed_give_back(&pool, small);
    sealed_give_back(&pool, large);
    assert_ptr_equal(sealed_take(&pool, 1), small);
    assert_int_equal(small->text.len, 0);
    assert_ptr_equal(sealed_take(&pool, SEALED_LARGE), large);
    sealed_give_back(&pool, small);
    sealed_give_back(&pool, large);
    sealed_pool_release(&pool);
    assert_int_equal(pool.large_count, 0);
}

static void nobody_waits_for_a_large_one(void **state)
{
    struct sealed_pool pool = { .large_count = 0 };
    struct sealed *all[SEALED_LARGE_MAX];

    (void)state;
    for (int i = 0; i < SEALED_LARGE_MAX; i++) {
        all[i] = sealed_take(&pool, SEALED_LARGE);
        assert_int_equal(all[i]->text.cap, SEALED_LARGE);
    }
    struct sealed *another = sealed_take(&pool, SEALED_LARGE);
    assert_int_equal(another->text.cap, SEALED_SMALL);
    sealed_give_back(&pool, all[7]);
    assert_ptr_equal(sealed_take(&pool, SEALED_LARGE), all[7]);
    sealed_give_back(&pool, another);
    for (int i = 0; i < SEALED_LARGE_MAX; i++)
        sealed_give_back(&pool, all[i]);
    assert_int_equal(pool.large_count, SEALED_LARGE_MAX);
    sealed_pool_release(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_short_takes_a_small_one),
        cmocka_unit_test(nobody_waits_for_a_large_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

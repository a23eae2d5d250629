/* Watches by number: counted, and handed out to be removed once nobody uses them. */
#include "site/watches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_same_number_is_the_same_watch(void **state)
{
    struct watches watches;

    (void)state;
    watches_init(&watches);
    assert_null(watches_find(&watches, 1));
    struct site_watch *one = watches_know(&watches, 1);
    struct site_watch *far = watches_know(&watches, 1 + WATCHES_BUCKETS); /* in the same bucket */
    assert_ptr_not_equal(one, far);
    assert_ptr_equal(watches_know(&watches, 1), one);
    assert_ptr_equal(watches_find(&watches, 1 + WATCHES_BUCKETS), far);
    assert_int_equal(watches.count, 2);
    watches_release(&watches);
}

static void what_is_used_is_not_removed(void **state)
{
    struct watches watches;

    (void)state;
    watches_init(&watches);
    struct site_watch *watch = watches_know(&watches, 7);
    watches_use(watch);
    watches_use(watch);
    assert_int_equal(watches_take_unused(&watches), -1);
    watches_unuse(&watches, watch);
    assert_int_equal(watches_take_unused(&watches), -1);
    watches_unuse(&watches, watch);
    watches_use(watch); /* just in time */
    assert_int_equal(watches_take_unused(&watches), -1);
    watches_unuse(&watches, watch);
    assert_int_equal(watches_take_unused(&watches), 7);
    assert_null(watches_find(&watches, 7));
    assert_int_equal(watches_take_unused(&watches), -1);
    watches_release(&watches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_number_is_the_same_watch),
        cmocka_unit_test(what_is_used_is_not_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct member {
    int before;
    struct list on;
    int after;
};

static void check_order(const struct list *list, struct member *const *wanted, size_t count)
{
    const struct list *node = list->next;

    assert_int_equal(list_count(list), count);
    for (size_t i = 0; i < count; i++, node = node->next) {
        assert_ptr_equal(node, &wanted[i]->on);
        assert_ptr_equal(node->next->prev, node);
        assert_ptr_equal(node->prev->next, node);
    }
    assert_ptr_equal(node, list);
}

static void test_empty(void **state)
{
    (void)state;
    struct list list;

    list_init(&list);
    assert_true(list_empty(&list));
    assert_int_equal(list_count(&list), 0);
    assert_null(list_first(&list));
    assert_null(list_take(&list));
}

static void test_order(void **state)
{
    (void)state;
    struct list list;
    struct member a, b, c;

    list_init(&list);
    list_append(&list, &a.on);
    list_append(&list, &b.on);
    list_append(&list, &c.on);
    check_order(&list, (struct member *[]){ &a, &b, &c }, 3);
    assert_ptr_equal(list_first(&list), &a.on);
    list_remove(&b.on);
    check_order(&list, (struct member *[]){ &a, &c }, 2);
    list_append(&list, &b.on);
    check_order(&list, (struct member *[]){ &a, &c, &b }, 3);
    assert_ptr_equal(list_take(&list), &a.on);
    assert_ptr_equal(list_take(&list), &c.on);
    assert_ptr_equal(list_take(&list), &b.on);
    assert_null(list_take(&list));
}

/* A member that is on no list is alone, and may be removed again. */
static void test_remove_twice(void **state)
{
    (void)state;
    struct list list;
    struct member a, b;

    list_init(&list);
    list_init(&a.on);
    list_remove(&a.on);
    list_append(&list, &a.on);
    list_append(&list, &b.on);
    list_remove(&a.on);
    assert_true(list_empty(&a.on));
    list_remove(&a.on);
    check_order(&list, (struct member *[]){ &b }, 1);
}

static void test_container(void **state)
{
    (void)state;
    struct member a;

    assert_ptr_equal(CONTAINER_OF(&a.on, struct member, on), &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_remove_twice),
        cmocka_unit_test(test_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "io/surplus.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

enum { LEASES = 16 };

/* Two sockets keep buffers in turns, in an order of leases that is not their own. */
static void keeps_the_order_of_each_socket(void **state)
{
    struct surplus surplus;
    struct io_sock socks[2] = { 0 };
    uint32_t len;

    (void)state;
    assert_int_equal(surplus_open(&surplus, LEASES), 0);
    surplus_init(&socks[0]);
    surplus_init(&socks[1]);
    for (int i = 0; i < LEASES; i++)
        surplus_add(&surplus, &socks[i % 2], LEASES - 1 - i, (uint32_t)i);
    assert_int_equal(surplus.count, LEASES);

    for (int i = 0; i < LEASES; i += 2)
        for (int s = 0; s < 2; s++) {
            assert_false(surplus_is_empty(&socks[s]));
            assert_int_equal(surplus_take(&surplus, &socks[s], &len), LEASES - 1 - i - s);
            assert_int_equal(len, i + s);
        }
    assert_true(surplus_is_empty(&socks[0]) && surplus_is_empty(&socks[1]));
    surplus_free(&surplus);
}

static void can_be_used_again_when_empty(void **state)
{
    struct surplus surplus;
    struct io_sock sock = { 0 };
    uint32_t len;

    (void)state;
    assert_int_equal(surplus_open(&surplus, LEASES), 0);
    surplus_init(&sock);
    for (int round = 0; round < 3; round++) {
        surplus_add(&surplus, &sock, round, 7);
        surplus_add(&surplus, &sock, round + 1, 8);
        assert_int_equal(surplus_take(&surplus, &sock, &len), round);
        assert_int_equal(len, 7);
        assert_int_equal(surplus_take(&surplus, &sock, &len), round + 1);
        assert_true(surplus_is_empty(&sock));
        assert_int_equal(surplus.count, 0);
    }
    surplus_free(&surplus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_of_each_socket),
        cmocka_unit_test(can_be_used_again_when_empty),
    };

    return cmocka_run_group_tests_name("surplus", tests, NULL, NULL);
}

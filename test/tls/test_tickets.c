#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/tickets.h"

static const unsigned char secret[TLS_TICKET_SECRET_SIZE] = "a secret";
static const unsigned char other_secret[TLS_TICKET_SECRET_SIZE] = "another secret";
static const uint64_t period = TLS_TICKET_PERIOD_MS;

static void begin(struct tickets *tickets, const unsigned char *from)
{
    assert_true(tickets_init(tickets, NULL, from));
}

static void cores_derive_the_same(void **state)
{
    struct tickets one, two;
    bool old = true;

    (void)state;
    begin(&one, secret);
    begin(&two, secret);
    const struct ticket_keys *sealed = tickets_to_seal(&one, 5 * period + 7);
    assert_non_null(sealed);
    const struct ticket_keys *opened = tickets_to_open(&two, sealed->name, 6 * period - 1, &old);
    assert_non_null(opened);
    assert_false(old);
    assert_memory_equal(sealed->cipher, opened->cipher, sizeof sealed->cipher);
    assert_memory_equal(sealed->mac, opened->mac, sizeof sealed->mac);
    tickets_release(&one);
    tickets_release(&two);
}

static void another_secret_opens_nothing(void **state)
{
    struct tickets one, two;
    bool old;

    (void)state;
    begin(&one, secret);
    begin(&two, other_secret);
    const struct ticket_keys *sealed = tickets_to_seal(&one, 5 * period);
    assert_null(tickets_to_open(&two, sealed->name, 5 * period, &old));
    tickets_release(&one);
    tickets_release(&two);
}

static void keys_last_for_two_periods(void **state)
{
    struct tickets one, two;
    bool old = false;

    (void)state;
    begin(&one, secret);
    begin(&two, secret);
    const struct ticket_keys *sealed = tickets_to_seal(&one, 5 * period);
    assert_non_null(tickets_to_open(&two, sealed->name, 6 * period, &old));
    assert_true(old);
    assert_non_null(tickets_to_open(&two, sealed->name, 7 * period - 1, &old));
    assert_null(tickets_to_open(&two, sealed->name, 7 * period, &old));
    assert_null(tickets_to_open(&two, sealed->name, 4 * period, &old));
    tickets_release(&one);
    tickets_release(&two);
}

static void keys_of_two_periods_differ(void **state)
{
    struct tickets tickets;

    (void)state;
    begin(&tickets, secret);
    struct ticket_keys first = *tickets_to_seal(&tickets, 0);
    struct ticket_keys second = *tickets_to_seal(&tickets, period);
    struct ticket_keys third = *tickets_to_seal(&tickets, 2 * period);
    assert_memory_not_equal(first.name, second.name, sizeof first.name);
    assert_memory_not_equal(first.cipher, second.cipher, sizeof first.cipher);
    assert_memory_not_equal(first.mac, second.mac, sizeof first.mac);
    assert_memory_not_equal(first.cipher, third.cipher, sizeof first.cipher);
    assert_memory_not_equal(first.cipher, first.mac, sizeof first.mac);
    tickets_release(&tickets);
}

static void what_is_released_is_cleared(void **state)
{
    struct tickets tickets;
    static const struct tickets nothing;

    (void)state;
    begin(&tickets, secret);
    assert_non_null(tickets_to_seal(&tickets, 0));
    tickets_release(&tickets);
    assert_memory_equal(&tickets, &nothing, sizeof tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cores_derive_the_same),
        cmocka_unit_test(another_secret_opens_nothing),
        cmocka_unit_test(keys_last_for_two_periods),
        cmocka_unit_test(keys_of_two_periods_differ),
        cmocka_unit_test(what_is_released_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

static void test_adding(void **state)
{
    (void)state;
    char memory[16];
    struct text t = text_in(memory, sizeof memory);

    assert_int_equal(text_room(&t), 16);
    text_add(&t, STR("abc"));
    text_add(&t, STR(""));
    text_add(&t, str_of(NULL, 0));
    text_add(&t, STR("de"));
    assert_true(str_equal(text_str(&t), STR("abcde")));
    assert_ptr_equal(text_str(&t).at, memory);
    assert_int_equal(text_room(&t), 11);
    assert_false(t.cut);
}

/* What does not fit is left out whole; what follows may fit, but the text stays cut. */
static void test_cutting(void **state)
{
    (void)state;
    char memory[8] = "zzzzzzz";
    struct text t = text_in(memory, 4);

    text_add(&t, STR("abc"));
    text_add(&t, STR("de"));
    assert_true(t.cut);
    assert_true(str_equal(text_str(&t), STR("abc")));
    text_add(&t, STR("f"));
    assert_true(t.cut);
    assert_true(str_equal(text_str(&t), STR("abcf")));
    text_add_number(&t, 1);
    assert_int_equal(text_room(&t), 0);
    assert_string_equal(memory, "abcfzzz");
}

static void test_no_room_at_all(void **state)
{
    (void)state;
    struct text t = text_in(NULL, 0);

    text_add(&t, STR(""));
    assert_false(t.cut);
    text_add(&t, STR("a"));
    assert_true(t.cut);
    assert_int_equal(t.len, 0);
}

static void check_number(unsigned long long number)
{
    char memory[32], wanted[32];
    struct text t = text_in(memory, sizeof memory);

    snprintf(wanted, sizeof wanted, "%llu", number);
    text_add_number(&t, number);
    assert_true(str_equal(text_str(&t), str_from(wanted)));
    t = text_in(memory, sizeof memory);
    snprintf(wanted, sizeof wanted, "%llx", number);
    text_add_hex(&t, number);
    assert_true(str_equal(text_str(&t), str_from(wanted)));
}

static void test_numbers(void **state)
{
    (void)state;
    for (unsigned long long number = 0; number < 2000; number++)
        check_number(number);
    for (unsigned long long power = 1; power < ULLONG_MAX / 10; power *= 10) {
        check_number(power - 1);
        check_number(power);
        check_number(power + 1);
    }
    check_number(ULLONG_MAX - 1);
    check_number(ULLONG_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adding),
        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_no_room_at_all),
        cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

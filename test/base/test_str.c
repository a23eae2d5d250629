#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#include <limits.h>

static const struct str nothing = { NULL, 0 };

static void test_making(void **state)
{
    (void)state;
    const struct str fixed = STR_INIT("a\0b");
    const char *text = "hello";

    assert_int_equal(STR("").len, 0);
    assert_int_equal(STR("a\0b").len, 3);
    assert_int_equal(fixed.len, 3);
    assert_int_equal(str_from(text).len, 5);
    assert_ptr_equal(str_from(text).at, text);
    assert_ptr_equal(str_of(text + 1, 2).at, text + 1);
    assert_int_equal(str_of(text + 1, 2).len, 2);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(str_equal(STR("abc"), STR("abc")));
    assert_false(str_equal(STR("abc"), STR("abd")));
    assert_false(str_equal(STR("abc"), STR("ab")));
    assert_false(str_equal(STR("abc"), STR("ABC")));
    assert_true(str_equal(STR("a\0b"), STR("a\0b")));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_true(str_equal(nothing, STR("")));
    assert_false(str_equal(nothing, STR("a")));
}

/* Of all bytes only the letters have two cases. */
static void test_equal_nocase(void **state)
{
    (void)state;
    assert_true(str_equal_nocase(STR("Keep-Alive"), STR("kEEP-aLIVE")));
    assert_false(str_equal_nocase(STR("abc"), STR("abcd")));
    assert_true(str_equal_nocase(nothing, STR("")));
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char left = (char)a, right = (char)b;
            bool letter = (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
            bool wanted = a == b || (letter && (a ^ b) == 0x20);
            assert_int_equal(str_equal_nocase(str_of(&left, 1), str_of(&right, 1)), wanted);
        }
    }
}

static void test_starts_and_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("")));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("abc")));
    assert_false(str_starts(STR("abc"), STR("abcd")));
    assert_false(str_starts(STR("abc"), STR("b")));
    assert_true(str_ends(STR("abc"), STR("")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(STR("abc"), STR("abc")));
    assert_false(str_ends(STR("abc"), STR("xabc")));
    assert_false(str_ends(STR("abc"), STR("b")));
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(str_equal(str_trim(STR("a b")), STR("a b")));
    assert_true(str_equal(str_trim(STR(" \ta\tb \t")), STR("a\tb")));
    assert_true(str_equal(str_trim(STR("\r\n")), STR("\r\n")));
    assert_int_equal(str_trim(STR(" \t ")).len, 0);
    assert_int_equal(str_trim(STR("")).len, 0);
    assert_int_equal(str_trim(nothing).len, 0);
}

static void check_list(struct str list, const char *const *wanted, size_t count)
{
    struct str member = STR("untouched");

    for (size_t i = 0; i < count; i++) {
        assert_true(str_next(&list, ',', &member));
        assert_true(str_equal(member, str_from(wanted[i])));
    }
    member = STR("untouched");
    assert_false(str_next(&list, ',', &member));
    assert_true(str_equal(member, STR("untouched")));
}

static void test_next(void **state)
{
    (void)state;
    check_list(STR(""), NULL, 0);
    check_list(nothing, NULL, 0);
    check_list(STR("a"), (const char *[]){ "a" }, 1);
    check_list(STR("a,b"), (const char *[]){ "a", "b" }, 2);
    check_list(STR(" a\t, b c ,"), (const char *[]){ "a", "b c" }, 2);
    check_list(STR(",,a"), (const char *[]){ "", "", "a" }, 3);
    check_list(STR(" "), (const char *[]){ "" }, 1);
}

static void check_number(struct str s, unsigned long long max, bool is_one,
                         unsigned long long wanted)
{
    unsigned long long got = 77;

    assert_int_equal(str_number(s, max, &got), is_one);
    assert_true(got == (is_one ? wanted : 77));
}

static void test_next_word(void **state)
{
    struct str line = STR(" one\t two\r");

    (void)state;
    assert_true(str_equal(str_next_word(&line), STR("one")));
    assert_true(str_equal(str_next_word(&line), STR("two")));
    assert_int_equal(str_next_word(&line).len, 0);
    assert_int_equal(line.len, 0);
    line = STR(" \t\r");
    assert_int_equal(str_next_word(&line).len, 0);
    line = STR("");
    assert_int_equal(str_next_word(&line).len, 0);
}

static void test_number(void **state)
{
    (void)state;
    check_number(STR("0"), 10, true, 0);
    check_number(STR("10"), 10, true, 10);
    check_number(STR("11"), 10, false, 0);
    check_number(STR("100"), 10, false, 0);
    check_number(STR("0000000000000000000000010"), 10, true, 10);
    check_number(STR("0"), 0, true, 0);
    check_number(STR("1"), 0, false, 0);
    check_number(STR("18446744073709551615"), ULLONG_MAX, true, ULLONG_MAX);
    check_number(STR("18446744073709551616"), ULLONG_MAX, false, 0);
    check_number(STR("99999999999999999999"), ULLONG_MAX, false, 0);
    check_number(STR("9223372036854775807"), LLONG_MAX, true, LLONG_MAX);
    check_number(STR("9223372036854775808"), LLONG_MAX, false, 0);
    check_number(STR(""), 10, false, 0);
    check_number(nothing, 10, false, 0);
    check_number(STR("-1"), 10, false, 0);
    check_number(STR("+1"), 10, false, 0);
    check_number(STR(" 1"), 10, false, 0);
    check_number(STR("1 "), 10, false, 0);
    check_number(STR("1a"), 10, false, 0);
    check_number(STR("/"), 10, false, 0);
    check_number(STR(":"), 10, false, 0);
}

/* Below every limit everything is a number, and the next one is not. */
static void test_every_limit(void **state)
{
    (void)state;
    for (unsigned long long max = 0; max < 130; max++) {
        for (unsigned long long number = 0; number < 300; number++) {
            char digits[] = { (char)('0' + number / 100), (char)('0' + number / 10 % 10),
                              (char)('0' + number % 10) };
            check_number(str_of(digits, 3), max, number <= max, number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making),       cmocka_unit_test(test_equal),
        cmocka_unit_test(test_equal_nocase), cmocka_unit_test(test_starts_and_ends),
        cmocka_unit_test(test_trim),         cmocka_unit_test(test_next),
        cmocka_unit_test(test_next_word),    cmocka_unit_test(test_number),
        cmocka_unit_test(test_every_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

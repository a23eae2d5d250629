#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

#include <stdlib.h>

/* Each is one character. */
static const struct {
    const char *bytes;
    uint32_t point;
} valid_rows[] = {
    { "a", 'a' },
    { "\x7f", 0x7f },
    { "\xc2\x80", 0x80 },
    { "\xdf\xbf", 0x7ff },
    { "\xe0\xa0\x80", 0x800 },
    { "\xed\x9f\xbf", 0xd7ff },
    { "\xee\x80\x80", 0xe000 },
    { "\xef\xbf\xbf", 0xffff },
    { "\xf0\x90\x80\x80", 0x10000 },
    { "\xf4\x8f\xbf\xbf", 0x10ffff },
};

/* The first byte of each is none. */
static const char *const invalid_rows[] = {
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc3",
    "\xc3(",
    "\xe0\x80\x80",
    "\xe0\x9f\xbf",
    "\xe2\x82",
    "\xe2(\xa1",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x80\x80\x80",
    "\xf0\x8f\xbf\xbf",
    "\xf0\x9f\x98",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xf8\x88\x80\x80\x80",
    "\xfe",
    "\xff",
};

/* At the end of memory of its own, so that the sanitizer sees a step too far. */
static uint32_t first_of(const char *bytes, size_t *used, bool *valid)
{
    size_t len = strlen(bytes);
    char *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    struct str s = str_of(copy, len);
    uint32_t point = utf8_next(&s, valid);
    *used = len - s.len;
    free(copy);
    return point;
}

static void test_valid(void **state)
{
    size_t used;
    bool valid;

    (void)state;
    for (size_t i = 0; i < sizeof valid_rows / sizeof valid_rows[0]; i++) {
        assert_int_equal(first_of(valid_rows[i].bytes, &used, &valid), valid_rows[i].point);
        assert_true(valid);
        assert_int_equal(used, strlen(valid_rows[i].bytes));
    }
}

static void test_invalid(void **state)
{
    size_t used;
    bool valid;

    (void)state;
    for (size_t i = 0; i < sizeof invalid_rows / sizeof invalid_rows[0]; i++) {
        assert_int_equal(first_of(invalid_rows[i], &used, &valid), UTF8_INVALID);
        assert_false(valid);
        assert_int_equal(used, 1);
    }
}

static void test_replacement_character_is_valid(void **state)
{
    size_t used;
    bool valid;

    (void)state;
    assert_int_equal(first_of("\xef\xbf\xbd", &used, &valid), UTF8_INVALID);
    assert_true(valid);
    assert_int_equal(used, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_replacement_character_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/chars.h"

#include <string.h>

#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS     "0123456789"
#define SUB_DELIMS "!$&'()*+,;="

static bool is_in(int byte, const char *set)
{
    return byte != 0 && strchr(set, byte) != NULL;
}

static void check_set(int classes, const char *set)
{
    for (int byte = 0; byte < 256; byte++)
        if (http_char_is((char)byte, classes) != is_in(byte, set))
            fail_msg("byte 0x%02x, class 0x%02x", (unsigned)byte, (unsigned)classes);
}

/* The sets as the RFCs write them down. */
static void test_sets(void **state)
{
    (void)state;
    check_set(HTTP_CHAR_TOKEN, "!#$%&'*+-.^_`|~" DIGITS LETTERS);
    check_set(HTTP_CHAR_NAME, LETTERS DIGITS "-._~" SUB_DELIMS);
    check_set(HTTP_CHAR_PATH, LETTERS DIGITS "-._~" SUB_DELIMS ":@/");
    check_set(HTTP_CHAR_WORD, LETTERS "-");
    check_set(HTTP_CHAR_HOST, LETTERS DIGITS "-.");
}

static void test_ranges(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool visible = byte > 0x20 && byte != 0x7f;
        assert_int_equal(http_char_is((char)byte, HTTP_CHAR_TARGET), visible && byte != '#');
        assert_int_equal(http_char_is((char)byte, HTTP_CHAR_VALUE),
                         visible || byte == ' ' || byte == '\t');
        assert_int_equal(http_char_is((char)byte, HTTP_CHAR_TEXT), byte >= 0x20 && byte < 0x7f);
    }
}

static void test_hex_digits(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        int wanted = -1;
        for (int value = 0; value < 16; value++)
            if (byte == "0123456789abcdef"[value] || byte == "0123456789ABCDEF"[value])
                wanted = value;
        assert_int_equal(http_hex_digit((char)byte), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_hex_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

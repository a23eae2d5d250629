#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/date.h"

#include <stdio.h>
#include <time.h>

#define EXAMPLE 784111777  /* of RFC 9110 5.6.7 */
#define NOW     1795000000 /* November 2026 */

enum { DAY = 86400 };

static const int64_t first_second = -62135596800; /* 0001-01-01 00:00:00 */
static const int64_t last_second = 253402300799;  /* 9999-12-31 23:59:59 */

static void check_written(int64_t seconds, const char *wanted)
{
    char out[HTTP_DATE_LEN];

    http_date_write(out, seconds);
    assert_memory_equal(out, wanted, HTTP_DATE_LEN);
}

static void check_log_written(int64_t seconds, const char *wanted)
{
    char out[HTTP_LOG_DATE_LEN];

    http_log_date_write(out, seconds);
    assert_memory_equal(out, wanted, HTTP_LOG_DATE_LEN);
}

static void check_iso_written(int64_t seconds, const char *wanted)
{
    char out[HTTP_ISO_DATE_LEN];

    http_iso_date_write(out, seconds);
    assert_memory_equal(out, wanted, HTTP_ISO_DATE_LEN);
}

static void test_write(void **state)
{
    (void)state;
    check_written(EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT");
    check_written(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_written(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    check_written(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check_written(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT");
    check_written(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    check_written(first_second, "Mon, 01 Jan 0001 00:00:00 GMT");
    check_written(first_second - 1, "Mon, 01 Jan 0001 00:00:00 GMT");
    check_written(INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT");
    check_written(last_second, "Fri, 31 Dec 9999 23:59:59 GMT");
    check_written(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    check_log_written(EXAMPLE, "06/Nov/1994:08:49:37 +0000");
    check_log_written(INT64_MIN, "01/Jan/0001:00:00:00 +0000");
    check_log_written(INT64_MAX, "31/Dec/9999:23:59:59 +0000");
    check_iso_written(EXAMPLE, "1994-11-06T08:49:37Z");
    check_iso_written(INT64_MIN, "0001-01-01T00:00:00Z");
    check_iso_written(INT64_MAX, "9999-12-31T23:59:59Z");
}

/* The C library's calendar, in the C locale that a test program starts in, has the same days. */
static void test_like_the_library(void **state)
{
    (void)state;
    for (int64_t t = first_second; t <= last_second; t += 9 * DAY + 4211) {
        char wanted[64], log[64];
        time_t seconds = t;
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        int year = tm.tm_year + 1900;
        size_t len = strftime(wanted, sizeof wanted, "%a, %d %b ", &tm);
        snprintf(wanted + len, sizeof wanted - len, "%04d %02d:%02d:%02d GMT", year, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        check_written(t, wanted);
        len = strftime(log, sizeof log, "%d/%b/", &tm);
        snprintf(log + len, sizeof log - len, "%04d:%02d:%02d:%02d +0000", year, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        check_log_written(t, log);
    }
}

static void check_read(const char *text, int64_t now, int64_t wanted)
{
    int64_t got = 12345;

    if (!http_date_read(str_from(text), now, &got))
        fail_msg("'%s' was not read", text);
    if (got != wanted)
        fail_msg("'%s' was read as %lld", text, (long long)got);
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (int64_t t = first_second; t <= last_second; t += 11 * DAY + 17) {
        char text[HTTP_DATE_LEN + 1] = { 0 };
        http_date_write(text, t);
        check_read(text, NOW, t);
    }
}

static void test_three_forms(void **state)
{
    (void)state;
    check_read("Sun, 06 Nov 1994 08:49:37 GMT", NOW, EXAMPLE);
    check_read("Sunday, 06-Nov-94 08:49:37 GMT", NOW, EXAMPLE);
    check_read("Sun Nov  6 08:49:37 1994", NOW, EXAMPLE);
    check_read("Sun Nov 06 08:49:37 1994", NOW, EXAMPLE);
    check_read("Wed Nov 16 08:49:37 1994", NOW, EXAMPLE + 10 * DAY);
    check_read("Mon, 06 Nov 1994 08:49:37 GMT", NOW, EXAMPLE); /* a Sunday */
    check_read("Thu, 29 Feb 2024 00:00:00 GMT", NOW, 1709164800);
    check_read("Sat, 31 Dec 2016 23:59:60 GMT", NOW, 1483228800);
}

/* More than 50 years ahead is the century before. */
static void test_century(void **state)
{
    (void)state;
    check_read("Friday, 01-Jan-99 00:00:00 GMT", NOW, 915148800);
    check_read("Saturday, 01-Jan-00 00:00:00 GMT", NOW, 946684800);
    check_read("Sunday, 01-Nov-26 00:00:00 GMT", NOW, 1793491200);
    check_read("Wednesday, 01-Jan-76 00:00:00 GMT", NOW, 3345062400);
    check_read("Friday, 31-Dec-76 00:00:00 GMT", NOW, 220838400);
    check_read("Friday, 01-Jan-77 00:00:00 GMT", NOW, 220924800);
    check_read("Thursday, 01-Jan-70 00:00:00 GMT", 0, 0);
    check_read("Tuesday, 29-Feb-00 00:00:00 GMT", NOW, 951782400);
}

static const char *const wrong[] = {
    "",
    " ",
    "Sun",
    "0",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 gmt",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "sun, 06 Nov 1994 08:49:37 GMT",
    "SUN, 06 Nov 1994 08:49:37 GMT",
    "Son, 06 Nov 1994 08:49:37 GMT",
    "Sun  06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun,  6 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06 Nov 19944 08:49:37 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:60 GMT",
    "Sun, 06 Nov 1994 23:59:61 GMT",
    "Sun, 06 Nov 1994 -8:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 32 Dec 1994 08:49:37 GMT",
    "Sun, 29 Feb 2023 08:49:37 GMT",
    "Sun, 30 Feb 2024 08:49:37 GMT",
    "Sun, 29 Feb 2100 08:49:37 GMT",
    "Sun, 06 Nov 0000 08:49:37 GMT",
    "Sun, 06 Nov 1x94 08:49:37 GMT",
    "Sun, 0x Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sunday, 6-Nov-94 08:49:37 GMT",
    "Sunday 06-Nov-94 08:49:37 GMT",
    "sunday, 06-Nov-94 08:49:37 GMT",
    "Sundax, 06-Nov-94 08:49:37 GMT",
    ", 06-Nov-94 08:49:37 GMT",
    "Sunday, 31-Nov-94 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov  6 08:49:37 1994 GMT",
    "Sun Nov   08:49:37 1994",
    "Sun Nov  0 08:49:37 1994",
    "Sun Nov 6  08:49:37 1994",
    "Sun Nov 31 08:49:37 1994",
    "Sun, Nov  6 08:49:37 1994",
    "1994-11-06T08:49:37Z",
    "784111777",
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t got = 12345;
        if (http_date_read(str_from(wrong[i]), NOW, &got))
            fail_msg("'%s' was read", wrong[i]);
        assert_int_equal(got, 12345);
    }
    int64_t got;
    assert_false(http_date_read(str_of(NULL, 0), NOW, &got));
}

/* A date with any one byte changed is refused, or read as another date, but never over the edge. */
static void test_changed_bytes(void **state)
{
    (void)state;
    const char *const forms[] = { "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                  "Sun Nov  6 08:49:37 1994" };

    for (size_t form = 0; form < 3; form++) {
        size_t len = strlen(forms[form]);
        for (size_t place = 0; place < len; place++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[32];
                int64_t got;
                memcpy(text, forms[form], len);
                text[place] = (char)byte;
                if (!http_date_read(str_of(text, len), NOW, &got) || byte == forms[form][place])
                    continue;
                bool digit = forms[form][place] >= '0' && forms[form][place] <= '9';
                assert_true((byte >= '0' && byte <= '9') || byte == ' ' || !digit);
            }
            int64_t got;
            assert_false(http_date_read(str_of(forms[form], place), NOW, &got));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),          cmocka_unit_test(test_like_the_library),
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_three_forms),
        cmocka_unit_test(test_century),        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_changed_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

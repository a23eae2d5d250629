#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/status.h"

static void test_reasons(void **state)
{
    (void)state;
    assert_true(str_equal(http_reason(200), STR("OK")));
    assert_true(str_equal(http_reason(304), STR("Not Modified")));
    assert_true(str_equal(http_reason(400), STR("Bad Request")));
    assert_true(str_equal(http_reason(405), STR("Method Not Allowed")));
    assert_true(str_equal(http_reason(413), STR("Content Too Large")));
    assert_true(str_equal(http_reason(505), STR("HTTP Version Not Supported")));
    for (int status = -10; status < 1000; status++)
        assert_true(http_reason(status).len > 0);
    assert_true(str_equal(http_reason(299), STR("Unknown")));
    assert_true(str_equal(http_reason(0), STR("Unknown")));
}

/* What must and must not close the connection is laid down for each of these. */
static void test_keeping(void **state)
{
    (void)state;
    const int close[] = { 400, 408, 413, 414, 431, 501, 503, 505 };
    const int keep[] = { 100, 200, 204, 206, 301, 304, 403, 404, 405, 412, 416, 417, 500 };

    for (size_t i = 0; i < sizeof close / sizeof close[0]; i++)
        assert_false(http_status_keeps(close[i]));
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++)
        assert_true(http_status_keeps(keep[i]));
    for (int status = 100; status < 400; status++)
        assert_true(http_status_keeps(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_keeping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

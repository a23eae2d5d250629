#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/method.h"

static void test_there_and_back(void **state)
{
    (void)state;
    for (int method = HTTP_GET; method < HTTP_METHOD_UNKNOWN; method++) {
        struct str name = http_method_name((enum http_method)method);
        assert_true(name.len > 0);
        assert_int_equal(http_method_of(name), method);
        assert_int_equal(http_method_of(str_of(name.at, name.len - 1)), HTTP_METHOD_UNKNOWN);
    }
    assert_int_equal(http_method_name(HTTP_METHOD_UNKNOWN).len, 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(http_method_of(STR("GET")), HTTP_GET);
    assert_int_equal(http_method_of(STR("HEAD")), HTTP_HEAD);
    assert_int_equal(http_method_of(STR("PATCH")), HTTP_PATCH);
    assert_int_equal(http_method_of(STR("CONNECT")), HTTP_CONNECT);
    assert_int_equal(http_method_of(STR("get")), HTTP_METHOD_UNKNOWN);
    assert_int_equal(http_method_of(STR("GETS")), HTTP_METHOD_UNKNOWN);
    assert_int_equal(http_method_of(STR("PROPFIND")), HTTP_METHOD_UNKNOWN);
    assert_int_equal(http_method_of(STR("")), HTTP_METHOD_UNKNOWN);
    assert_int_equal(http_method_of(str_of(NULL, 0)), HTTP_METHOD_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

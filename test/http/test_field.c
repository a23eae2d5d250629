#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/field.h"

static void parse(struct http_request *r, struct str head)
{
    assert_int_equal(http_request_parse(r, head.at, head.len, HTTP_HEAD_MAX), head.len);
}

static void test_fields_in_order(void **state)
{
    (void)state;
    struct http_request r;
    const struct http_field wanted[] = {
        { STR("Host"), STR("h") },
        { STR("A"), STR("1") },
        { STR("b_9"), STR("two words") },
        { STR("A"), STR("") },
        { STR("Long-Name-Of-A-Field-That-Is-Longer-Than-Most"), STR("a:b") },
        { STR("Caf"), STR("\xc3\xa9") },
    };

    parse(&r, STR("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nb_9: \t two words\t \r\nA:\r\n"
                  "Long-Name-Of-A-Field-That-Is-Longer-Than-Most:a:b\r\nCaf: \xc3\xa9\r\n\r\n"));
    assert_int_equal(r.field_count, sizeof wanted / sizeof wanted[0]);
    for (unsigned i = 0; i < r.field_count; i++) {
        struct http_field field = http_field_at(&r, i);
        assert_true(str_equal(field.name, wanted[i].name));
        assert_true(str_equal(field.value, wanted[i].value));
        assert_non_null(field.value.at);
    }
}

static void test_next_of_a_name(void **state)
{
    (void)state;
    struct http_request r;
    struct str value = STR("untouched");
    unsigned at = 0;

    parse(&r,
          STR("GET / HTTP/1.1\r\nHost: h\r\nAb: 1\r\nA: 2\r\naB:\t3\t\r\nAbc: 4\r\nAB:\r\n\r\n"));
    assert_true(http_field_next(&r, STR("ab"), &at, &value));
    assert_true(str_equal(value, STR("1")));
    assert_int_equal(at, 2);
    assert_true(http_field_next(&r, STR("ab"), &at, &value));
    assert_true(str_equal(value, STR("3")));
    assert_true(http_field_next(&r, STR("ab"), &at, &value));
    assert_true(str_equal(value, STR("")));
    assert_int_equal(at, 6);
    value = STR("untouched");
    assert_false(http_field_next(&r, STR("ab"), &at, &value));
    assert_int_equal(at, 6);
    assert_true(str_equal(value, STR("untouched")));
}

/* A name is the whole of what stands before the first colon. */
static void test_no_such_name(void **state)
{
    (void)state;
    struct http_request r;
    const struct str others[] = { STR(""), STR("Hos"), STR("Host:"), STR("Host: h"), STR("ost") };
    struct str value;

    parse(&r, STR("GET / HTTP/1.1\r\nHost: h:80\r\n\r\n"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        unsigned at = 0;
        assert_false(http_field_next(&r, others[i], &at, &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_in_order),
        cmocka_unit_test(test_next_of_a_name),
        cmocka_unit_test(test_no_such_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

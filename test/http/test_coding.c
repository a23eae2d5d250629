#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/coding.h"

enum { GZIP = 1 << HTTP_GZIP, ZSTD = 1 << HTTP_ZSTD, BR = 1 << HTTP_BR, ALL = GZIP | ZSTD | BR };

struct row {
    const char *value;
    unsigned available;
    enum http_coding wanted;
};

static const struct row rows[] = {
    /* RFC 9110 12.5.3: examples, and what each sentence says. */
    { "compress, gzip", ALL, HTTP_GZIP },
    { "", ALL, HTTP_IDENTITY },
    { "*", ALL, HTTP_BR },
    { "*", GZIP, HTTP_GZIP },
    { "compress;q=0.5, gzip;q=1.0", ALL, HTTP_GZIP },
    { "gzip;q=1.0, identity; q=0.5, *;q=0", ALL, HTTP_GZIP },
    { "gzip;q=1.0, identity; q=0.5, *;q=0", BR, HTTP_IDENTITY },
    /* What browsers and load generators send. */
    { "gzip, deflate, br, zstd", ALL, HTTP_BR },
    { "gzip, deflate, br, zstd", GZIP | ZSTD, HTTP_ZSTD },
    { "gzip, deflate, br, zstd", GZIP, HTTP_GZIP },
    { "gzip, deflate, br, zstd", 0, HTTP_IDENTITY },
    { "br;q=1, gzip;q=0.8", ALL, HTTP_BR },
    { "br;q=1, gzip;q=0.8", GZIP | ZSTD, HTTP_GZIP },
    /* Weights decide before our own order. */
    { "br;q=0.1, gzip;q=0.2", ALL, HTTP_GZIP },
    { "br;q=0.001", ALL, HTTP_BR },
    { "br;q=0", ALL, HTTP_IDENTITY },
    { "br;q=0.000, gzip", ALL, HTTP_GZIP },
    { "*;q=0.5, br;q=0", ALL, HTTP_ZSTD },
    { "identity, gzip;q=0.9", ALL, HTTP_IDENTITY },
    { "identity;q=0.9, gzip;q=0.9", ALL, HTTP_GZIP },
    { "identity;q=0, gzip;q=0.1", ALL, HTTP_GZIP },
    /* Nothing acceptable is there: identity all the same. */
    { "identity;q=0", 0, HTTP_IDENTITY },
    { "*;q=0", ALL, HTTP_IDENTITY },
    { "identity;q=0, br", GZIP, HTTP_IDENTITY },
    /* Case, white space, empty members, repeated names. */
    { "GZip", ALL, HTTP_GZIP },
    { "x-gzip", ALL, HTTP_GZIP },
    { " \tgzip ;\tQ=0.7 , ,", ALL, HTTP_GZIP },
    { "gzip;", ALL, HTTP_GZIP },
    { "br;q=0, br", ALL, HTTP_BR },
    { "br, br;q=0", ALL, HTTP_IDENTITY },
    /* What breaks the grammar is passed over. */
    { "br;q=2", ALL, HTTP_IDENTITY },
    { "br;q=1.001", ALL, HTTP_IDENTITY },
    { "br;q=0.1234", ALL, HTTP_IDENTITY },
    { "br;q=", ALL, HTTP_IDENTITY },
    { "br;q=.5", ALL, HTTP_IDENTITY },
    { "br;q=-1, gzip", ALL, HTTP_GZIP },
    { "br;level=5", ALL, HTTP_IDENTITY },
    { "br;q=1;x=y", ALL, HTTP_IDENTITY },
    { "br gzip", ALL, HTTP_IDENTITY },
    { ";q=1", ALL, HTTP_IDENTITY },
    { "brotli, gzipped", ALL, HTTP_IDENTITY },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_accept_coding accepts = http_accept_coding(str_from(rows[i].value));
        enum http_coding chosen = http_coding_choose(accepts, rows[i].available);
        if (chosen != rows[i].wanted)
            fail_msg("\"%s\" of %#x gives %d, not %d", rows[i].value, rows[i].available,
                     (int)chosen, (int)rows[i].wanted);
    }
}

static void test_no_field(void **state)
{
    struct http_accept_coding accepts = http_accept_coding((struct str){ 0 });

    (void)state;
    assert_int_equal(http_coding_choose(accepts, ALL), HTTP_IDENTITY);
}

static void test_members_have_a_limit(void **state)
{
    char value[65 * 2 + sizeof "br"];
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 64; i++) {
        value[len++] = 'a';
        value[len++] = ',';
    }
    memcpy(value + len, "br", 2);
    assert_int_equal(http_coding_choose(http_accept_coding(str_of(value, len + 2)), ALL),
                     HTTP_IDENTITY);
    assert_int_equal(http_coding_choose(http_accept_coding(str_of(value + 2, len)), ALL), HTTP_BR);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(str_equal(http_coding_name(HTTP_IDENTITY), STR("identity")));
    assert_true(str_equal(http_coding_name(HTTP_GZIP), STR("gzip")));
    assert_true(str_equal(http_coding_name(HTTP_ZSTD), STR("zstd")));
    assert_true(str_equal(http_coding_name(HTTP_BR), STR("br")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_field),
        cmocka_unit_test(test_members_have_a_limit),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/authority.h"

struct authority {
    struct str whole;
    const char *host, *port; /* NULL: refused */
};

static const struct authority authorities[] = {
    { STR_INIT(""), "", "" },
    { STR_INIT("localhost"), "localhost", "" },
    { STR_INIT("localhost:"), "localhost", "" },
    { STR_INIT("a.b-c_d~e:8080"), "a.b-c_d~e", "8080" },
    { STR_INIT("!$&'()*+,;="), "!$&'()*+,;=", "" },
    { STR_INIT("caf%C3%a9:1"), "caf%C3%a9", "1" },
    { STR_INIT(":80"), "", "80" },
    { STR_INIT("127.0.0.1:1"), "127.0.0.1", "1" },
    { STR_INIT("[::1]"), "[::1]", "" },
    { STR_INIT("[fe80::1]:443"), "[fe80::1]", "443" },
    { STR_INIT("[v1.a:b]:2"), "[v1.a:b]", "2" },
    { STR_INIT("a b"), NULL, NULL },
    { STR_INIT("a:8x"), NULL, NULL },
    { STR_INIT("a:1:2"), NULL, NULL },
    { STR_INIT("a/b"), NULL, NULL },
    { STR_INIT("a@b"), NULL, NULL },
    { STR_INIT("%4"), NULL, NULL },
    { STR_INIT("%zz"), NULL, NULL },
    { STR_INIT("caf\xc3\xa9"), NULL, NULL },
    { STR_INIT("[::1"), NULL, NULL },
    { STR_INIT("[]"), NULL, NULL },
    { STR_INIT("[::g]"), NULL, NULL },
    { STR_INIT("[::1]x"), NULL, NULL },
    { STR_INIT("[v.a]"), NULL, NULL },
    { STR_INIT("[v1.]"), NULL, NULL },
    { STR_INIT("[1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5]"), NULL, NULL },
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        const struct authority *a = &authorities[i];
        struct str host, port;
        if (http_authority_split(a->whole, &host, &port) != (a->host != NULL))
            fail_msg("%s", a->whole.at);
        if (a->host)
            assert_true(str_equal(host, str_from(a->host)) && str_equal(port, str_from(a->port)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

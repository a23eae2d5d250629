#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/url.h"

struct good_case {
    const char *text;
    bool tls;
    const char *authority, *host, *port, *target;
};

static const struct good_case good[] = {
    { "http://a", false, "a", "a", "80", "/" },
    { "HTTP://a/", false, "a", "a", "80", "/" },
    { "https://a", true, "a", "a", "443", "/" },
    { "http://127.0.0.1:8080/x?y=z", false, "127.0.0.1:8080", "127.0.0.1", "8080", "/x?y=z" },
    { "http://[::1]:81/b#part", false, "[::1]:81", "::1", "81", "/b" },
    { "https://[::1]/", true, "[::1]", "::1", "443", "/" },
    { "http://a:65535//:@", false, "a:65535", "a", "65535", "//:@" },
};

static const char *const bad[] = {
    "",
    "a",
    "ftp://a/",
    "http:/a",
    "http://",
    "http:///x",
    "http://:80/",
    "http://a:/",
    "http://a:0/",
    "http://a:x/",
    "http://a:65536/",
    "http://u@a/",
    "http://[::1",
    "http://[]/",
    "http://[::1]x/",
    "http://a/ b",
    "http://a/\tb",
    "http://a?x",
    "http://a b/",
};

static void assert_str(struct str s, const char *expected)
{
    assert_true(str_equal(s, str_from(expected)));
}

static void good_urls_are_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct url url;
        struct sentence why;

        assert_true(url_parse(str_from(good[i].text), &url, &why));
        assert_int_equal(url.tls, good[i].tls);
        assert_str(url.authority, good[i].authority);
        assert_str(url.host, good[i].host);
        assert_str(url.port, good[i].port);
        assert_str(url.target, good[i].target);
    }
}

static void bad_urls_are_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct url url;
        struct sentence why = { "" };

        if (url_parse(str_from(bad[i]), &url, &why))
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(why.text) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_taken_apart),
        cmocka_unit_test(bad_urls_are_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/redirects.h"

#include <stdlib.h>

static const char file[] = "\xef\xbb\xbf# moved\n"
                           "\n"
                           "/old            /new\n"
                           "/blog/*         https://blog.example/:splat 302 # theirs now\r\n"
                           "/news/:y/:m     /:m/of/:y?from=:y#top 308\n"
                           "\t/app/*  /index.html\t200\n"
                           "/raw*           /:splat 307!\n"
                           "/gone/*         /404.html 404\n"
                           "/old            /never\n"
                           "/port           http://127.0.0.1:8080/x 303\n"
                           "/go/:name/*     /:splat/:name\n"
                           "/caf%C3%A9      /coffee\n"
                           "/find/*         /search?of=a&q=:splat#:splat 302";

struct row {
    const char *path;
    int status; /* 0: no rule fits */
    const char *target;
    bool forced;
    unsigned line;
};

static const struct row rows[] = {
    { "/old", 301, "/new", false, 3 },
    { "/old/", 0, "", false, 0 },
    { "/blog/", 302, "https://blog.example/", false, 4 },
    { "/blog/a b/\xc3\xa9", 302, "https://blog.example/a%20b/%C3%A9", false, 4 },
    { "/blog/100%?#", 302, "https://blog.example/100%25%3F%23", false, 4 },
    { "/news/2026/11", 308, "/11/of/2026?from=2026#top", false, 5 },
    { "/app/x", 200, "/index.html", false, 6 },
    { "/rawdata", 307, "/data", true, 7 },
    { "/raw/evil.example", 307, "/evil.example", true, 7 },
    { "/raw\\evil.example", 307, "/%5Cevil.example", true, 7 },
    { "/gone/x", 404, "/404.html", false, 8 },
    { "/port", 303, "http://127.0.0.1:8080/x", false, 10 },
    { "/go/evil.example/", 301, "/evil.example", false, 11 },
    { "/go/evil.example/x", 301, "/x/evil.example", false, 11 },
    { "/go/a//b", 301, "/b/a", false, 11 },
    { "/caf\xc3\xa9", 301, "/coffee", false, 12 },
    { "/find/b&c=d+e;f/?#", 302, "/search?of=a&q=b%26c%3Dd%2Be%3Bf/%3F%23#b%26c%3Dd%2Be%3Bf/%3F%23",
      false, 13 },
    { "/other", 0, "", false, 0 },
};

static void test_rows(void **state)
{
    struct redirects redirects;
    struct rule_error error;

    (void)state;
    assert_true(redirects_parse(&redirects, str_from(file), &error));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str path = str_from(rows[i].path);
        struct pattern_match match;
        char space[256];
        struct text target = text_in(space, sizeof space);
        const struct redirect *rule = redirects_find(&redirects, path, false, &match);

        assert_int_equal(rule ? rule->status : 0, rows[i].status);
        if (!rule)
            continue;
        redirect_write(&target, rule, &match);
        if (target.cut || !str_equal(text_str(&target), str_from(rows[i].target)))
            fail_msg("%s leads to %.*s", rows[i].path, (int)target.len, target.at);
        assert_int_equal(rule->forced, rows[i].forced);
        assert_int_equal(rule->line, rows[i].line);
        assert_true((redirects_find(&redirects, path, true, &match) != NULL) == rows[i].forced);
    }
    redirects_release(&redirects);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {
        { "/a", 1 },
        { "# x\n\n/a /b\n/c\n", 4 },
        { "a /b", 1 },
        { "/a b", 1 },
        { "/a //evil.example", 1 },
        { "/a /\\evil.example", 1 },
        { "/a javascript:alert(1)", 1 },
        { "/a ftp://x/", 1 },
        { "/a /b 300", 1 },
        { "/a /b 3o1", 1 },
        { "/a /b 99999999999", 1 },
        { "/a /b 301 Country=de", 1 },
        { "/a https://x/ 200", 1 },
        { "/a https://x/ 404", 1 },
        { "/a /a", 1 },
        { "/a?x=1 /b", 1 },
        { "/a/../../b /c", 1 },
        { "/%zz /c", 1 },
        { "/*/* /b", 1 },
        { "/:a /:b", 1 },
        { "/a /:splat", 1 },
        { "/a /b\x01", 1 },
        { "/a /b !!", 1 },
        { "/a /b\r/c /d\r", 1 },
        { "# moved\r/c /d\r", 1 },
        { "/a/* https://example.com:splat", 1 },
        { "/a/* http://:splat/", 1 },
        { "/a/* https://:splat.example.com/", 1 },
        { "/a/:b https://:b@example.com?x", 1 },
    };
    struct redirects redirects;
    struct rule_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (redirects_parse(&redirects, str_from(bad[i].text), &error))
            fail_msg("%s is taken", bad[i].text);
        assert_int_equal(error.line, bad[i].line);
        assert_non_null(error.why);
        assert_null(redirects.rules);
    }
}

static void test_nothing(void **state)
{
    static const char *const empty[] = { "", "\n\n", "# only a comment", " \t\r\n" };
    struct redirects redirects;
    struct rule_error error;
    struct pattern_match match;

    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_true(redirects_parse(&redirects, str_from(empty[i]), &error));
        assert_null(redirects_find(&redirects, STR("/"), false, &match));
        redirects_release(&redirects);
    }
}

/* As many rules as there may be, and one more; as many bytes, and one more. */
static void test_limits(void **state)
{
    static const char rule[] = "/a /b\n";
    size_t len = sizeof rule - 1, most = (REDIRECTS_MAX + 1) * len;
    char *text = malloc(REDIRECTS_FILE_MAX + 1);
    struct redirects redirects;
    struct rule_error error;

    (void)state;
    assert_non_null(text);
    for (size_t at = 0; at < most; at += len)
        memcpy(text + at, rule, len);
    assert_true(redirects_parse(&redirects, str_of(text, most - len), &error));
    assert_int_equal(redirects.count, REDIRECTS_MAX);
    redirects_release(&redirects);
    assert_false(redirects_parse(&redirects, str_of(text, most), &error));
    assert_int_equal(error.line, REDIRECTS_MAX + 1);

    memset(text, '\n', REDIRECTS_FILE_MAX + 1);
    assert_true(redirects_parse(&redirects, str_of(text, REDIRECTS_FILE_MAX), &error));
    redirects_release(&redirects);
    assert_false(redirects_parse(&redirects, str_of(text, REDIRECTS_FILE_MAX + 1), &error));
    assert_int_equal(error.line, 0);

    memset(text, 'x', REDIRECTS_TO_MAX + 10);
    memcpy(text, "/a /", 4);
    assert_true(redirects_parse(&redirects, str_of(text, 3 + REDIRECTS_TO_MAX), &error));
    redirects_release(&redirects);
    assert_false(redirects_parse(&redirects, str_of(text, 4 + REDIRECTS_TO_MAX), &error));
    assert_int_equal(error.line, 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/field_rules.h"

#include <stdlib.h>

static const char file[] = "\xef\xbb\xbf/*\n"
                           "  X-Frame-Options: DENY\n"
                           "\tReferrer-Policy:same-origin \r\n"
                           "  # not this: one\n"
                           "\n"
                           "/assets/*\n"
                           "  Cache-Control: public, max-age=31536000, immutable\n"
                           "/*.html\n"
                           "/a%20b\n"
                           "  Link: </style.css>; rel=preload; as=style\n"
                           "  X-Empty:";

/* The lines of every rule that fits. */
static struct str fields_of(const struct field_rules *rules, const char *path, struct text *out)
{
    struct pattern_match match;

    out->len = 0;
    for (unsigned i = 0; i < rules->count; i++)
        if (pattern_fits(&rules->rules[i].pattern, str_from(path), &match))
            text_add(out, rules->rules[i].lines);
    assert_false(out->cut);
    return text_str(out);
}

#define ALL "X-Frame-Options: DENY\r\nReferrer-Policy: same-origin\r\n"

static void test_rows(void **state)
{
    static const struct {
        const char *path, *fields;
    } rows[] = {
        { "/", ALL },
        { "/x.html", ALL },
        { "/assets/a.js", ALL "Cache-Control: public, max-age=31536000, immutable\r\n" },
        { "/a b", ALL "Link: </style.css>; rel=preload; as=style\r\nX-Empty: \r\n" },
    };
    struct field_rules rules;
    struct rule_error error;
    char space[512];
    struct text out = text_in(space, sizeof space);

    (void)state;
    assert_true(field_rules_parse(&rules, str_from(file), &error));
    assert_int_equal(rules.count, 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!str_equal(fields_of(&rules, rows[i].path, &out), str_from(rows[i].fields)))
            fail_msg("%s has %.*s", rows[i].path, (int)out.len, out.at);
    field_rules_release(&rules);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {
        { "  X: y", 1 },
        { "# c\nassets/*\n  X: y", 2 },
        { "/a\n  X", 2 },
        { "/a\n  X : y", 2 },
        { "/a\n  : y", 2 },
        { "/a\n  ! X", 2 },
        { "/a\n  X: a\rb", 2 },
        { "/a\n  X: a\x01", 2 },
        { "/a\n  Content-Length: 1", 2 },
        { "/a\n  transfer-encoding: chunked", 2 },
        { "/a\n  DATE: now", 2 },
        { "/a\n  Content-Type:", 2 },
        { "/a\n\n/*/*\n", 3 },
        { "/*\r  X: y\r", 1 },
        { "# all\r/*\r  X: y\r", 1 },
        { "https://example.org/*\n  X: y", 1 },
    };
    struct field_rules rules;
    struct rule_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (field_rules_parse(&rules, str_from(bad[i].text), &error))
            fail_msg("%s is taken", bad[i].text);
        assert_int_equal(error.line, bad[i].line);
        assert_null(rules.rules);
    }
}

static void test_limits(void **state)
{
    static const char rule[] = "/a\n X:y\n";
    size_t len = sizeof rule - 1, most = (FIELD_RULES_MAX + 1) * len;
    char *text = malloc(FIELD_RULES_FILE_MAX + 1);
    char *space = malloc(most * 2);
    struct text out = text_in(space, most * 2);
    struct field_rules rules;
    struct rule_error error;

    (void)state;
    assert_non_null(text);
    assert_non_null(space);
    for (size_t at = 0; at < most; at += len)
        memcpy(text + at, rule, len);
    assert_true(field_rules_parse(&rules, str_of(text, most - len), &error));
    assert_int_equal(fields_of(&rules, "/a", &out).len, FIELD_RULES_MAX * strlen("X: y\r\n"));
    field_rules_release(&rules);
    assert_false(field_rules_parse(&rules, str_of(text, most), &error));
    memset(text, '\n', FIELD_RULES_FILE_MAX + 1);
    assert_false(field_rules_parse(&rules, str_of(text, FIELD_RULES_FILE_MAX + 1), &error));
    free(text);
    free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

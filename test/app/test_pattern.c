#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/pattern.h"

#include <stdio.h>

struct row {
    const char *pattern, *path;
    const char *match; /* "name=value " for each hole; NULL: does not fit */
};

static const struct row rows[] = {
    { "/", "/", "" },
    { "/", "/a", NULL },
    { "/about", "/about", "" },
    { "/about", "/about/", NULL },
    { "/about", "/abou", NULL },
    { "/about", "/About", NULL },
    { "/*", "/", "splat= " },
    { "/*", "/a/b.html", "splat=a/b.html " },
    { "/blog/*", "/blog/", "splat= " },
    { "/blog/*", "/blog", NULL },
    { "/blog/*", "/blogs/x", NULL },
    { "/*.jpg", "/a/b.jpg", "splat=a/b " },
    { "/*.jpg", "/.jpg", "splat= " },
    { "/*.jpg", "/a.jpg.png", NULL },
    { "/*.jpg", "/a.jpg/b.jpg", "splat=a.jpg/b " },
    { "/a*b/c", "/ab/c", "splat= " },
    { "/a*b/c", "/axbxb/c", "splat=xbx " },
    { "/a*b/c", "/a/b/b/c", "splat=/b/ " },
    { "/*/last", "/last", NULL },
    { "/*/last", "/a/last", "splat=a " },
    { "/news/:year/:month", "/news/2026/11", "year=2026 month=11 " },
    { "/news/:year/:month", "/news/2026/", NULL },
    { "/news/:year/:month", "/news//11", NULL },
    { "/news/:year/:month", "/news/2026/11/", NULL },
    { "/news/:year/*", "/news/2026/a/b", "year=2026 splat=a/b " },
    { "/:a/", "/x/", "a=x " },
    { "/:a/", "/x", NULL },
    { "/:a_1", "/x", "a_1=x " },
    /* A ':' that opens no segment, or no name, stands for itself. */
    { "/a:b", "/a:b", "" },
    { "/:1", "/:1", "" },
    { "/:", "/:", "" },
    { "/:a-b", "/:a-b", "" },
    { "/:a.html", "/x.html", NULL },
};

static void describe(const struct pattern_match *match, char *out, size_t cap)
{
    int len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < match->count; i++)
        len += snprintf(out + len, cap - (size_t)len, "%.*s=%.*s ", (int)match->names[i].len,
                        match->names[i].at, (int)match->values[i].len, match->values[i].at);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pattern pattern;
        struct pattern_match match;
        char said[256];

        const char *why = pattern_parse(&pattern, str_from(rows[i].pattern));
        if (why)
            fail_msg("%s: %s", rows[i].pattern, why);
        bool fits = pattern_fits(&pattern, str_from(rows[i].path), &match);
        describe(&match, said, sizeof said);
        if (fits != (rows[i].match != NULL) || (fits && strcmp(said, rows[i].match) != 0))
            fail_msg("%s and %s: %s \"%s\"", rows[i].pattern, rows[i].path, fits ? "yes" : "no",
                     said);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "about",
        "*",
        "/*/*",
        "/:a/:a",
        "/:a/:splat/*",
        "/*/by/:author",
        "/:a/:b/:c/:d/:e/:f/:g/:h/:i",
        "/:a/:b/:c/:d/:e/:f/:g/:h/*",
    };
    struct pattern pattern;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!pattern_parse(&pattern, str_from(bad[i])))
            fail_msg("%s is taken", bad[i]);
}

static void test_most_holes(void **state)
{
    struct pattern pattern;
    struct pattern_match match;

    (void)state;
    assert_null(pattern_parse(&pattern, STR("/:a/:b/:c/:d/:e/:f/:g/*/end")));
    assert_true(pattern_fits(&pattern, STR("/1/2/3/4/5/6/7/8/end"), &match));
    assert_int_equal(match.count, PATTERN_HOLES_MAX);
    assert_true(pattern.count <= PATTERN_PIECES_MAX);
}

static void test_values(void **state)
{
    struct pattern pattern;
    struct pattern_match match;
    struct str value;

    (void)state;
    assert_null(pattern_parse(&pattern, STR("/:a/*")));
    assert_true(pattern_names(&pattern, STR("a")));
    assert_true(pattern_names(&pattern, STR("splat")));
    assert_false(pattern_names(&pattern, STR("/")));
    assert_true(pattern_fits(&pattern, STR("/x/y/z"), &match));
    assert_true(pattern_value(&match, STR("splat"), &value));
    assert_true(str_equal(value, STR("y/z")));
    assert_false(pattern_value(&match, STR("b"), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_most_holes),
        cmocka_unit_test(test_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/path_fields.h"

#include <stdlib.h>

static struct path_fields fields;

static void parse(struct field_rules *rules, const char *text)
{
    struct rule_error error;

    if (!field_rules_parse(rules, str_from(text), &error))
        fail_msg("line %u: %s", error.line, error.why);
}

static void assert_fields(const char *path, const char *lines, const char *cache)
{
    if (!str_equal(text_str(&fields.lines), str_from(lines)))
        fail_msg("%s has %.*s", path, (int)fields.lines.len, fields.lines.at);
    if (!str_equal(text_str(&fields.cache), str_from(cache)))
        fail_msg("%s has %.*s", path, (int)fields.cache.len, fields.cache.at);
}

static void test_max_age(void **state)
{
    static const struct {
        const char *path, *cache;
    } rows[] = {
        { "/", "Cache-Control: no-cache\r\n" },
        { "/dir/", "Cache-Control: no-cache\r\n" },
        { "/a.html", "Cache-Control: no-cache\r\n" },
        { "/A.HTM", "Cache-Control: no-cache\r\n" },
        { "/a.css", "Cache-Control: public, max-age=60\r\n" },
        { "/html", "Cache-Control: public, max-age=60\r\n" },
        { "/app.3f2a9c1b.js", "Cache-Control: public, max-age=31536000, immutable\r\n" },
        { "/app.3f2a9c1b.html", "Cache-Control: no-cache\r\n" },
    };
    const struct field_sources sources = { .has_max_age = true, .max_age = 60 };
    const struct field_sources none = { .max_age = 60 };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        path_fields_collect(&fields, &sources, str_from(rows[i].path));
        assert_fields(rows[i].path, "", rows[i].cache);
        path_fields_collect(&fields, &none, str_from(rows[i].path));
        assert_fields(rows[i].path, "", "");
        assert_int_equal(fields.type.len, 0);
    }
}

/* The first source that sets a name counts alone; within one, all lines do. */
static void test_sources(void **state)
{
    static const struct {
        const char *path, *lines, *cache, *type;
    } rows[] = {
        { "/x", "X-A: given\r\nX-B: file\r\nX-B: more\r\nAccess-Control-Allow-Origin: *\r\n",
          "Cache-Control: public, max-age=60\r\n", "" },
        { "/file/x", "X-A: given\r\nX-B: file\r\nX-B: more\r\naccess-control-allow-origin: me\r\n",
          "cache-control: file\r\nCache-Control: twice\r\n", "file/first" },
        { "/both/x",
          "X-A: given\r\nX-a: too\r\nX-B: file\r\nX-B: more\r\nX-C: 1\r\n"
          "Access-Control-Allow-Origin: *\r\n",
          "Cache-Control: given\r\n", "given/type" },
    };
    struct field_rules given, file;

    (void)state;
    parse(&given, "/*\n X-A: given\n/both/*\n X-a: too\n Cache-Control: given\n"
                  " Content-Type: given/type");
    parse(&file, "/*\n X-B: file\n x-a: file\n X-B: more\n/both/*\n X-C: 1\n Cache-Control: file\n"
                 " Content-Type: file/type\n"
                 "/file/*\n access-control-allow-origin: me\n cache-control: file\n"
                 " Cache-Control: twice\n content-type: file/first\n Content-Type: file/second");
    const struct field_sources sources = { &given, &file, true, 60, true };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        path_fields_collect(&fields, &sources, str_from(rows[i].path));
        assert_fields(rows[i].path, rows[i].lines, rows[i].cache);
        assert_true(str_equal(fields.type, str_from(rows[i].type)));
        assert_false(fields.cut);
    }
    field_rules_release(&given);
    field_rules_release(&file);
}

/* What does not fit is left out as whole lines. */
static void test_too_many(void **state)
{
    char *text = malloc(2 * PATH_FIELDS_MAX);
    struct field_rules rules;
    struct rule_error error;

    (void)state;
    assert_non_null(text);
    struct text t = text_in(text, (size_t)2 * PATH_FIELDS_MAX);
    text_add(&t, STR("/*\n"));
    while (t.len < PATH_FIELDS_MAX + 64)
        text_add(&t, STR(" X-Name: value\n"));
    assert_true(field_rules_parse(&rules, text_str(&t), &error));
    const struct field_sources sources = { .file = &rules };
    path_fields_collect(&fields, &sources, STR("/"));
    assert_true(fields.cut);
    assert_int_equal(fields.lines.len % strlen("X-Name: value\r\n"), 0);
    field_rules_release(&rules);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Entity tags, lists of them, and the two ways to compare; rows name the section of RFC 9110. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "http/entity_tag.h"

static void what_is_a_tag(void **state)
{
    static const struct {
        const char *text;
        bool is_tag, weak;
    } cases[] = {
        { "\"xyzzy\"", true, false }, /* 8.8.3 */
        { "W/\"xyzzy\"", true, true },
        { "\"\"", true, false },
        { "W/\"\"", true, true },
        { "\"!#,;/W\\~\"", true, false }, /* etagc; a backslash is one of them */
        { "\"\x80\xff\"", true, false },  /* obs-text */
        { "w/\"xyzzy\"", false, false },  /* "weak" is case-sensitive */
        { "W/ \"xyzzy\"", false, false },
        { "xyzzy", false, false },
        { "\"xyzzy", false, false },
        { "xyzzy\"", false, false },
        { "\"", false, false },
        { "W/\"", false, false },
        { "W/", false, false },
        { "W", false, false },
        { "", false, false },
        { "*", false, false },
        { "\"a b\"", false, false },
        { "\"a\tb\"", false, false },
        { "\"a\x7f\"", false, false },
        { "\"a\"b\"", false, false },
        { "\"a\" ", false, false },
        { " \"a\"", false, false },
        { "\"a\",\"b\"", false, false },
    };
    struct guard guard = guard_make();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_entity_tag tag = { false, STR("untouched") };
        size_t len = strlen(cases[i].text);
        struct str text = str_of(guard_at_end(guard, cases[i].text, len), len);

        if (http_entity_tag_read(text, &tag) != cases[i].is_tag)
            fail_msg("%s: %s", cases[i].text, cases[i].is_tag ? "is one" : "is none");
        if (cases[i].is_tag) {
            assert_int_equal(tag.weak, cases[i].weak);
            assert_true(str_equal(tag.opaque, str_from(cases[i].text + (tag.weak ? 2 : 0))));
        } else {
            assert_true(str_equal(tag.opaque, STR("untouched")));
        }
    }
    guard_free(guard);
}

/* What is read of a list, each tag followed by a ';'. */
static void what_is_in_a_list(void **state)
{
    static const char *const cases[][2] = {
        { "\"a\"", "\"a\";" }, /* 13.1.1 */
        { "\"a\", W/\"b\",\"c\"", "\"a\";W/\"b\";\"c\";" },
        { "\"a,b\" , \"c\"", "\"a,b\";\"c\";" },    /* a comma inside */
        { ",, \"a\" ,\t, \"b\",", "\"a\";\"b\";" }, /* 5.6.1.2: empty members */
        { "\"a\"\t,\t\"b\"", "\"a\";\"b\";" },
        { "", "" },
        { " , ", "" },
        { "*", "" },
        { "a, \"b\"", "" }, /* reading ends where it is no list any more */
        { "\"a\", b, \"c\"", "\"a\";" },
        { "\"a\" \"b\"", "" },
        { "\"a\"x, \"b\"", "" },
        { "\"a\", \"b", "\"a\";" },
        { "\"a\", w/\"b\"", "\"a\";" },
    };
    struct guard guard = guard_make();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_entity_tag tag;
        size_t len = strlen(cases[i][0]);
        struct str list = str_of(guard_at_end(guard, cases[i][0], len), len);
        char seen[64] = "";
        size_t at = 0;

        while (http_entity_tag_next(&list, &tag)) {
            assert_true(at + tag.opaque.len + 4 < sizeof seen);
            if (tag.weak) {
                memcpy(seen + at, "W/", 2);
                at += 2;
            }
            memcpy(seen + at, tag.opaque.at, tag.opaque.len);
            at += tag.opaque.len;
            seen[at++] = ';';
        }
        seen[at] = '\0';
        assert_string_equal(seen, cases[i][1]);
    }
    guard_free(guard);
}

/* The table of 8.8.3.2. */
static void how_they_compare(void **state)
{
    static const struct {
        const char *a, *b;
        bool strong, weak;
    } cases[] = {
        { "W/\"1\"", "W/\"1\"", false, true }, { "W/\"1\"", "W/\"2\"", false, false },
        { "W/\"1\"", "\"1\"", false, true },   { "\"1\"", "\"1\"", true, true },
        { "\"1\"", "\"2\"", false, false },    { "\"a\"", "\"A\"", false, false },
        { "\"1\"", "\"11\"", false, false },   { "\"\"", "\"\"", true, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_entity_tag a, b;

        assert_true(http_entity_tag_read(str_from(cases[i].a), &a));
        assert_true(http_entity_tag_read(str_from(cases[i].b), &b));
        assert_int_equal(http_entity_tag_same_strong(a, b), cases[i].strong);
        assert_int_equal(http_entity_tag_same_strong(b, a), cases[i].strong);
        assert_int_equal(http_entity_tag_same_weak(a, b), cases[i].weak);
        assert_int_equal(http_entity_tag_same_weak(b, a), cases[i].weak);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_tag),
        cmocka_unit_test(what_is_in_a_list),
        cmocka_unit_test(how_they_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

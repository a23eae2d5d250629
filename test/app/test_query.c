/* app/query.c: queries taken apart and decoded. */
#include "app/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void pairs_are_cut(void **state)
{
    static const struct {
        const char *name, *value;
    } wanted[] = { { "a", "1" }, { "b", "" }, { "c", "" }, { "", "d" }, { "e", "f=g" } };
    struct str name, value;
    size_t at = 0, i = 0;

    (void)state;
    while (query_next(STR("&a=1&b&&c=&=d&e=f=g&"), &at, &name, &value)) {
        assert_true(i < sizeof wanted / sizeof *wanted);
        assert_true(str_equal(name, str_from(wanted[i].name)));
        assert_true(str_equal(value, str_from(wanted[i].value)));
        i++;
    }
    assert_int_equal(i, sizeof wanted / sizeof *wanted);
    at = 0;
    assert_false(query_next(str_of(NULL, 0), &at, &name, &value));
}

static void decoding_is_lenient(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "plain", "plain" }, { "a+b", "a b" }, { "%41%6a", "Aj" }, { "100%", "100%" },
        { "%4", "%4" },       { "%zz", "%zz" }, { "%2", "%2" },     { "%%41", "%A" },
    };
    char out[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = query_decode(str_from(cases[i].in), out);
        assert_true(str_equal(str_of(out, len), str_from(cases[i].out)));
    }
    assert_int_equal(query_decode(STR("a%00b"), out), 3);
    assert_memory_equal(out, "a\0b", 3);
    assert_false(query_is_encoded(STR("plain")));
    assert_true(query_is_encoded(STR("a+")) && query_is_encoded(STR("%41")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_cut),
        cmocka_unit_test(decoding_is_lenient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

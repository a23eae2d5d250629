/* Several parts in one answer, to the letter, and how long that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/byteranges.h"

static const struct http_byteranges form = { STR_INIT("B0undary"), STR_INIT("text/plain"), 1000 };

static void add_all(struct text *out, const struct http_byteranges *how,
                    const struct http_ranges *ranges, const char *bytes)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        http_byteranges_part(out, how, i == 0, ranges->list[i]);
        text_add(out, str_of(bytes, (size_t)ranges->list[i].len));
    }
    http_byteranges_end(out, how);
    assert_false(out->cut);
}

/* RFC 9110 14.6 and RFC 2046 5.1.1. */
static void parts_are_exact(void **state)
{
    const struct http_ranges ranges = { 2, { { 500, 3 }, { 995, 5 } } };
    char space[512];
    struct text out = text_in(space, sizeof space);

    (void)state;
    http_byteranges_type(&out, &form);
    assert_true(str_equal(text_str(&out),
                          STR("Content-Type: multipart/byteranges; boundary=B0undary\r\n")));
    out = text_in(space, sizeof space);
    add_all(&out, &form, &ranges, "abcde");
    assert_true(str_equal(text_str(&out), STR("--B0undary\r\n"
                                              "Content-Type: text/plain\r\n"
                                              "Content-Range: bytes 500-502/1000\r\n"
                                              "\r\n"
                                              "abc\r\n"
                                              "--B0undary\r\n"
                                              "Content-Type: text/plain\r\n"
                                              "Content-Range: bytes 995-999/1000\r\n"
                                              "\r\n"
                                              "abcde\r\n"
                                              "--B0undary--\r\n")));
    assert_int_equal(http_byteranges_length(&form, &ranges), out.len);
}

/* For every number of parts, and numbers of every length. */
static void length_is_what_is_written(void **state)
{
    struct http_ranges ranges = { .count = 0 };
    char space[8192], bytes[64] = { 0 };
    uint64_t size = UINT64_MAX / 2, at = 1;

    (void)state;
    for (unsigned count = 1; count <= HTTP_RANGES_MAX; count++, at *= 11) {
        const struct http_byteranges how = { STR("0123456789abcdef0123456789abcdef"),
                                             STR("x/y; z=\"w\""), size };
        struct text out = text_in(space, sizeof space);

        ranges.list[ranges.count++] = (struct http_range){ at, count };
        add_all(&out, &how, &ranges, bytes);
        assert_int_equal(http_byteranges_length(&how, &ranges), out.len);
        uint64_t most = 64; /* the end's */
        for (unsigned i = 0; i < ranges.count; i++)
            most += http_byteranges_cost(&how) + ranges.list[i].len;
        assert_true(out.len <= most);
    }
}

/* The cost of a part counts its head to the last byte. */
static void cost_is_that_of_the_longest_head(void **state)
{
    char space[256];
    struct text out = text_in(space, sizeof space);

    (void)state;
    http_byteranges_part(&out, &form, false, (struct http_range){ 999, 1 });
    assert_int_equal(http_byteranges_cost(&form), out.len);
    out = text_in(space, sizeof space);
    http_byteranges_part(&out, &form, true, (struct http_range){ 0, 1000 });
    assert_true(http_byteranges_cost(&form) > out.len);
    const struct http_byteranges empty = { form.boundary, form.type, 0 };
    assert_true(http_byteranges_cost(&empty) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_exact),
        cmocka_unit_test(length_is_what_is_written),
        cmocka_unit_test(cost_is_that_of_the_longest_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a field says is the same whether it is remembered or read. */
#include "server/wishes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_reads(struct wishes *wishes, struct str field)
{
    struct http_accept_coding wanted = http_accept_coding(field);
    struct http_accept_coding got = wishes_of(wishes, field);

    assert_memory_equal(&got, &wanted, sizeof got);
}

static void each_field_is_read_as_it_is(void **state)
{
    static const char *const fields[] = { "", "gzip", "gzi", "gzip", "br;q=0", "br", "", "*" };
    struct wishes wishes = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        assert_reads(&wishes, str_from(fields[i]));
        assert_reads(&wishes, str_from(fields[i]));
    }
}

static void a_long_field_is_not_kept(void **state)
{
    char field[WISHES_TEXT_MAX + 4];
    struct wishes wishes = { 0 };

    (void)state;
    memset(field, ' ', sizeof field);
    memcpy(field + sizeof field - 2, "br", 2);
    for (size_t len = WISHES_TEXT_MAX - 1; len <= sizeof field; len++) {
        assert_reads(&wishes, STR("gzip"));
        assert_reads(&wishes, str_of(field, len));
        assert_true(wishes.len <= WISHES_TEXT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_read_as_it_is),
        cmocka_unit_test(a_long_field_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

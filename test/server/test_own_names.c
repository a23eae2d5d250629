#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/own_names.h"

#include <unistd.h>

static void the_host_name_is_one(void **state)
{
    char name[OWN_NAME_SIZE];
    struct own_names names;

    (void)state;
    assert_int_equal(gethostname(name, sizeof name), 0);
    own_names_find(&names);
    assert_in_range(names.count, 1, OWN_NAMES_MAX);
    assert_true(str_equal(names.names[0], str_from(name)));
}

static void none_is_empty_and_none_is_there_twice(void **state)
{
    struct own_names names;

    (void)state;
    own_names_find(&names);
    for (int i = 0; i < names.count; i++) {
        assert_true(names.names[i].len > 0);
        assert_false(str_equal(names.names[i], STR("127.0.0.1")));
        assert_false(str_equal(names.names[i], STR("::1")));
        for (int other = 0; other < i; other++)
            assert_false(str_equal_nocase(names.names[i], names.names[other]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_name_is_one),
        cmocka_unit_test(none_is_empty_and_none_is_there_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

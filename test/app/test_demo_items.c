/* app/demo_items.c: a data set read and written. */
#include "app/demo_items.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE                                                                                        \
    "{\"id\":1,\"name\":\"a \\\"q\\\" \\u0001\\\\\",\"category\":\"c\",\"price\":328.83,"          \
    "\"quantity\":2,\"active\":true,\"tags\":[\"a\",\"b\"],\"rating\":{\"score\":4.5,"             \
    "\"count\":127}"
#define TWO                                                                                        \
    "{\"id\":-2,\"name\":\"\",\"category\":\"d\",\"price\":10,\"quantity\":3,\"active\":false,"    \
    "\"tags\":[],\"rating\":{\"score\":48,\"count\":0}"

#define HUGE(price)                                                                                \
    "{\"id\":1,\"name\":\"\",\"category\":\"d\",\"price\":" price                                  \
    ",\"quantity\":3,\"active\":false,\"tags\":[],\"rating\":{\"score\":48,\"count\":0}}"

static struct demo_items *read_text(const char *text, char why[256])
{
    char path[] = "/tmp/ringlet-items-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    why[0] = '\0';
    struct demo_items *items = demo_items_read(path, why, 256);
    unlink(path);
    return items;
}

static void expect_written(const struct demo_items *items, size_t count, int64_t m,
                           const char *wanted)
{
    size_t len;
    char *text = demo_items_write(items, count, m, &len);

    assert_non_null(text);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(text, wanted, len);
    free(text);
}

static void items_are_written(void **state)
{
    char why[256];
    size_t len;
    struct demo_items *items = read_text(" [" ONE "}," TWO "}] \r\n", why);

    (void)state;
    assert_string_equal(why, "");
    assert_non_null(items);
    expect_written(items, 1, 3, "{\"items\":[" ONE ",\"total\":1972.98}],\"count\":1}");
    expect_written(items, 50, -1,
                   "{\"items\":[" ONE ",\"total\":-657.66}," TWO ",\"total\":-30}],\"count\":2}");
    demo_items_free(items);
    items = read_text("[" HUGE("1e100") "]", why);
    char *text = demo_items_write(items, 1, 1000000, &len);
    assert_non_null(memmem(text, len, "\"total\":3e+106}", strlen("\"total\":3e+106}")));
    free(text);
    demo_items_free(items);
}

static void what_is_no_data_set_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "[1]",
        "[" ONE "}",
        "[" ONE "}]x",
        "[" ONE "}] []",
        "[" HUGE("1e400") "]",
        "[" HUGE("-1e400") "]",
        "[" HUGE("1.1e100") "]",
        "[" ONE "},{\"id\":1}]",
    };
    char why[256];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_null(read_text(texts[i], why));
        assert_true(why[0] != '\0');
    }
    assert_non_null(strstr(why, "item 2 lacks"));
    assert_null(demo_items_read("/no/such/file", why, sizeof why));
    assert_string_equal(why, "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_written),
        cmocka_unit_test(what_is_no_data_set_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

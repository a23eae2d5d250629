/* What was found once for a request is found again. */
#include "server/lookups.h"
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void keep(struct lookups *lookups, const struct core *core, struct str path, int status,
                 struct site_entry *entry)
{
    const struct site_fill fill = { .hash = site_hash(&core->site, path),
                                    .found = { status, entry } };

    lookups_keep(lookups, &fill);
}

static void kept_outcomes_come_first(void **state)
{
    struct stage *stage = stage_calm();
    struct core *core = &stage->loop.core;
    struct site_entry *entry = entry_make_negative(STR("/made"), 403);
    struct lookups lookups = { 0 };
    struct site_fill *fill = NULL;
    struct site_found found;

    (void)state;
    assert_non_null(entry);
    keep(&lookups, core, STR("/hello.txt"), 404, NULL);
    keep(&lookups, core, STR("/made"), 200, entry);
    assert_int_equal(entry->pins, 2);
    assert_true(lookups_find(&lookups, core, STR("/hello.txt"), &found, &fill));
    assert_int_equal(found.status, 404);
    assert_true(lookups_find(&lookups, core, STR("/made"), &found, &fill));
    assert_int_equal(found.status, 200);
    assert_ptr_equal(found.entry, entry);
    assert_null(fill);

    lookups_drop(&lookups, core);
    assert_int_equal(lookups.count, 0);
    assert_int_equal(entry->pins, 1);
    site_unpin(&core->site, entry);
    stage_close(stage);
}

static void what_is_held_needs_no_fill(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    struct lookups lookups = { 0 };
    struct site_fill *fill = NULL;
    struct site_found found;

    (void)state;
    client_gets_file(client, FILE_HELLO);
    assert_true(lookups_find(&lookups, &stage->loop.core, STR("/hello.txt"), &found, &fill));
    assert_int_equal(found.status, 200);
    assert_non_null(found.entry);
    stage_close(stage);
}

static void one_too_many_is_unavailable(void **state)
{
    struct stage *stage = stage_calm();
    struct core *core = &stage->loop.core;
    struct lookups lookups = { 0 };
    struct site_fill *fill = NULL;
    struct site_found found;
    char path[] = "/0";

    (void)state;
    for (; lookups.count < LOOKUPS_MAX; path[1]++)
        keep(&lookups, core, str_from(path), 404, NULL);
    assert_true(lookups_find(&lookups, core, STR("/hello.txt"), &found, &fill));
    assert_int_equal(found.status, 503);
    assert_null(found.entry);

    lookups_drop(&lookups, core);
    assert_false(lookups_find(&lookups, core, STR("/hello.txt"), &found, &fill));
    assert_non_null(fill);
    stage_settle(stage);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_outcomes_come_first),
        cmocka_unit_test(what_is_held_needs_no_fill),
        cmocka_unit_test(one_too_many_is_unavailable),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

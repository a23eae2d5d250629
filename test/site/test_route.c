/* Ways through directories: found by what happens to their steps, and dead from then on. */
#include "site/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The way of a path through one name in watch 1, and on to the directory of watch `end`. */
static struct site_route *add(struct routes *routes, const char *path, const char *name, int end)
{
    struct survey *survey = survey_make(3, 4, STR(""));
    size_t len = strlen(name);

    assert_non_null(survey);
    survey->watched = true;
    survey->end = end;
    survey->steps[0] = (struct survey_step){ 1, 0, (uint16_t)len };
    memcpy(survey->names, name, len);
    survey->names_len = (unsigned)len;
    survey->step_count = 1;
    struct site_route *route = routes_add(routes, str_from(path), strlen(path), survey);
    survey_free(survey);
    assert_non_null(route);
    return route;
}

static struct site_route *find(struct routes *routes, const char *path)
{
    return routes_find(routes, str_from(path), strlen(path));
}

static void is_found_by_its_path(void **state)
{
    struct routes routes;

    (void)state;
    routes_init(&routes);
    struct site_route *a = add(&routes, "/a/", "a", 2), *b = add(&routes, "/b/", "b", 3);
    assert_ptr_equal(find(&routes, "/a/"), a); /* in the same bucket */
    assert_ptr_equal(find(&routes, "/b/"), b);
    assert_null(find(&routes, "/c/"));
    add(&routes, "/a/", "a", 2); /* in the place of the old one */
    assert_int_equal(routes.count, 2);
    assert_int_equal(routes.watches.count, 3);
    routes_release(&routes);
}

static void dies_of_its_step(void **state)
{
    struct routes routes;

    (void)state;
    routes_init(&routes);
    struct site_route *a = add(&routes, "/a/", "a", 2);
    add(&routes, "/a/x/", "a", 3);
    add(&routes, "/b/", "b", 4);
    routes_pin(&routes, a);
    struct site_watch *top = watches_find(&routes.watches, 1);
    routes_kill_step(&routes, top, STR("c"));
    assert_int_equal(routes.count, 3);
    routes_kill_step(&routes, watches_find(&routes.watches, 2), STR("a"));
    assert_int_equal(routes.count, 3);
    routes_kill_step(&routes, top, STR("a"));
    assert_int_equal(routes.count, 1);
    assert_true(a->dead); /* and there until it is unpinned */
    assert_null(find(&routes, "/a/"));
    assert_non_null(find(&routes, "/b/"));
    routes_unpin(a);
    routes_release(&routes);
}

static void dies_with_its_directories(void **state)
{
    struct routes routes;

    (void)state;
    routes_init(&routes);
    add(&routes, "/a/", "a", 2);
    add(&routes, "/b/", "b", 3);
    routes_kill_watch(&routes, watches_find(&routes.watches, 3));
    assert_null(find(&routes, "/b/"));
    assert_non_null(find(&routes, "/a/"));
    routes_kill_watch(&routes, watches_find(&routes.watches, 1));
    assert_int_equal(routes.count, 0);
    for (int i = 0; i < 3; i++)
        assert_true(watches_take_unused(&routes.watches) > 0);
    assert_int_equal(watches_take_unused(&routes.watches), -1);
    routes_release(&routes);
}

static void what_is_held_because_of_it_is_due(void **state)
{
    struct routes routes;

    (void)state;
    routes_init(&routes);
    struct site_route *a = add(&routes, "/a/", "a", 2);
    struct site_entry *entry = entry_make_negative(STR("/a/x"), 404);
    assert_non_null(entry);
    entry->until_ms = 1000;
    list_append(&a->entries, &entry->on_route);
    routes_kill(&routes, a);
    assert_int_equal(entry->until_ms, 0);
    assert_true(list_empty(&entry->on_route));
    entry->pins = 0;
    entry_free(entry);
    routes_release(&routes);
}

static void the_least_recently_used_goes(void **state)
{
    struct routes routes;
    char path[32];

    (void)state;
    routes_init(&routes);
    struct site_route *kept = add(&routes, "/kept/", "kept", 2);
    add(&routes, "/gone/", "gone", 2);
    for (int i = 0; i < ROUTES_MAX - 2; i++) {
        snprintf(path, sizeof path, "/%d/", i);
        add(&routes, path, path, -1);
    }
    routes_pin(&routes, kept);
    routes_unpin(kept);
    add(&routes, "/one more/", "one more", 2);
    assert_int_equal(routes.count, ROUTES_MAX);
    assert_ptr_equal(find(&routes, "/kept/"), kept);
    assert_null(find(&routes, "/gone/"));
    routes_kill_all_below(&routes);
    assert_int_equal(routes.count, 0);
    routes_release(&routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_found_by_its_path),
        cmocka_unit_test(dies_of_its_step),
        cmocka_unit_test(dies_with_its_directories),
        cmocka_unit_test(what_is_held_because_of_it_is_due),
        cmocka_unit_test(the_least_recently_used_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

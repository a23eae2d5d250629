/* A bounded list, its orders, and the keys of its forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "site/listing.h"

#include <stdio.h>

static void add(struct listing *listing, const char *name, bool directory, uint64_t size,
                int64_t modified)
{
    struct listing_entry entry = { .size = size, .modified = modified, .directory = directory };

    assert_true(listing_add(listing, str_from(name), entry));
}

static void check_order(const char *query, const char *wanted)
{
    struct listing listing;
    char names[256];
    struct text text = text_in(names, sizeof names);

    assert_int_equal(listing_init(&listing), 0);
    add(&listing, "b", false, 7, 3);
    add(&listing, "zoo", true, 0, 50);
    add(&listing, "B", false, 7, -9);
    add(&listing, "a10", false, 5, 3);
    add(&listing, "Ape", true, 99, 60);
    add(&listing, "a", false, UINT64_MAX, INT64_MIN);
    listing_sort(&listing, listing_form_read(str_from(query), LISTING_HTML));
    for (unsigned i = 0; i < listing.count; i++) {
        text_add(&text, listing_name(&listing, &listing.entries[i]));
        text_add(&text, STR(" "));
    }
    if (!str_equal(text_str(&text), str_from(wanted)))
        fail_msg("%s gives %.*s", query, (int)text.len, text.at);
    listing_release(&listing);
}

static void test_orders(void **state)
{
    (void)state;
    check_order("", "Ape zoo a a10 B b ");
    check_order("sort=name&order=asc", "Ape zoo a a10 B b ");
    check_order("sort=name&order=desc", "zoo Ape b B a10 a ");
    check_order("sort=size", "Ape zoo a10 B b a ");
    check_order("sort=size&order=desc", "Ape zoo a B b a10 ");
    check_order("sort=modified", "zoo Ape a B a10 b ");
    check_order("sort=modified&order=desc", "Ape zoo a10 b B a ");
}

static void test_what_a_query_asks_for(void **state)
{
    const struct {
        const char *query;
        enum listing_order order;
        bool descending;
    } rows[] = {
        { "", LISTING_BY_NAME, false },
        { "sort=size", LISTING_BY_SIZE, false },
        { "order=desc", LISTING_BY_NAME, true },
        { "order=desc&sort=modified", LISTING_BY_TIME, true },
        { "x=y&sort=size&&z&order=desc&=", LISTING_BY_SIZE, true },
        { "sort=none&order=up", LISTING_BY_NAME, false },
        { "sort&order", LISTING_BY_NAME, false },
        { "sort=sizes&Sort=size&asort=size", LISTING_BY_NAME, false },
        { "sort=size&sort=none", LISTING_BY_SIZE, false },
        { "order=desc&order=asc", LISTING_BY_NAME, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listing_form form = listing_form_read(str_from(rows[i].query), LISTING_JSON);
        assert_int_equal(form.media, LISTING_JSON);
        assert_int_equal(form.order, rows[i].order);
        assert_int_equal(form.descending, rows[i].descending);
    }
    struct listing_form none = listing_form_read((struct str){ 0 }, LISTING_HTML);
    assert_int_equal(none.order, LISTING_BY_NAME);
}

static void test_keys(void **state)
{
    char keys[LISTING_FORMS][32];
    struct listing_form form;
    struct str path;

    (void)state;
    for (unsigned i = 0; i < LISTING_FORMS; i++) {
        struct text key = text_in(keys[i], sizeof keys[i]);
        listing_key(&key, STR("/dir/"), listing_form_of(i));
        assert_false(key.cut);
        assert_true(key.len <= 5 + LISTING_KEY_MAX);
        assert_true(listing_key_read(text_str(&key), &path, &form));
        assert_true(str_equal(path, STR("/dir/")));
        assert_int_equal(form.media, listing_form_of(i).media);
        assert_int_equal(form.order, listing_form_of(i).order);
        assert_int_equal(form.descending, listing_form_of(i).descending);
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(keys[i], keys[k], key.len);
    }
}

static void test_what_is_no_key(void **state)
{
    const struct str rows[] = { STR(""),
                                STR("/dir/"),
                                STR("/dir/\0gzip"),
                                STR("/dir/\0"),
                                STR("/dir/\0html"),
                                STR("/dir/\0html.size"),
                                STR("\0html.size.desc.") };
    struct listing_form form;
    struct str path;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(listing_key_read(rows[i], &path, &form));
}

static void test_names_have_a_limit(void **state)
{
    const struct listing_entry entry = { 0 };
    struct listing listing;
    char name[16];

    (void)state;
    assert_int_equal(listing_init(&listing), 0);
    for (int i = 0; i < LISTING_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_true(listing_add(&listing, str_from(name), entry));
    }
    assert_false(listing.cut);
    assert_false(listing_add(&listing, STR("x"), entry));
    assert_true(listing.cut);
    assert_int_equal(listing.count, LISTING_NAMES_MAX);
    listing_release(&listing);
}

static void test_bytes_have_a_limit(void **state)
{
    const struct listing_entry entry = { 0 };
    static char name[UINT16_MAX + 1];
    struct listing listing;

    (void)state;
    memset(name, 'n', sizeof name);
    assert_int_equal(listing_init(&listing), 0);
    assert_false(listing_add(&listing, str_of(name, sizeof name), entry));
    listing.cut = false;
    for (int i = 0; i < LISTING_BYTES_MAX / 4096; i++)
        assert_true(listing_add(&listing, str_of(name, 4096), entry));
    assert_false(listing.cut);
    assert_false(listing_add(&listing, STR("x"), entry));
    assert_true(listing.cut);
    listing_release(&listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_what_a_query_asks_for),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_what_is_no_key),
        cmocka_unit_test(test_names_have_a_limit),
        cmocka_unit_test(test_bytes_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

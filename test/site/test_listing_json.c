/* A listing for programs: names as they are, in valid JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "site/listing_json.h"

#include <stdlib.h>

static void check_text(const struct listing *listing, const char *path, const char *wanted)
{
    size_t max = listing_json_max(listing, str_from(path));
    struct text out = text_in(malloc(max), max);

    assert_non_null(out.at);
    listing_json_write(&out, listing, str_from(path));
    assert_false(out.cut);
    if (!str_equal(text_str(&out), str_from(wanted)))
        fail_msg("%.*s", (int)out.len, out.at);
    free(out.at);
}

static void test_entries(void **state)
{
    struct listing listing;

    (void)state;
    assert_int_equal(listing_init(&listing), 0);
    check_text(&listing, "/", "{\"path\":\"/\",\"entries\":[\n],\"truncated\":false}\n");
    listing_add(&listing, STR("sub dir"),
                (struct listing_entry){ .directory = true, .size = 4096, .modified = 784111777 });
    listing_add(&listing, STR("a.txt"), (struct listing_entry){ .size = 12345, .modified = 0 });
    listing.cut = true;
    check_text(&listing, "/a \"b\"/",
               "{\"path\":\"/a \\\"b\\\"/\",\"entries\":[\n"
               "{\"name\":\"sub dir\",\"href\":\"./sub%20dir/\",\"type\":\"directory\","
               "\"modified\":\"1994-11-06T08:49:37Z\"},\n"
               "{\"name\":\"a.txt\",\"href\":\"./a.txt\",\"type\":\"file\",\"size\":12345,"
               "\"modified\":\"1970-01-01T00:00:00Z\"}\n"
               "],\"truncated\":true}\n");
    listing_release(&listing);
}

static void check_name(struct str name, const char *shown, const char *href)
{
    struct listing listing;
    char wanted[512];
    struct text text = text_in(wanted, sizeof wanted);

    assert_int_equal(listing_init(&listing), 0);
    listing_add(&listing, name, (struct listing_entry){ .size = 1 });
    text_add(&text, STR("{\"path\":\"/\",\"entries\":[\n{\"name\":\""));
    text_add(&text, str_from(shown));
    text_add(&text, STR("\",\"href\":\"./"));
    text_add(&text, str_from(href));
    text_add(&text, STR("\",\"type\":\"file\",\"size\":1,\"modified\":\"1970-01-01T00:00:00Z\"}\n"
                        "],\"truncated\":false}\n"));
    text_add(&text, str_of("", 1));
    check_text(&listing, "/", wanted);
    listing_release(&listing);
}

static void test_names(void **state)
{
    (void)state;
    check_name(STR("<>&\"'\\"), "<>&\\\"'\\\\", "%3C%3E&%22'%5C");
    check_name(STR("a\nb\t\x01\x1f\x7f"), "a\\u000ab\\u0009\\u0001\\u001f\\u007f",
               "a%0Ab%09%01%1F%7F");
    check_name(STR("\xc3\xbc\xf0\x9f\x98\x80"), "\xc3\xbc\xf0\x9f\x98\x80", "%C3%BC%F0%9F%98%80");
    check_name(STR("\xff"
                   "a\xc3"),
               "\xef\xbf\xbd"
               "a\xef\xbf\xbd",
               "%FFa%C3");
    check_name(STR("javascript:x?#%"), "javascript:x?#%", "javascript:x%3F%23%25");
}

/* The bound holds for what grows the most. */
static void test_bound(void **state)
{
    struct listing listing;
    char name[200], path[200];

    (void)state;
    memset(name, '\x01', sizeof name);
    memset(path, '\x02', sizeof path);
    assert_int_equal(listing_init(&listing), 0);
    for (int i = 0; i < 50; i++)
        listing_add(&listing, str_of(name, sizeof name),
                    (struct listing_entry){ .size = UINT64_MAX, .modified = INT64_MAX });
    size_t max = listing_json_max(&listing, str_of(path, sizeof path));
    struct text out = text_in(malloc(max), max);
    assert_non_null(out.at);
    listing_json_write(&out, &listing, str_of(path, sizeof path));
    assert_false(out.cut);
    free(out.at);
    listing_release(&listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A listing for people: nothing in a name is taken for markup, and each link leads to its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "site/listing_page.h"

#include <stdlib.h>

static const struct listing_form by_name = { LISTING_HTML, LISTING_BY_NAME, false };

struct page {
    struct listing listing;
    char *bytes; /* ends with a NUL */
};

static int open_page(void **state)
{
    struct page *page = calloc(1, sizeof *page);

    *state = page;
    return !page || listing_init(&page->listing) != 0;
}

static int close_page(void **state)
{
    struct page *page = *state;

    listing_release(&page->listing);
    free(page->bytes);
    free(page);
    return 0;
}

static void write_page(struct page *page, struct str path, struct listing_form form)
{
    size_t max = listing_page_max(&page->listing, path);

    free(page->bytes);
    page->bytes = malloc(max + 1);
    assert_non_null(page->bytes);
    struct text out = text_in(page->bytes, max);
    listing_page_write(&out, &page->listing, path, form);
    assert_false(out.cut);
    page->bytes[out.len] = '\0';
}

static void has(const struct page *page, const char *text)
{
    if (!strstr(page->bytes, text))
        fail_msg("no %s in %s", text, page->bytes);
}

static void has_not(const struct page *page, const char *text)
{
    if (strstr(page->bytes, text))
        fail_msg("%s in %s", text, page->bytes);
}

static void add(struct page *page, struct str name, bool directory, uint64_t size)
{
    struct listing_entry entry = { size, 784111777, 0, 0, directory };

    assert_true(listing_add(&page->listing, name, entry));
}

static void test_rows(void **state)
{
    struct page *page = *state;

    add(page, STR("sub"), true, 4096);
    add(page, STR("a.txt"), false, 1536);
    write_page(page, STR("/"), by_name);
    has(page, "<!DOCTYPE html>\n<html lang=\"en\">");
    has(page, "<title>Index of /</title>");
    has(page, "<tr><td><a href=\"./sub/\"><bdi>sub/</bdi></a><td><td><time "
              "datetime=\"1994-11-06T08:49:37Z\">1994-11-06<span> 08:49</span></time>\n");
    has(page, "<tr><td><a href=\"./a.txt\"><bdi>a.txt</bdi></a><td title=\"1536 bytes\">1.5 "
              "KiB<td><time");
    has(page, "<p>1 directory, 1 file, 1.5 KiB</p>");
    has_not(page, "../");
    has_not(page, "There is more");
    page->listing.cut = true;
    write_page(page, STR("/"), by_name);
    has(page, "There is more in this directory than is shown here, which is the first 2 names");
}

static void test_names(void **state)
{
    static const struct {
        struct str name;
        const char *href, *shown;
    } rows[] = {
        { STR_INIT("<script>alert(1)</script>"), "%3Cscript%3Ealert(1)%3C/script%3E",
          "&lt;script&gt;alert(1)&lt;/script&gt;" },
        { STR_INIT("\" onclick=\"x'&amp;"), "%22%20onclick=%22x'&amp;amp;",
          "&quot; onclick=&quot;x&#39;&amp;amp;" },
        { STR_INIT("javascript:alert(1)"), "javascript:alert(1)", "javascript:alert(1)" },
        { STR_INIT("a\nb\x7f\x01"), "a%0Ab%7F%01",
          "a\xe2\x90\x8a"
          "b\xe2\x90\xa1\xe2\x90\x81" },
        { STR_INIT("\xff\xc3\xbc\xc3"), "%FF%C3%BC%C3", "\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd" },
        { STR_INIT("\xc2\x85"), "%C2%85", "\xef\xbf\xbd" },
        { STR_INIT("?#%&&"), "%3F%23%25&amp;&amp;", "?#%&amp;&amp;" },
        { STR_INIT("a b\\"), "a%20b%5C", "a b\\" },
    };
    struct page *page = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char wanted[512];
        struct text text = text_in(wanted, sizeof wanted);
        page->listing.count = 0;
        page->listing.names_len = 0;
        add(page, rows[i].name, false, 1);
        write_page(page, STR("/"), by_name);
        text_add(&text, STR("<td><a href=\"./"));
        text_add(&text, str_from(rows[i].href));
        text_add(&text, STR("\"><bdi>"));
        text_add(&text, str_from(rows[i].shown));
        text_add(&text, STR("</bdi></a><td title=\"1 byte\">1 B"));
        text_add(&text, str_of("", 1));
        has(page, wanted);
    }
}

static void test_heading(void **state)
{
    struct page *page = *state;

    write_page(page, STR("/a <b>/c&/"), by_name);
    has(page, "<title>Index of /a &lt;b&gt;/c&amp;/</title>");
    has(page, "<h1><a href=\"../../\">/</a><a href=\"../\">a &lt;b&gt;/</a>"
              "<a href=\"./\">c&amp;/</a></h1>");
    has(page, "<tr><td><a href=\"../\">../</a>");
    has(page, "<p>0 directories, 0 files, 0 B</p>");
}

/* What lies further up has no link, so that the page grows with the path and no faster. */
static void test_deep_path(void **state)
{
    struct page *page = *state;
    char path[4001] = "/";

    for (size_t i = 1; i < 4001; i += 2)
        memcpy(path + i, "d/", 2);
    write_page(page, str_of(path, 4001), by_name);
    has(page, "<h1>/d/d/d");
    assert_true(strlen(page->bytes) < 20000);
}

static void test_columns(void **state)
{
    struct page *page = *state;

    write_page(page, STR("/"), by_name);
    has(page, "<th aria-sort=\"ascending\"><a href=\"?sort=name&amp;order=desc\">Name</a>"
              "<th><a href=\"?sort=size&amp;order=desc\">Size</a>"
              "<th><a href=\"?sort=modified&amp;order=desc\">Modified<span> (UTC)</span></a>");
    write_page(page, STR("/"), (struct listing_form){ LISTING_HTML, LISTING_BY_SIZE, true });
    has(page, "<th><a href=\"?sort=name&amp;order=asc\">Name</a>"
              "<th aria-sort=\"descending\"><a href=\"?sort=size&amp;order=asc\">Size</a>");
}

static void test_sizes(void **state)
{
    static const struct {
        uint64_t size;
        const char *shown;
    } rows[] = {
        { 0, "\"0 bytes\">0 B<" },
        { 1, "\"1 byte\">1 B<" },
        { 1023, "\"1023 bytes\">1023 B<" },
        { 1024, ">1.0 KiB<" },
        { 10239, ">9.9 KiB<" },
        { 10240, ">10 KiB<" },
        { 1048575, ">1023 KiB<" },
        { 1048576, ">1.0 MiB<" },
        { 5ULL << 30, ">5.0 GiB<" },
        { 1ULL << 40, ">1.0 TiB<" },
        { UINT64_MAX, "\"18446744073709551615 bytes\">15 EiB<" },
    };
    struct page *page = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        page->listing.count = 0;
        add(page, STR("f"), false, rows[i].size);
        write_page(page, STR("/"), by_name);
        has(page, rows[i].shown);
    }
}

/* The bound holds for what grows the most. */
static void test_bound(void **state)
{
    struct page *page = *state;
    char name[200], path[4000];

    memset(path, '"', sizeof path);
    path[0] = '/';
    for (int i = 0; i < 100; i++) {
        memset(name, i % 2 ? '&' : '"', sizeof name);
        add(page, str_of(name, sizeof name), false, UINT64_MAX);
    }
    write_page(page, str_of(path, sizeof path), by_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, open_page, close_page),
        cmocka_unit_test_setup_teardown(test_names, open_page, close_page),
        cmocka_unit_test_setup_teardown(test_heading, open_page, close_page),
        cmocka_unit_test_setup_teardown(test_deep_path, open_page, close_page),
        cmocka_unit_test_setup_teardown(test_columns, open_page, close_page),
        cmocka_unit_test_setup_teardown(test_sizes, open_page, close_page),
        cmocka_unit_test_setup_teardown(test_bound, open_page, close_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rule_book.h"

static struct config_list list_of(const char *first, const char *second)
{
    struct config_list list = { .count = 0 };

    if (first)
        list.items[list.count++] = str_from(first);
    if (second)
        list.items[list.count++] = str_from(second);
    return list;
}

static void items_are_read(void **state)
{
    struct config config = {
        .headers = list_of("/blog/:slug: X-A:  b: c ", "/*: X-B: "),
        .redirects = list_of("/a=https://h:80/x=y", "/b/:id=/c/:id:302!"),
        .error_pages = list_of("404=/not found.html", "503=/busy/x%20.html"),
    };
    struct rule_book book;

    (void)state;
    assert_true(rule_book_make(&book, &config));
    assert_int_equal(book.headers.count, 2);
    assert_true(str_equal(book.headers.rules[0].lines, STR("X-A: b: c\r\n")));
    assert_true(str_equal(book.headers.rules[1].lines, STR("X-B: \r\n")));
    assert_int_equal(book.redirects.count, 2);
    assert_true(str_equal(book.redirects.rules[0].to, STR("https://h:80/x=y")));
    assert_int_equal(book.redirects.rules[0].status, 301);
    assert_true(str_equal(book.redirects.rules[1].to, STR("/c/:id")));
    assert_int_equal(book.redirects.rules[1].status, 302);
    assert_true(book.redirects.rules[1].forced);
    assert_true(str_equal(rule_book_page(&book, 404), STR("/not found.html")));
    assert_true(str_equal(rule_book_page(&book, 503), STR("/busy/x%20.html")));
    assert_int_equal(rule_book_page(&book, 403).len, 0);
    rule_book_release(&book);
}

static void bad_items_are_refused(void **state)
{
    static const char *const headers[] = {
        "",           "/*",       "/*: ",        "/*:X: y",         "X: y",
        "#/*: X: y",  "/*: X y",  "/*: X : y",   "/*: Date: now",   "/*: X: a\nb",
        "/*/*: X: y", "/*: #: y", "/*: X: \x01", "/a\n X: y: Y: z",
    };
    static const char *const redirects[] = {
        "",          "/a",      "/a=",   "a=/b",   "/a=b",   "/a=/b:300", "/a=/b /c", "/a=/b\n",
        "/a=//evil", "/a=:301", "/a=/a", "/a=/:x", "#/a=/b", "/a=#b",     "/a\t=/b",  "/a?x=/b",
    };
    static const char *const pages[] = {
        "",        "404",       "404=",    "404=x.html", "200=/a",  "=/a",
        "404=/a/", "404=/../a", "404=//a", "404=/./a",   "9999=/a", "404=/",
    };
    struct rule_book book = { .page_count = 0 };
    struct sentence why;
    unsigned bad;

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct config_list list = list_of("/*: X: y", headers[i]);
        if (rule_book_read_headers(&book, &list, &bad, &why))
            fail_msg("%s is taken", headers[i]);
        assert_int_equal(bad, 1);
    }
    for (size_t i = 0; i < sizeof redirects / sizeof redirects[0]; i++) {
        const struct config_list list = list_of("/*=/x", redirects[i]);
        if (rule_book_read_redirects(&book, &list, &bad, &why))
            fail_msg("%s is taken", redirects[i]);
        assert_int_equal(bad, 1);
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const struct config_list list = list_of("503=/x", pages[i]);
        if (rule_book_read_pages(&book, &list, &bad, &why))
            fail_msg("%s is taken", pages[i]);
        assert_int_equal(bad, 1);
    }
}

static void a_status_has_one_page(void **state)
{
    const struct config_list list = list_of("404=/a", "404=/b");
    struct rule_book book;
    struct sentence why;
    unsigned bad;

    (void)state;
    assert_false(rule_book_read_pages(&book, &list, &bad, &why));
    assert_int_equal(bad, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_read),
        cmocka_unit_test(bad_items_are_refused),
        cmocka_unit_test(a_status_has_one_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

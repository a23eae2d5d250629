/* The heads of replies and the replies without files, to the letter. */
#include "server/reply.h"

#include "http/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WHEN = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

struct page {
    char space[1024];
    struct text text;
    struct reply_clock clock;
};

static struct text *begin(struct page *page)
{
    memset(page, '#', sizeof *page);
    page->text = text_in(page->space, sizeof page->space);
    reply_clock_init(&page->clock, "", "");
    reply_clock_set(&page->clock, WHEN);
    return &page->text;
}

static void assert_page(const struct page *page, const char *expected)
{
    struct str seen = text_str(&page->text);

    assert_false(page->text.cut);
    if (!str_equal(seen, str_from(expected)))
        fail_msg("\"%.*s\" should be \"%s\"", (int)seen.len, seen.at, expected);
}

static void begins_with_status_date_and_connection(void **state)
{
    static const struct {
        int status;
        enum reply_connection connection;
        const char *expected;
    } cases[] = {
        { 200, REPLY_PERSISTS, "HTTP/1.1 200 OK\r\n" DATE },
        { 200, REPLY_CLOSES, "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\n" },
        { 200, REPLY_PERSISTS_1_0, "HTTP/1.1 200 OK\r\n" DATE "Connection: keep-alive\r\n" },
        { 404, REPLY_PERSISTS, "HTTP/1.1 404 Not Found\r\n" DATE },
        { 400, REPLY_CLOSES, "HTTP/1.1 400 Bad Request\r\n" DATE "Connection: close\r\n" },
        { 301, REPLY_PERSISTS_1_0,
          "HTTP/1.1 301 Moved Permanently\r\n" DATE "Connection: keep-alive\r\n" },
    };
    struct page page;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reply_begin(begin(&page), &page.clock, cases[i].status, cases[i].connection);
        assert_page(&page, cases[i].expected);
    }
}

/* Behind what is there already. */
static void plain_replies_say_their_status(void **state)
{
    struct page page;

    (void)state;
    text_add(begin(&page), STR("|"));
    assert_int_equal(reply_plain(&page.text, &page.clock, 404, REPLY_PERSISTS, STR(""), false), 14);
    assert_page(&page, "|HTTP/1.1 404 Not Found\r\n" DATE
                       "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n"
                       "404 Not Found\n");
}

/* The same head as GET's, the length among it (RFC 9110 9.3.2). */
static void head_gets_no_content(void **state)
{
    struct page page;

    (void)state;
    begin(&page);
    assert_int_equal(reply_plain(&page.text, &page.clock, 404, REPLY_CLOSES, STR(""), true), 0);
    assert_page(&page, "HTTP/1.1 404 Not Found\r\n" DATE "Connection: close\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n");
}

static void plain_replies_carry_more_fields(void **state)
{
    struct page page;

    (void)state;
    begin(&page);
    reply_plain(&page.text, &page.clock, 301, REPLY_PERSISTS, STR("Location: /a/\r\n"), false);
    assert_page(&page, "HTTP/1.1 301 Moved Permanently\r\n" DATE
                       "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n"
                       "Location: /a/\r\n\r\n301 Moved Permanently\n");
}

static void empty_replies_say_so(void **state)
{
    struct page page;

    (void)state;
    reply_empty(begin(&page), &page.clock, 200, REPLY_PERSISTS, STR("Allow: GET\r\n"));
    assert_page(&page, "HTTP/1.1 200 OK\r\n" DATE "Allow: GET\r\nContent-Length: 0\r\n\r\n");
    reply_empty(begin(&page), &page.clock, 405, REPLY_CLOSES, STR(""));
    assert_page(&page, "HTTP/1.1 405 Method Not Allowed\r\n" DATE
                       "Connection: close\r\nContent-Length: 0\r\n\r\n");
}

/* No status has words too long for its content, and the length is that of the content. */
static void every_status_fits(void **state)
{
    struct page page;

    (void)state;
    for (int status = 200; status < 600; status++) {
        char expected[512], content[128];
        struct str reason = http_reason(status);
        int len =
            snprintf(content, sizeof content, "%d %.*s\n", status, (int)reason.len, reason.at);

        snprintf(expected, sizeof expected,
                 "HTTP/1.1 %d %.*s\r\n" DATE "Connection: keep-alive\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
                 status, (int)reason.len, reason.at, len, content);
        begin(&page);
        size_t bytes =
            reply_plain(&page.text, &page.clock, status, REPLY_PERSISTS_1_0, STR(""), false);
        assert_int_equal(bytes, len);
        assert_page(&page, expected);
    }
}

/* In what was made ready and in what is put together. */
static void the_date_is_renewed(void **state)
{
    struct page page;

    (void)state;
    begin(&page);
    assert_int_equal(page.clock.unix_time, WHEN);
    reply_clock_set(&page.clock, WHEN + 1);
    assert_int_equal(page.clock.unix_time, WHEN + 1);
    reply_begin(&page.text, &page.clock, 200, REPLY_PERSISTS);
    reply_begin(&page.text, &page.clock, 200, REPLY_CLOSES);
    reply_begin(&page.text, &page.clock, 200, REPLY_PERSISTS_1_0);
    reply_begin(&page.text, &page.clock, 404, REPLY_PERSISTS);
    assert_page(&page, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
                       "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
                       "Connection: close\r\n"
                       "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
                       "Connection: keep-alive\r\n"
                       "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

static void what_all_replies_have_follows_the_date(void **state)
{
    struct page page;
    struct text *text = begin(&page);

    (void)state;
    reply_clock_init(&page.clock, "Strict-Transport-Security", "max-age=60");
    reply_clock_set(&page.clock, WHEN);
    reply_begin(text, &page.clock, 200, REPLY_CLOSES);
    reply_begin(text, &page.clock, 304, REPLY_PERSISTS);
    assert_page(&page,
                "HTTP/1.1 200 OK\r\n" DATE "Strict-Transport-Security: max-age=60\r\n"
                "Connection: close\r\n"
                "HTTP/1.1 304 Not Modified\r\n" DATE "Strict-Transport-Security: max-age=60\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_status_date_and_connection),
        cmocka_unit_test(plain_replies_say_their_status),
        cmocka_unit_test(head_gets_no_content),
        cmocka_unit_test(plain_replies_carry_more_fields),
        cmocka_unit_test(empty_replies_say_so),
        cmocka_unit_test(every_status_fits),
        cmocka_unit_test(the_date_is_renewed),
        cmocka_unit_test(what_all_replies_have_follows_the_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/accept.h"

#include <stdio.h>

enum { HTML, JSON, TYPES };

static const struct str types[TYPES] = { STR_INIT("text/html"), STR_INIT("application/json") };

static const struct {
    const char *fields; /* all of the request but Host */
    unsigned wanted;
} rows[] = {
    { "", HTML },
    { "Accept:\r\n", HTML },
    { "Accept: */*\r\n", HTML },
    { "Accept: application/json\r\n", JSON },
    { "aCCePt: APPLICATION/JSON\r\n", JSON },
    { "Accept: text/html\r\n", HTML },
    { "Accept: application/*\r\n", JSON },
    { "Accept: text/*\r\n", HTML },
    { "Accept: image/png\r\n", HTML },
    /* What clients send. */
    { "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n",
      HTML },
    { "Accept: application/json, text/plain, */*\r\n", JSON },
    { "Accept: application/json, */*;q=0.5\r\n", JSON },
    { "Accept: text/html, application/json\r\n", HTML },
    { "Accept: application/json, text/html\r\n", HTML },
    /* Weights. */
    { "Accept: application/json;q=0.9, text/html;q=0.8\r\n", JSON },
    { "Accept: application/json;q=0.8, text/html;q=0.9\r\n", HTML },
    { "Accept: text/html;q=0, */*;q=0.1\r\n", JSON },
    { "Accept: text/html;q=0, application/json;q=0\r\n", HTML },
    { "Accept: application/json;q=0, */*\r\n", HTML },
    { "Accept: */*;q=0\r\n", HTML },
    { "Accept: application/json;q=0.001\r\n", JSON },
    /* The most exact range has the say, wherever it stands. */
    { "Accept: */*;q=1, text/html;q=0.1, application/*;q=0.2\r\n", JSON },
    { "Accept: text/html;q=0.1, */*;q=1\r\n", JSON },
    { "Accept: text/*;q=0.9, */*;q=0.1, application/json;q=0.5\r\n", HTML },
    /* Parameters, white space, empty members, several fields. */
    { "Accept: application/json; charset=utf-8 ; Q=0.7 , text/html;q=0.6\r\n", JSON },
    { "Accept: application/json;q=0.7;ext=1;q=0.1, text/html;q=0.6\r\n", JSON },
    { "Accept: ,, ;q=1, application/json,\r\n", JSON },
    { "Accept: image/png\r\nX: y\r\nAccept: application/json\r\n", JSON },
    { "Accept: application/json;q=0.2\r\nAccept: application/json\r\nAccept: text/html;q=0.9\r\n",
      JSON },
    /* What breaks the grammar is passed over. */
    { "Accept: application/json;q=2\r\n", HTML },
    { "Accept: application/json;q=1.5, application/json;q=0.5\r\n", JSON },
    { "Accept: application/jsonx, application/jso, json, application\r\n", HTML },
    { "Accept: /*, /, *, a/*, application/jsonp/*\r\n", HTML },
    { "X-Accept: application/json\r\n", HTML },
};

/* The head lies in `space`. */
static struct http_request asking(const char *fields, char space[512])
{
    struct http_request request;
    int len = snprintf(space, 512, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);

    assert_int_equal(http_request_parse(&request, space, (size_t)len, 512), len);
    return request;
}

static unsigned choose(const char *fields)
{
    char space[512];
    struct http_request request = asking(fields, space);

    return http_accept_choose(&request, types, TYPES);
}

static void test_types_are_named(void **state)
{
    static const struct {
        const char *fields;
        bool named;
    } cases[] = {
        { "", false },
        { "Accept: */*\r\n", false },
        { "Accept: text/*\r\n", false },
        { "Accept: text/html\r\n", true },
        { "Accept: image/png, TEXT/HTML;q=0.1, */*\r\n", true },
        { "Accept: image/png\r\nAccept: text/html;level=1\r\n", true },
        { "Accept: text/html;q=0\r\n", false },
        { "Accept: text/html;q=0.000, */*\r\n", false },
        { "Accept: text/htm, text/htmls, x-text/html\r\n", false },
    };
    char space[512];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request request = asking(cases[i].fields, space);
        if (http_accept_names(&request, STR("text/html")) != cases[i].named)
            fail_msg("%s", cases[i].fields);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (choose(rows[i].fields) != rows[i].wanted)
            fail_msg("%s does not give %u", rows[i].fields, rows[i].wanted);
}

static void test_members_have_a_limit(void **state)
{
    char head[512] = "GET / HTTP/1.1\r\nHost: h\r\nAccept: ";
    struct http_request request;

    (void)state;
    for (int i = 0; i < 64; i++)
        memcpy(head + strlen(head), "a,", 3);
    memcpy(head + strlen(head), "application/json\r\n\r\n", sizeof "application/json\r\n\r\n");
    assert_true(http_request_parse(&request, head, strlen(head), sizeof head) > 0);
    assert_int_equal(http_accept_choose(&request, types, TYPES), HTML);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_types_are_named),
        cmocka_unit_test(test_members_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

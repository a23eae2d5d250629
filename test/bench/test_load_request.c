#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/request.h"

static const struct str targets[] = { STR_INIT("/a"), STR_INIT("/bb"), STR_INIT("/c?d") };

static void assert_bytes(struct str got, const char *expected)
{
    if (!str_equal(got, str_from(expected)))
        fail_msg("got:\n%.*s\nexpected:\n%s", (int)got.len, got.at, expected);
}

static struct requests built(const struct request_form *form, unsigned count, unsigned run)
{
    struct requests r;
    struct sentence why;

    assert_true(requests_build(&r, form, targets, count, run, &why));
    return r;
}

#define A "GET /a HTTP/1.1\r\nHost: h:1\r\n\r\n"
#define B "GET /bb HTTP/1.1\r\nHost: h:1\r\n\r\n"
#define C "GET /c?d HTTP/1.1\r\nHost: h:1\r\n\r\n"

static void runs_are_one_piece_wherever_they_begin(void **state)
{
    struct request_form form = { .method = STR("GET"), .authority = STR("h:1") };
    struct requests r = built(&form, 3, 4);

    (void)state;
    assert_bytes(requests_run(&r, 0, 1), A);
    assert_bytes(requests_run(&r, 1, 1), B);
    assert_bytes(requests_run(&r, 2, 4), C A B C);
    assert_bytes(requests_run(&r, 0, 4), A B C A);
    requests_free(&r);
    r = built(&form, 1, 3);
    assert_bytes(requests_run(&r, 0, 3), A A A);
    assert_false(r.to_head);
    requests_free(&r);
}

static void fields_come_as_they_were_given(void **state)
{
    static const struct str fields[] = { STR_INIT("X: y"), STR_INIT("host: other") };
    struct request_form form = {
        .method = STR("HEAD"),
        .authority = STR("h"),
        .fields = fields,
        .field_count = 2,
        .close = true,
    };
    struct requests r = built(&form, 1, 1);

    (void)state;
    assert_bytes(requests_run(&r, 0, 1),
                 "HEAD /a HTTP/1.1\r\nX: y\r\nhost: other\r\nConnection: close\r\n\r\n");
    assert_true(r.to_head);
    requests_free(&r);
}

static void a_browser_sends_a_dozen(void **state)
{
    struct request_form form = { .method = STR("GET"), .authority = STR("h"), .browser = true };
    struct requests r = built(&form, 1, 1);
    struct str bytes = requests_run(&r, 0, 1);
    unsigned lines = 0;

    (void)state;
    for (size_t i = 0; i < bytes.len; i++)
        lines += bytes.at[i] == '\n';
    assert_int_equal(lines, 1 + 1 + 12 + 1);
    requests_free(&r);
}

static void bodies_have_a_length_or_chunks(void **state)
{
    struct request_form form = {
        .method = STR("POST"), .authority = STR("h"), .has_body = true, .body = STR("hello")
    };
    struct requests r = built(&form, 1, 2);

    (void)state;
    assert_bytes(requests_run(&r, 0, 1),
                 "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    requests_free(&r);
    form.chunked = true;
    r = built(&form, 1, 1);
    assert_bytes(requests_run(&r, 0, 1), "POST /a HTTP/1.1\r\nHost: h\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n"
                                         "5\r\nhello\r\n0\r\n\r\n");
    requests_free(&r);
    form.body.len = 0;
    r = built(&form, 1, 1);
    assert_bytes(requests_run(&r, 0, 1), "POST /a HTTP/1.1\r\nHost: h\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    requests_free(&r);
}

static void long_bodies_fit(void **state)
{
    static char body[1000001];
    struct request_form form = {
        .method = STR("POST"),
        .authority = STR("h"),
        .has_body = true,
        .chunked = true,
        .body = { body, sizeof body },
    };
    struct requests r = built(&form, 3, 2);
    struct str bytes = requests_run(&r, 2, 2);

    (void)state;
    assert_true(bytes.len > 2 * sizeof body);
    assert_true(str_ends(bytes, STR("\r\n0\r\n\r\n")));
    requests_free(&r);
}

static void too_much_is_refused(void **state)
{
    struct request_form form = {
        .method = STR("POST"),
        .authority = STR("h"),
        .has_body = true,
        .body = { "", REQUEST_BYTES_MAX / 2 },
    };
    struct requests r;
    struct sentence why = { "" };

    (void)state;
    assert_false(requests_build(&r, &form, targets, 1, 2, &why));
    assert_true(strlen(why.text) > 0);
    requests_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_one_piece_wherever_they_begin),
        cmocka_unit_test(fields_come_as_they_were_given),
        cmocka_unit_test(a_browser_sends_a_dozen),
        cmocka_unit_test(bodies_have_a_length_or_chunks),
        cmocka_unit_test(long_bodies_fit),
        cmocka_unit_test(too_much_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

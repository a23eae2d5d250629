/* app/call.c: what a handler is shown, and what becomes of what it says. */
#include "app/call.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "GET /p?a=1&b=x%20y&a=2&%63=d HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\nX-None:\r\n\r\n"

struct scene {
    struct http_request head;
    struct endpoint_match match;
    struct ringlet_request request;
    struct ringlet_reply reply;
    char decoded[8], fields[CALL_FIELDS_ROOM], copied[64];
};

/* There is little room for what is decoded, so that some of it is on the heap. */
static void set_scene(struct scene *s)
{
    *s = (struct scene){
        .match = { .count = 1, .names = { STR_INIT("id") }, .values = { STR_INIT("7") } }
    };
    assert_int_equal(http_request_parse(&s->head, HEAD, sizeof HEAD - 1, 4096), sizeof HEAD - 1);
    s->request = (struct ringlet_request){ .head = &s->head,
                                           .path = STR("/p"),
                                           .match = &s->match,
                                           .peer = STR("127.0.0.1"),
                                           .state = s,
                                           .decoded = text_in(s->decoded, sizeof s->decoded) };
    s->reply = (struct ringlet_reply){ .status = 200,
                                       .fields = text_in(s->fields, sizeof s->fields),
                                       .copied = text_in(s->copied, sizeof s->copied) };
}

static bool is(struct ringlet_slice slice, const char *text)
{
    return slice.at && str_equal(str_of(slice.at, slice.len), str_from(text));
}

static void a_request_is_shown(void **state)
{
    struct scene s;
    void *made = &s;

    (void)state;
    set_scene(&s);
    assert_true(is(ringlet_method(&s.request), "GET"));
    assert_true(is(ringlet_path(&s.request), "/p"));
    assert_true(is(ringlet_param(&s.request, "id"), "7"));
    assert_null(ringlet_param(&s.request, "other").at);
    assert_true(is(ringlet_query(&s.request), "a=1&b=x%20y&a=2&%63=d"));
    assert_true(is(ringlet_peer(&s.request), "127.0.0.1"));
    assert_false(ringlet_secure(&s.request));
    s.request.secure = true;
    assert_true(ringlet_secure(&s.request));
    assert_ptr_equal(ringlet_state(&s.request), &s);
    s.request.body = STR("content");
    assert_true(is(ringlet_body(&s.request), "content"));
    assert_null(ringlet_body_state(&s.request));
    s.request.body_state = &made;
    assert_ptr_equal(ringlet_body_state(&s.request), &s);
    assert_null(ringlet_body_state(&s.request));
}

static void queries_are_decoded(void **state)
{
    static const char *const wanted[] = { "a", "1", "b", "x y", "a", "2", "c", "d" };
    struct ringlet_slice name, value;
    struct scene s;
    size_t at = 0, i = 0;

    (void)state;
    set_scene(&s);
    assert_true(is(ringlet_query_value(&s.request, "a"), "1"));
    assert_true(is(ringlet_query_value(&s.request, "c"), "d"));
    assert_null(ringlet_query_value(&s.request, "e").at);
    while (ringlet_query_next(&s.request, &at, &name, &value)) {
        assert_true(is(name, wanted[i]) && is(value, wanted[i + 1]));
        i += 2;
    }
    assert_int_equal(i, 8);
    for (i = 0; i < 8; i++)
        assert_true(is(ringlet_query_value(&s.request, "b"), "x y"));
    assert_non_null(s.request.more);
    call_free_decoded(&s.request);
    assert_null(s.request.more);
}

static void fields_are_found_whatever_their_case(void **state)
{
    struct ringlet_slice name, value;
    struct scene s;
    size_t at = 0, count = 0;

    (void)state;
    set_scene(&s);
    assert_true(is(ringlet_header(&s.request, "x-ONE"), "1"));
    assert_true(is(ringlet_header(&s.request, "X-None"), ""));
    assert_null(ringlet_header(&s.request, "X-Other").at);
    while (ringlet_header_next(&s.request, &at, &name, &value))
        count++;
    assert_int_equal(count, 4);
    assert_true(is(name, "X-None"));
}

static void statuses_are_checked(void **state)
{
    struct scene s;

    (void)state;
    set_scene(&s);
    assert_int_equal(ringlet_reply_status(&s.reply, 199), -EINVAL);
    assert_int_equal(ringlet_reply_status(&s.reply, 600), -EINVAL);
    assert_int_equal(s.reply.status, 200);
    assert_int_equal(ringlet_reply_status(&s.reply, 404), 0);
    assert_int_equal(s.reply.status, 404);
}

static void bad_fields_are_refused(void **state)
{
    static const struct {
        const char *name, *value;
    } cases[] = {
        { "X", "a\r\nY: b" },
        { "X", "a\n" },
        { "X", "\x01" },
        { "X\r", "a" },
        { "X:", "a" },
        { "", "a" },
        { "content-length", "1" },
        { "Connection", "close" },
        { "Transfer-Encoding", "chunked" },
        { "Date", "now" },
        { "X Y", "a" },
    };
    struct scene s;

    (void)state;
    set_scene(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ringlet_reply_header(&s.reply, cases[i].name, cases[i].value), -EINVAL);
    assert_int_equal(s.reply.fields.len, 0);
    assert_int_equal(ringlet_reply_redirect(&s.reply, 301, "/\r\nX: y"), -EINVAL);
    assert_int_equal(ringlet_reply_redirect(&s.reply, 301, ""), -EINVAL);
    assert_int_equal(ringlet_reply_redirect(&s.reply, 304, "/"), -EINVAL);
    assert_int_equal(ringlet_reply_header(&s.reply, "X", " a\tb "), 0);
    assert_true(str_equal(text_str(&s.reply.fields), STR("X: a\tb\r\n")));
    assert_false(s.reply.typed);
    assert_int_equal(ringlet_reply_header(&s.reply, "content-type", "text/html"), 0);
    assert_true(s.reply.typed && !s.reply.done);
}

static void fields_have_a_limit(void **state)
{
    struct scene s;
    int added = 0;

    (void)state;
    set_scene(&s);
    while (ringlet_reply_header(&s.reply, "X", "0123456789abc") == 0)
        added++;
    assert_int_equal(added, RINGLET_FIELDS_SIZE / 18);
    assert_int_equal(ringlet_reply_header(&s.reply, "X", "0123456789abc"), -ENOSPC);
    assert_false(s.reply.fields.cut);
}

static void release(void *owner)
{
    ++*(int *)owner;
}

static void a_reply_is_finished_once(void **state)
{
    struct scene s;
    int released = 0;

    (void)state;
    set_scene(&s);
    assert_int_equal(ringlet_reply_send(&s.reply, "abc", 3), 0);
    assert_false(s.reply.again);
    assert_int_equal(ringlet_reply_status(&s.reply, 404), -EALREADY);
    assert_int_equal(ringlet_reply_header(&s.reply, "X", "y"), -EALREADY);
    assert_false(s.reply.again);
    assert_int_equal(ringlet_reply_give(&s.reply, "d", 1, release, &released), -EALREADY);
    assert_int_equal(released, 1);
    assert_int_equal(ringlet_reply_send(&s.reply, "d", 1), -EALREADY);
    assert_int_equal(ringlet_reply_printf(&s.reply, "d"), -EALREADY);
    assert_int_equal(ringlet_reply_redirect(&s.reply, 301, "/"), -EALREADY);
    assert_true(s.reply.again);
    assert_true(str_equal(s.reply.content, STR("abc")));
    assert_int_equal(s.reply.status, 200);
}

static void content_is_copied_or_owned(void **state)
{
    char bytes[200];
    struct scene s;
    int released = 0;

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    set_scene(&s);
    assert_int_equal(ringlet_reply_send(&s.reply, bytes, sizeof bytes), 0);
    assert_ptr_not_equal(s.reply.content.at, bytes);
    assert_true(str_equal(s.reply.content, str_of(bytes, sizeof bytes)));
    call_release(&s.reply);
    set_scene(&s);
    assert_int_equal(ringlet_reply_printf(&s.reply, "%d %.*s", 7, 100, bytes), 0);
    assert_int_equal(s.reply.content.len, 102);
    call_release(&s.reply);
    set_scene(&s);
    assert_int_equal(ringlet_reply_printf(&s.reply, "%d", 7), 0);
    assert_true(str_equal(s.reply.content, STR("7")));
    set_scene(&s);
    assert_int_equal(ringlet_reply_give(&s.reply, bytes, 3, release, &released), 0);
    assert_ptr_equal(s.reply.content.at, bytes);
    assert_int_equal(released, 0);
    call_release(&s.reply);
    call_release(&s.reply);
    assert_int_equal(released, 1);
}

static void names_that_are_null_are_not_found(void **state)
{
    struct ringlet_slice name, value;
    struct scene s;
    size_t at = 0;

    (void)state;
    set_scene(&s);
    assert_null(ringlet_param(&s.request, NULL).at);
    assert_null(ringlet_query_value(&s.request, NULL).at);
    assert_null(ringlet_header(&s.request, NULL).at);
    assert_false(ringlet_query_next(&s.request, NULL, &name, &value));
    assert_false(ringlet_query_next(&s.request, &at, NULL, &value));
    assert_false(ringlet_query_next(&s.request, &at, &name, NULL));
    assert_false(ringlet_header_next(&s.request, NULL, &name, &value));
    assert_false(ringlet_header_next(&s.request, &at, NULL, &value));
    assert_false(ringlet_header_next(&s.request, &at, &name, NULL));
    assert_int_equal(at, 0);
}

/* What takes a pointer that is NULL leaves the reply as it was. */
static void what_a_reply_needs_may_not_be_null(void **state)
{
    int released = 0;
    struct scene s;

    (void)state;
    set_scene(&s);
    s.reply.reads = true;
    assert_int_equal(ringlet_reply_header(&s.reply, NULL, "x"), -EINVAL);
    assert_int_equal(ringlet_reply_header(&s.reply, "x", NULL), -EINVAL);
    assert_int_equal(ringlet_reply_send(&s.reply, NULL, 1), -EINVAL);
    assert_int_equal(ringlet_reply_give(&s.reply, NULL, 1, release, &released), -EINVAL);
    assert_int_equal(released, 1);
    assert_int_equal(ringlet_reply_printf(&s.reply, NULL), -EINVAL);
    assert_int_equal(ringlet_reply_redirect(&s.reply, 301, NULL), -EINVAL);
    assert_int_equal(ringlet_reply_file(&s.reply, NULL), -EINVAL);
    assert_false(s.reply.done || s.reply.again);
    assert_int_equal(s.reply.fields.len, 0);
    assert_int_equal(ringlet_reply_send(&s.reply, NULL, 0), 0);
    assert_int_equal(s.reply.content.len, 0);
}

static void a_reply_that_is_null_is_refused(void **state)
{
    int released = 0;

    (void)state;
    assert_int_equal(ringlet_reply_status(NULL, 200), -EINVAL);
    assert_int_equal(ringlet_reply_header(NULL, "X", "y"), -EINVAL);
    assert_int_equal(ringlet_reply_send(NULL, "a", 1), -EINVAL);
    assert_int_equal(ringlet_reply_give(NULL, "a", 1, release, &released), -EINVAL);
    assert_int_equal(released, 1);
    assert_int_equal(ringlet_reply_printf(NULL, "a"), -EINVAL);
    assert_int_equal(ringlet_reply_redirect(NULL, 301, "/"), -EINVAL);
    assert_int_equal(ringlet_reply_file(NULL, "/"), -EINVAL);
    assert_null(ringlet_reply_later(NULL, NULL, NULL));
    assert_int_equal(ringlet_reply_timer(NULL, 1, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_shown),
        cmocka_unit_test(queries_are_decoded),
        cmocka_unit_test(fields_are_found_whatever_their_case),
        cmocka_unit_test(statuses_are_checked),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(fields_have_a_limit),
        cmocka_unit_test(a_reply_is_finished_once),
        cmocka_unit_test(content_is_copied_or_owned),
        cmocka_unit_test(names_that_are_null_are_not_found),
        cmocka_unit_test(what_a_reply_needs_may_not_be_null),
        cmocka_unit_test(a_reply_that_is_null_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

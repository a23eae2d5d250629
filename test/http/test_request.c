#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "guard.h"
#include "http/field.h"
#include "http/request.h"
#include "request_cases.h"

#include <stdio.h>

enum { MAX_HEAD = 16384 };

static void add_or_dash(struct text *t, struct str s)
{
    text_add(t, STR(" "));
    text_add(t, s.at ? s : STR("-"));
}

/* Write what was read as the cases write it. */
static struct str sum_up(struct text *t, const struct http_request *r)
{
    const char *const forms[] = { "origin", "absolute", "authority", "asterisk" };

    text_add(t, http_method_name(r->method));
    assert_true(str_equal(http_request_method_name(r), http_method_name(r->method)));
    add_or_dash(t, str_from(forms[r->form]));
    add_or_dash(t, r->path);
    add_or_dash(t, r->query);
    add_or_dash(t, r->host);
    text_add(t, r->minor == 1 ? STR(" 1.1") : STR(" 1.0"));
    if (r->keep_alive)
        text_add(t, STR(" keep"));
    if (r->chunked)
        text_add(t, STR(" chunked"));
    if (r->has_length) {
        text_add(t, STR(" length="));
        text_add_number(t, r->length);
    }
    if (r->expects_continue)
        text_add(t, STR(" continue"));
    if (r->expects_other)
        text_add(t, STR(" expects"));
    assert_false(t->cut);
    return text_str(t);
}

static void check_outcome(const struct request_case *c, struct http_request *r, ssize_t got)
{
    char memory[4096];
    struct text t = text_in(memory, sizeof memory);
    ssize_t wanted = c->status == 200 ? (ssize_t)c->bytes.len : -c->status;

    if (got != wanted)
        fail_msg("%s: got %zd, not %zd", c->bytes.at, got, wanted);
    if (got <= 0)
        return;
    struct str sum = sum_up(&t, r);
    if (!str_equal(sum, str_from(c->sum)))
        fail_msg("%s: got '%.*s', not '%s'", c->bytes.at, (int)sum.len, sum.at, c->sum);
}

/* Every proper prefix wants more or is refused as the whole is. */
static void check_prefixes(const struct request_case *c, struct guard guard)
{
    struct http_request r;

    for (size_t len = 0; len < c->bytes.len; len++) {
        const char *at = guard_at_end(guard, c->bytes.at, len);
        ssize_t got = http_request_parse(&r, at, len, MAX_HEAD);
        if (got != 0 && (c->status == 200 || got != -c->status))
            fail_msg("%s: got %zd for the first %zu bytes", c->bytes.at, got, len);
    }
}

static void check_case(const struct request_case *c, struct guard guard)
{
    struct http_request r;
    char longer[20000];
    size_t len = c->bytes.len;

    const char *at = guard_at_end(guard, c->bytes.at, len);
    check_outcome(c, &r, http_request_parse(&r, at, len, MAX_HEAD));
    at = guard_at_start(guard, c->bytes.at, len);
    check_outcome(c, &r, http_request_parse(&r, at, len, MAX_HEAD));
    check_prefixes(c, guard);

    if (c->status == 0)
        return;
    assert_true(len + 64 <= sizeof longer);
    memset(longer, '\0', sizeof longer);
    memcpy(longer, c->bytes.at, len);
    for (int filler = 0; filler < 256; filler += 5) {
        memset(longer + len, filler, 64);
        check_outcome(c, &r, http_request_parse(&r, longer, len + 64, MAX_HEAD));
    }
}

static void test_cases(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (size_t i = 0; i < sizeof request_cases / sizeof request_cases[0]; i++)
        check_case(&request_cases[i], guard);
    guard_free(guard);
}

/* Put a byte of every value at every place of a request; what the outcome must be is known from RFC
 * 9112's grammar for a few places, and for all that no prefix contradicts the whole. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    struct str base = STR("GET /a?b HTTP/1.1\r\nHost: h:80\r\nA-b: c d\r\n\r\n");
    struct http_request r;

    for (size_t place = 0; place < base.len; place++) {
        for (int value = 0; value < 256; value++) {
            char bytes[64];
            memcpy(bytes, base.at, base.len);
            bytes[place] = (char)value;
            const char *whole = guard_at_start(guard, bytes, base.len);
            ssize_t outcome = http_request_parse(&r, whole, base.len, MAX_HEAD);
            for (size_t len = 0; len < base.len; len++) {
                const char *at = guard_at_end(guard, bytes, len);
                ssize_t got = http_request_parse(&r, at, len, MAX_HEAD);
                assert_true(got == 0 || (outcome < 0 && got == outcome));
            }
            bool control = (value < 0x20 && value != '\t') || value == 0x7f;
            if (control && bytes[place] != base.at[place])
                assert_true(outcome < 0);
        }
    }
    guard_free(guard);
}

/* A field line at every distance from the end of the bytes and with names and values of every
 * length, so that each way of reading blocks is taken; each read must give back what was put in. */
static void test_lengths(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (size_t name = 1; name <= 40; name++) {
        for (size_t value = 0; value <= 70; value++) {
            char bytes[256];
            struct http_request r;
            int len =
                snprintf(bytes, sizeof bytes, "GET / HTTP/1.0\r\n%.*s: %.*s\r\n\r\n", (int)name,
                         "Abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrst", (int)value,
                         "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ~!@#$%^&*"
                         "()");
            const char *at = guard_at_end(guard, bytes, (size_t)len);
            assert_int_equal(http_request_parse(&r, at, (size_t)len, MAX_HEAD), len);
            assert_int_equal(r.field_count, 1);
            struct http_field field = http_field_at(&r, 0);
            assert_int_equal(field.name.len, name);
            assert_ptr_equal(field.name.at, at + 16);
            struct str sent = str_trim(str_of(at + 18 + name, value));
            assert_true(str_equal(field.value, sent));
        }
    }
    guard_free(guard);
}

static const char *const asked[] = { "Accept-Encoding", "Referer", "User-Agent" };

enum { ASKED = sizeof asked / sizeof asked[0] };

/* Parse a request with two fields of that name; say as which of those asked for the first is found,
 * -1 for none. */
static int found_as(struct str name)
{
    char bytes[256];
    struct http_request r;
    int taken = -1;
    int len = snprintf(bytes, sizeof bytes, "GET / HTTP/1.0\r\n%.*s: one\r\n%.*s: two\r\n\r\n",
                       (int)name.len, name.at, (int)name.len, name.at);

    assert_int_equal(http_request_parse(&r, bytes, (size_t)len, MAX_HEAD), len);
    for (size_t i = 0; i < ASKED; i++) {
        struct str value = http_field_first(&r, str_from(asked[i]));
        if (!value.at)
            continue;
        assert_int_equal(taken, -1);
        assert_true(str_equal(value, STR("one")));
        taken = (int)i;
    }
    return taken;
}

/* Known names are known in any case, and no name that differs in a byte is taken for one. */
static void test_known_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ASKED; i++) {
        char name[32] = { 0 };
        size_t len = strlen(asked[i]);
        for (size_t place = 0; place < len; place++) {
            memcpy(name, asked[i], len);
            assert_int_equal(found_as(str_of(name, len)), i);
            for (const char *other = "abcxyzABCXYZ019-_.!~"; *other; other++) {
                memcpy(name, asked[i], len);
                name[place] = *other;
                bool same = str_equal_nocase(str_of(name, len), str_from(asked[i]));
                assert_int_equal(found_as(str_of(name, len)), same ? (int)i : -1);
            }
        }
    }
}

static bool is_conditional_with(struct str name)
{
    char bytes[128];
    struct http_request r;
    int len = snprintf(bytes, sizeof bytes, "GET / HTTP/1.0\r\nA: 1\r\n%.*s: x\r\nB: 2\r\n\r\n",
                       (int)name.len, name.at);

    assert_int_equal(http_request_parse(&r, bytes, (size_t)len, MAX_HEAD), len);
    return r.conditional;
}

/* Those of RFC 9110 13.1 and 14.2, in any case, and no others. */
static void test_conditional_fields(void **state)
{
    static const char *const names[] = {
        "If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "Range", "If-Unmodified-Since"
    };
    static const char *const others[] = { "If-Matches", "Ranges", "If-Rangf", "Accept-Ranges",
                                          "If",         "Host",   "X-Range",  "Content-Range" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[32] = { 0 };
        size_t len = strlen(names[i]);
        for (size_t place = 0; place < len; place++) {
            memcpy(name, names[i], len);
            assert_true(is_conditional_with(str_of(name, len)));
            name[place] ^= name[place] == '-' ? 0 : 0x20;
            assert_true(is_conditional_with(str_of(name, len)));
            name[place] = '_';
            assert_false(is_conditional_with(str_of(name, len)));
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(is_conditional_with(str_from(others[i])));
}

static ssize_t parse_with_fields(unsigned count, bool ended)
{
    char memory[4096];
    struct http_request r;
    struct text t = text_in(memory, sizeof memory);

    text_add(&t, STR("GET / HTTP/1.1\r\nHost: h\r\n"));
    for (unsigned i = 1; i < count; i++)
        text_add(&t, STR("A: b\r\n"));
    if (ended)
        text_add(&t, STR("\r\n"));
    assert_false(t.cut);
    return http_request_parse(&r, t.at, t.len, MAX_HEAD);
}

static void test_too_many_fields(void **state)
{
    (void)state;
    assert_true(parse_with_fields(HTTP_FIELDS_MAX, true) > 0);
    assert_int_equal(parse_with_fields(HTTP_FIELDS_MAX, false), 0);
    assert_int_equal(parse_with_fields(HTTP_FIELDS_MAX + 1, false), -431);
    assert_int_equal(parse_with_fields(HTTP_FIELDS_MAX + 1, true), -431);
}

/* With any limit below its length a head is refused, whether or not more of it is there; from its
 * length on it is taken. */
static void test_max_head(void **state)
{
    (void)state;
    struct http_request r;
    struct str bytes = STR("\r\nGET /abc HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n");
    size_t line = strlen("\r\nGET /abc HTTP/1.1\r\n");
    size_t head = strlen("\r\nGET /abc HTTP/1.1\r\nHost: h\r\n\r\n");

    for (size_t max = 1; max < bytes.len; max++) {
        for (size_t len = 0; len <= bytes.len; len++) {
            ssize_t wanted = (ssize_t)head;
            if (max < head)
                wanted = max <= 2 ? -400 : max < line ? -414 : -431;
            if (len < max && len < head)
                wanted = 0;
            ssize_t got = http_request_parse(&r, bytes.at, len, max);
            if (got != wanted)
                fail_msg("max_head %zu, %zu bytes: got %zd, not %zd", max, len, got, wanted);
        }
    }
}

static void test_only_empty_lines(void **state)
{
    (void)state;
    char bytes[64];
    struct http_request r;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i % 2 == 0 ? '\r' : '\n';
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_int_equal(http_request_parse(&r, bytes, len, sizeof bytes), 0);
    assert_int_equal(http_request_parse(&r, bytes, sizeof bytes, sizeof bytes), -400);
    assert_int_equal(http_request_parse(&r, bytes, sizeof bytes, sizeof bytes - 1), -400);
}

struct refusal {
    struct str bytes;
    size_t max_head;
    int status;
    const char *method_name, *target;
};

static const struct refusal refusals[] = {
    { STR_INIT("\x16\x03\x01"), MAX_HEAD, 400, "", "" },
    { STR_INIT("GET /\x01"), MAX_HEAD, 400, "GET", "" },
    { STR_INIT("GET /x HTTP/1.1 \r\n"), MAX_HEAD, 400, "GET", "/x" },
    { STR_INIT("BREW /pot HTTP/1.1\r\n"), MAX_HEAD, 501, "BREW", "/pot" },
    { STR_INIT("POST /y HTTP/2.0\r\n"), MAX_HEAD, 505, "POST", "/y" },
    { STR_INIT("HEAD /a HTTP/1.1\r\nA : b\r\n"), MAX_HEAD, 400, "HEAD", "/a" },
    { STR_INIT("DELETE /long HTTP/1.1\r\n"), 10, 414, "DELETE", "" },
    { STR_INIT("PUT /long HTTP/1.1\r\nA: b\r\n"), 24, 431, "PUT", "/long" },
};

/* The access log says of a refused request what had been read of it. */
static void test_refused_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *c = &refusals[i];
        struct http_request r;
        memset(&r, 0xa5, sizeof r);
        ssize_t got = http_request_parse(&r, c->bytes.at, c->bytes.len, c->max_head);
        assert_int_equal(got, -c->status);
        assert_true(str_equal(http_request_method_name(&r), str_from(c->method_name)));
        assert_true(str_equal(r.target, str_from(c->target)));
        assert_int_equal(r.method, http_method_of(http_request_method_name(&r)));
        assert_null(http_field_first(&r, STR("User-Agent")).at);
        assert_null(http_field_first(&r, STR("Referer")).at);
    }
}

/* Only what says where the fields are that were read is written: there may be many. */
static void test_unused_fields_are_left_alone(void **state)
{
    (void)state;
    struct http_request r;
    struct str bytes = STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n");

    memset(&r, 0xa5, sizeof r);
    assert_true(http_request_parse(&r, bytes.at, bytes.len, MAX_HEAD) > 0);
    for (size_t i = 2; i < sizeof r.lines / sizeof r.lines[0]; i++)
        assert_int_equal((uintptr_t)r.lines[i], 0xa5a5a5a5a5a5a5a5);
    for (size_t i = 1; i < HTTP_FIELDS_MAX; i++)
        assert_int_equal(r.name_lens[i], 0xa5a5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_conditional_fields),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_max_head),
        cmocka_unit_test(test_only_empty_lines),
        cmocka_unit_test(test_refused_is_told),
        cmocka_unit_test(test_unused_fields_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

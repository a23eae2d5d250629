#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "guard.h"
#include "http/chunked.h"

struct chunked_case {
    struct str bytes;
    int status;          /* 200: read to its end; 0: more is needed; others: refused */
    const char *content; /* all that must have been handed out until then */
};

#define END "0\r\n\r\n"

static const struct chunked_case cases[] = {
    { STR_INIT(END), 200, "" },
    { STR_INIT("1\r\na\r\n" END), 200, "a" },
    { STR_INIT("5\r\nhello\r\n6\r\n world\r\n" END), 200, "hello world" },
    { STR_INIT("A\r\n0123456789\r\n" END), 200, "0123456789" },
    { STR_INIT("a\r\n0123456789\r\n" END), 200, "0123456789" },
    { STR_INIT("0010\r\n0123456789abcdef\r\n" END), 200, "0123456789abcdef" },
    { STR_INIT("00000000000000000000000000000001\r\na\r\n" END), 200, "a" },
    { STR_INIT("0000\r\n\r\n"), 200, "" },
    { STR_INIT("2\r\n\r\n\r\n" END), 200, "\r\n" },
    { STR_INIT("5\r\n0\r\n\r\n\r\n" END), 200, "0\r\n\r\n" },
    /* extensions */
    { STR_INIT("1;a\r\nx\r\n" END), 200, "x" },
    { STR_INIT("1;a=b\r\nx\r\n" END), 200, "x" },
    { STR_INIT("1;a=\"b;c\\\"\"\r\nx\r\n" END), 200, "x" },
    { STR_INIT("1 ; a = b ;c\r\nx\r\n" END), 200, "x" },
    { STR_INIT("1\t;\ta\r\nx\r\n" END), 200, "x" },
    { STR_INIT("1;a=\xe9\r\nx\r\n0;z\r\n\r\n"), 200, "x" },
    { STR_INIT("1 \r\nx\r\n" END), 400, "" },
    { STR_INIT("1 2\r\nx\r\n" END), 400, "" },
    { STR_INIT("1;a=\"\r\n\"\r\n"), 0, "\"" }, /* a line ends, quoted or not */
    { STR_INIT("1;a\x01\r\n"), 400, "" },
    { STR_INIT("1;a\x7f\r\n"), 400, "" },
    { STR_INIT("1;a\nx\r\n" END), 400, "" },
    { STR_INIT("1;a\rx\r\n" END), 400, "" },
    { STR_INIT("1;\0\r\n"), 400, "" },
    { STR_INIT("1,a\r\nx\r\n" END), 400, "" },
    { STR_INIT("1=a\r\nx\r\n" END), 400, "" },
    /* sizes */
    { STR_INIT("\r\n"), 400, "" },
    { STR_INIT("\n"), 400, "" },
    { STR_INIT(" 1\r\nx\r\n" END), 400, "" },
    { STR_INIT(";a\r\n"), 400, "" },
    { STR_INIT("g\r\n"), 400, "" },
    { STR_INIT("1g\r\n"), 400, "" },
    { STR_INIT("0x1\r\nx\r\n" END), 400, "" },
    { STR_INIT("+1\r\nx\r\n" END), 400, "" },
    { STR_INIT("-1\r\nx\r\n" END), 400, "" },
    { STR_INIT("1_0\r\n"), 400, "" },
    { STR_INIT("1.\r\n"), 400, "" },
    { STR_INIT("\0"), 400, "" },
    { STR_INIT("8000000000000000\r\n"), 400, "" },
    { STR_INIT("ffffffffffffffff\r\n"), 400, "" },
    { STR_INIT("10000000000000000\r\n"), 400, "" },
    { STR_INIT("100000000000000001\r\nx"), 400, "" },
    { STR_INIT("7fffffffffffffff\r\nabc"), 0, "abc" },
    { STR_INIT("07fffffffffffffff\r\nabc"), 0, "abc" },
    /* line ends */
    { STR_INIT("1\nx\r\n" END), 400, "" },
    { STR_INIT("1\rx\r\n" END), 400, "" },
    { STR_INIT("1\r\r\nx\r\n" END), 400, "" },
    { STR_INIT("1\r\nx\n" END), 400, "x" },
    { STR_INIT("1\r\nx" END), 400, "x" },
    { STR_INIT("1\r\nxy\r\n" END), 400, "x" },
    { STR_INIT("1\r\nx\r0\r\n\r\n"), 400, "x" },
    { STR_INIT("1\r\nx\r\n\r\n" END), 400, "x" },
    { STR_INIT("0\r\n\n"), 400, "" },
    { STR_INIT("0\n\r\n"), 400, "" },
    { STR_INIT("0\r\n\rx"), 400, "" },
    /* trailers */
    { STR_INIT("0\r\nA: b\r\n\r\n"), 200, "" },
    { STR_INIT("0\r\nA:b\r\nC-1:\t\xe9 d\r\nE:\r\n\r\n"), 200, "" },
    { STR_INIT("0\r\nContent-Length: 5\r\n\r\n"), 200, "" },
    { STR_INIT("0\r\nA : b\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\nA\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\n: b\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\n A: b\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\nA: b\r\n c\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\nA: b\nC: d\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\nA: b\rC: d\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\nA: \x01\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\nA: \0\r\n\r\n"), 400, "" },
    { STR_INIT("0\r\n\x16\x03\r\n\r\n"), 400, "" },
    /* not yet */
    { STR_INIT(""), 0, "" },
    { STR_INIT("5"), 0, "" },
    { STR_INIT("5\r\nhel"), 0, "hel" },
    { STR_INIT("5\r\nhello"), 0, "hello" },
    { STR_INIT("5\r\nhello\r\n0\r\n"), 0, "hello" },
    { STR_INIT("0\r\nA: b\r\n"), 0, "" },
};

/* A body that is read from pieces. */
struct reader {
    struct http_chunked body;
    struct text content;
    size_t used;
    int status;
};

static void start(struct reader *r, char *memory, size_t cap)
{
    http_chunked_start(&r->body);
    r->content = text_in(memory, cap);
    r->used = 0;
    r->status = 0;
}

static void read_piece(struct reader *r, const char *at, size_t len)
{
    while (len > 0 && r->status == 0) {
        struct str data;
        ssize_t used = http_chunked_read(&r->body, at, len, &data);
        assert_int_not_equal(used, 0);
        if (used < 0) {
            r->status = (int)-used;
            return;
        }
        assert_in_range(used, 1, len);
        assert_true(data.at >= at && data.at + data.len <= at + used);
        text_add(&r->content, data);
        assert_false(r->content.cut);
        r->used += (size_t)used;
        at += used;
        len -= (size_t)used;
        if (r->body.done)
            r->status = 200;
    }
}

static void check_read(const struct chunked_case *c, const struct reader *r)
{
    if (r->status != c->status || !str_equal(text_str(&r->content), str_from(c->content)))
        fail_msg("%s: got %d with '%.*s'", c->bytes.at, r->status, (int)r->content.len,
                 r->content.at);
    if (c->status == 200)
        assert_int_equal(r->used, c->bytes.len);
}

static void check_case(const struct chunked_case *c, struct guard guard)
{
    char memory[256];
    struct reader r;
    size_t len = c->bytes.len;

    for (size_t split = 0; split <= len; split++) {
        start(&r, memory, sizeof memory);
        read_piece(&r, guard_at_end(guard, c->bytes.at, split), split);
        read_piece(&r, guard_at_end(guard, c->bytes.at + split, len - split), len - split);
        check_read(c, &r);
    }
    start(&r, memory, sizeof memory);
    for (size_t i = 0; i < len; i++)
        read_piece(&r, guard_at_end(guard, c->bytes.at + i, 1), 1);
    check_read(c, &r);
    if (c->status == 0)
        return;

    /* what follows is another request, and is left alone */
    char longer[128];
    assert_true(len + 8 <= sizeof longer);
    memcpy(longer, c->bytes.at, len);
    memcpy(longer + len, "GET / HT", 8);
    start(&r, memory, sizeof memory);
    read_piece(&r, longer, len + 8);
    check_read(c, &r);
}

static void test_cases(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_case(&cases[i], guard);
    guard_free(guard);
}

/* Read `prefix`, `count` times `filler` and `suffix`; returns the status. */
static int read_long(const char *prefix, size_t count, const char *filler, const char *suffix)
{
    char memory[64];
    struct reader r;

    start(&r, memory, sizeof memory);
    read_piece(&r, prefix, strlen(prefix));
    for (size_t i = 0; i < count; i++)
        read_piece(&r, filler, strlen(filler));
    read_piece(&r, suffix, strlen(suffix));
    return r.status;
}

static void test_limits(void **state)
{
    (void)state;
    const size_t line = HTTP_CHUNK_LINE_MAX - 2;

    assert_int_equal(read_long("", line - 1, "0", "1\r\nx\r\n" END), 200);
    assert_int_equal(read_long("", line, "0", "1\r\nx\r\n" END), 400);
    assert_int_equal(read_long("1;", line - 2, "a", "\r\nx\r\n" END), 200);
    assert_int_equal(read_long("1;", line - 1, "a", "\r\nx\r\n" END), 400);
    assert_int_equal(read_long(END, 0, "", ""), 200);

    const size_t trailers = HTTP_TRAILERS_MAX - 2 - 5;
    assert_int_equal(read_long("0\r\nA: ", trailers, "b", "\r\n\r\n"), 200);
    assert_int_equal(read_long("0\r\nA: ", trailers + 1, "b", "\r\n\r\n"), 431);
    assert_int_equal(read_long("0\r\n", HTTP_TRAILERS_MAX / 4 + 1, "A:\r\n", "\r\n"), 431);
}

/* Many chunks may each have extensions, but only so much of them together. */
static void test_extensions_together(void **state)
{
    (void)state;
    enum { EACH = 16 };
    const char *chunk = "1;123456789abcdef\r\nx\r\n";
    struct http_chunked body;

    http_chunked_start(&body);
    for (int i = 0; i <= HTTP_CHUNK_EXTENSIONS_MAX / EACH; i++) {
        const char *at = chunk;
        ssize_t used = 1;
        for (size_t left = strlen(chunk); left > 0 && used > 0; left -= (size_t)used) {
            struct str data;
            used = http_chunked_read(&body, at, left, &data);
            if (used > 0)
                at += used;
            else
                break;
        }
        assert_int_equal(used < 0, i == HTTP_CHUNK_EXTENSIONS_MAX / EACH);
    }
}

/* A chunk's content comes as it lies, in one piece a call, and needs no copy. */
static void test_slices(void **state)
{
    (void)state;
    struct str bytes = STR("5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\nrest");
    struct http_chunked body;
    struct str data;

    http_chunked_start(&body);
    assert_int_equal(http_chunked_read(&body, bytes.at, bytes.len, &data), 8);
    assert_ptr_equal(data.at, bytes.at + 3);
    assert_int_equal(data.len, 5);
    assert_int_equal(http_chunked_read(&body, bytes.at + 8, bytes.len - 8, &data), 8);
    assert_true(str_equal(data, STR("you")));
    assert_false(body.done);
    assert_int_equal(http_chunked_read(&body, bytes.at + 16, bytes.len - 16, &data), 7);
    assert_int_equal(data.len, 0);
    assert_true(body.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_extensions_together),
        cmocka_unit_test(test_slices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

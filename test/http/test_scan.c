#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "http/request.h"
#include "scan_under_test.h"
#include "seed.h"

#include <string.h>

enum { MAX_LEN = 80 };

static const struct scan_under_test *const variants[] = { &scan_plain_c, &scan_machine };

/* The parser of the other variant, see CMakeLists.txt. */
ssize_t plain_c_request_parse(struct http_request *request, const char *bytes, size_t len,
                              size_t max_head);

static bool in_target(int byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '#' && byte != '?';
}

static bool in_host(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '.';
}

static void check_scan(const char *(*scan)(const char *, const char *), bool (*is_in)(int),
                       struct guard guard)
{
    char bytes[MAX_LEN];

    for (size_t len = 0; len <= MAX_LEN; len++) {
        memset(bytes, 'a', sizeof bytes);
        const char *at = guard_at_end(guard, bytes, len);
        assert_ptr_equal(scan(at, at + len), at + len);
        for (int byte = 0; byte < 256; byte++) {
            size_t place = len > 0 ? (size_t)byte % len : 0;
            bytes[place] = (char)byte;
            at = guard_at_end(guard, bytes, len);
            size_t wanted = len == 0 || is_in(byte) ? len : place;
            assert_ptr_equal(scan(at, at + len), at + wanted);
            bytes[place] = 'a';
        }
    }
}

/* Every byte, every length and, over the lengths, every place in a block. */
static void test_target_and_host(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (int i = 0; i < 2; i++) {
        check_scan(variants[i]->target, in_target, guard);
        check_scan(variants[i]->host, in_host, guard);
    }
    guard_free(guard);
}

/* What scan_field promises, by its own words and a byte at a time. */
static const char *plain_field(const char *at, const char *end, const char **colon,
                               const char **value_end)
{
    const char *p = at;
    size_t left = (size_t)(end - at);
    size_t longest = left >= scan_plain_c.field_min + 16 ? 32 : 16;

    if (left < scan_plain_c.field_min)
        return NULL;
    while (p < at + longest && (in_host(*p) && *p != '.' && (*p < '0' || *p > '9')))
        p++;
    *colon = p;
    if (p[0] != ':' || p[1] != ' ' || p[2] == ' ')
        return NULL;
    const char *value = p + 2;
    for (p = value; p < end && *p >= ' ' && *p <= '~'; p++)
        ;
    if (p == value || end - p < 2 || p[0] != '\r' || p[1] != '\n' || p[-1] == ' ')
        return NULL;
    *value_end = p;
    return p + 2;
}

static void check_field(const char *at, size_t len)
{
    const char *colon = NULL, *value_end = NULL;
    const char *wanted = plain_field(at, at + len, &colon, &value_end);

    for (int i = 0; i < 2; i++) {
        const char *got_colon = NULL, *got_end = NULL;
        const char *got = variants[i]->field(at, at + len, &got_colon, &got_end);
        assert_ptr_equal(got, wanted);
        if (!wanted)
            continue;
        assert_ptr_equal(got_colon, colon);
        assert_ptr_equal(got_end, value_end);
    }
}

/* Fields of every length with every length of bytes behind them, and each with one byte spoilt. */
static void test_field(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    uint64_t seed = seed_draw("test_field");
    const struct str odd = STR("\t\r\n\0 :.-_09az~\x7f\x80\xff");

    for (size_t round = 0; round < 200000; round++) {
        char bytes[160];
        size_t name = seed_below(&seed, 40), value = seed_below(&seed, 60);
        memset(bytes, 'n', sizeof bytes);
        memcpy(bytes + name, ": ", 2);
        memcpy(bytes + name + 2 + value, "\r\n", 2);
        size_t len = name + value + 4;
        if (seed_below(&seed, 2) == 0)
            bytes[seed_below(&seed, len)] = odd.at[seed_below(&seed, odd.len)];
        len += seed_below(&seed, 24);
        if (seed_below(&seed, 4) == 0)
            len -= seed_below(&seed, len);
        check_field(guard_at_end(guard, bytes, len), len);
    }
    guard_free(guard);
}

static void check_plain(struct guard guard, const char *path, size_t len, bool wanted)
{
    char bytes[MAX_LEN + 32] = { 0 };

    for (int i = 0; i < 2; i++) {
        memcpy(bytes, path, len);
        const char *at = guard_at_end(guard, bytes, len + variants[i]->slack);
        assert_int_equal(variants[i]->path_is_plain(at, len), wanted);
    }
}

static void test_path_is_plain(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (size_t len = 1; len <= MAX_LEN; len++) {
        char path[MAX_LEN];
        memset(path, 'a', sizeof path);
        path[0] = '/';
        check_plain(guard, path, len, true);
        for (size_t place = 1; place < len; place++) {
            for (const char *c = "/.%\1\xff~?-0"; *c; c++) {
                path[place] = *c;
                bool plain = *c != '%' && (place > 1 || (*c != '/' && *c != '.'));
                check_plain(guard, path, len, plain);
            }
            path[place] = '\0';
            check_plain(guard, path, len, false);
            path[place] = '/';
            for (const char *c = "/.%"; *c && place + 1 < len; c++) {
                path[place + 1] = *c;
                check_plain(guard, path, len, false);
                path[place + 1] = 'a';
            }
            path[place] = 'a';
        }
    }
    guard_free(guard);
}

static void check_same(const struct http_request *a, const struct http_request *b)
{
    assert_int_equal(a->method, b->method);
    assert_ptr_equal(a->path.at, b->path.at);
    assert_int_equal(a->path.len, b->path.len);
    assert_ptr_equal(a->host.at, b->host.at);
    assert_int_equal(a->keep_alive, b->keep_alive);
    assert_int_equal(a->chunked, b->chunked);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->field_count, b->field_count);
    assert_memory_equal(a->fields, b->fields, a->field_count * sizeof a->fields[0]);
}

/* The parsers that stand on the two variants agree on requests with a few bytes changed. */
static void test_parsers_agree(void **state)
{
    (void)state;
    uint64_t seed = seed_draw("test_parsers_agree");
    struct str whole = STR("POST /some/path?with=query HTTP/1.1\r\nHost: localhost:8080\r\n"
                           "User-Agent: somebody/1.0 (with a comment)\r\nAccept: */*\r\n"
                           "Upgrade-Insecure-Requests: 1\r\nContent-Length: 12\r\n"
                           "Connection: keep-alive, close\r\nX: y\r\n\r\n");
    const struct str odd = STR("\t\r\n\0 :./?#%-_09aZ~,;\x7f\x80\xff");

    for (int round = 0; round < 200000; round++) {
        char bytes[512];
        struct http_request one, other;
        memcpy(bytes, whole.at, whole.len);
        for (uint64_t i = seed_below(&seed, 3); i > 0; i--)
            bytes[seed_below(&seed, whole.len)] = odd.at[seed_below(&seed, odd.len)];
        size_t max = 1 + seed_below(&seed, 600);
        ssize_t got = http_request_parse(&one, bytes, whole.len, max);
        assert_int_equal(plain_c_request_parse(&other, bytes, whole.len, max), got);
        if (got > 0)
            check_same(&one, &other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_and_host),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_path_is_plain),
        cmocka_unit_test(test_parsers_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "guard.h"
#include "scan_under_test.h"
#include "seed.h"

#include <string.h>

enum { MAX_LEN = 80 };

static const struct scan_under_test *const variants[] = { &scan_plain_c, &scan_machine };

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
static void test_target(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (int i = 0; i < 2; i++)
        check_scan(variants[i]->target, in_target, guard);
    guard_free(guard);
}

static const char *plain_host(const char *at, const char *end)
{
    while (at < end && in_host(*at))
        at++;
    if (at < end && *at == ':')
        for (at++; at < end && *at >= '0' && *at <= '9';)
            at++;
    return at;
}

/* Hosts of every length, with ports of a few, and each with a byte spoilt. */
static void test_host(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    uint64_t seed = seed_draw("test_host");

    for (size_t round = 0; round < 100000; round++) {
        char bytes[MAX_LEN];
        size_t len = seed_below(&seed, MAX_LEN), colon = seed_below(&seed, MAX_LEN);
        memset(bytes, 'h', sizeof bytes);
        bytes[colon] = ':';
        memset(bytes + colon + 1, '7', sizeof bytes - colon - 1);
        bytes[seed_below(&seed, MAX_LEN)] = (char)seed_below(&seed, 256);
        const char *at = guard_at_end(guard, bytes, len);
        for (int i = 0; i < 2; i++)
            assert_ptr_equal(variants[i]->host(at, at + len), plain_host(at, at + len));
    }
    guard_free(guard);
}

/* As the others, of bytes that end with those that are looked at, where the outcome is among them.
 */
static void check_short(struct guard guard, const char *bytes)
{
    for (int i = 0; i < 2; i++) {
        const struct scan_under_test *scan = variants[i];
        const char *at = guard_at_end(guard, bytes, scan->short_len);
        const char *end = at + scan->short_len;
        const char *wanted = scan->target(at, end);
        assert_ptr_equal(scan->short_target(at), wanted < end ? wanted : at);
        wanted = plain_host(at, end);
        assert_ptr_equal(scan->short_host(at), wanted < end ? wanted : at);
    }
}

static void test_short(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    uint64_t seed = seed_draw("test_short");

    for (size_t round = 0; round < 100000; round++) {
        char bytes[MAX_LEN];
        size_t colon = seed_below(&seed, 24), behind = seed_below(&seed, 24);
        memset(bytes, 'h', sizeof bytes);
        bytes[colon] = ':';
        memset(bytes + colon + 1, '7', 24);
        bytes[behind] = "\r :?#/a"[seed_below(&seed, 7)];
        bytes[seed_below(&seed, MAX_LEN)] = (char)seed_below(&seed, 256);
        check_short(guard, bytes);
    }
    guard_free(guard);
}

static void test_lengths(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    uint64_t seed = seed_draw("test_lengths");

    for (size_t round = 0; round < 10000; round++) {
        uint16_t lens[16];
        unsigned wanted = 0;
        for (unsigned i = 0; i < 16; i++) {
            lens[i] = (uint16_t)(0x7f + seed_below(&seed, 3) * 0x7f81);
            wanted |= (unsigned)(lens[i] == 0x8000) << i;
        }
        const void *at = guard_at_end(guard, (const char *)lens, sizeof lens);
        for (int i = 0; i < 2; i++)
            assert_int_equal(variants[i]->lengths(at, 0x8000), wanted);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),        cmocka_unit_test(test_host),
        cmocka_unit_test(test_short),         cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_path_is_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

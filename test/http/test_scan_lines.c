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

static const struct scan_under_test *const variants[] = { &scan_plain_c, &scan_machine };

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

enum { LINES = 5, HEAD_MAX = 1200 };

/* The odd lengths of names that begin with a letter of odd number are listed. */
static void make_lengths(uint32_t *lengths)
{
    for (uint32_t i = 0; i < 32; i++)
        lengths[i] = i % 2 ? 0xaaaaaaaa : 0;
}

/* What a line must be to be taken, a byte at a time. Returns its length with CR LF, or 0. */
static size_t plain_line(const char *at, const char *end, size_t *name_len)
{
    const char *p = at;

    while (p < end && p - at < SCAN_NAME_MAX && is_word(*p))
        p++;
    *name_len = (size_t)(p - at);
    if (p == end || *p != ':')
        return 0;
    while (p < end && *p >= ' ' && *p <= '~')
        p++;
    return end - p > 2 && p[0] == '\r' && p[1] == '\n' ? (size_t)(p - at) + 2 : 0;
}

static void check_lines(const struct scan_under_test *variant, bool narrow, const char *first,
                        const char *at, const char *end, size_t max)
{
    const char *lines[LINES + 1] = { at };
    uint16_t name_lens[LINES];
    uint32_t lengths[32];
    size_t name_len = 0, len;

    make_lengths(lengths);
    struct scan_lines taken = (narrow ? variant->lines_narrow
                                      : variant->lines)(lines, name_lens, max, first, end, lengths);
    uint64_t listed = 0;
    size_t count = 0;
    while (end - first >= SCAN_LINE_MIN && count < max && (len = plain_line(at, end, &name_len))) {
        assert_ptr_equal(lines[count], at);
        assert_int_equal(name_lens[count], name_len);
        if ((*at & 1) && name_len % 2)
            listed |= (uint64_t)1 << count;
        at += len;
        count++;
    }
    assert_int_equal(taken.count, count);
    assert_int_equal(taken.listed, listed);
    assert_ptr_equal(lines[count], at);
}

/* A few lines of every length with every number of bytes before and behind them, and one byte
 * spoilt. */
static void test_lines(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    uint64_t seed = seed_draw("test_lines");
    const struct str odd = STR("\t\r\n\0 :.-_09az~\x7f\x80\xff");
    const uint64_t value_max[] = { 10, 10, 34, 150 };

    for (size_t round = 0; round < 100000; round++) {
        char bytes[HEAD_MAX];
        size_t before = seed_below(&seed, 40), len = before;
        memset(bytes, 'n', sizeof bytes);
        if (before >= 2)
            memcpy(bytes + before - 2, "\r\n", 2);
        for (uint64_t i = 1 + seed_below(&seed, LINES); i > 0; i--) {
            bytes[len] = (char)('a' + seed_below(&seed, 26));
            len += seed_below(&seed, 36);
            bytes[len] = ':';
            len += 1 + seed_below(&seed, value_max[seed_below(&seed, 4)]);
            memcpy(bytes + len, "\r\n", 2);
            len += 2;
        }
        len += seed_below(&seed, 8) < 6 ? 2 : seed_below(&seed, 36);
        if (seed_once_in(&seed, 2))
            bytes[seed_below(&seed, len)] = odd.at[seed_below(&seed, odd.len)];
        if (seed_once_in(&seed, 4))
            len -= seed_below(&seed, len - before);
        const char *first = seed_once_in(&seed, 4) ? guard_at_start(guard, bytes, len)
                                                   : guard_at_end(guard, bytes, len);
        for (int i = 0; i < 4; i++)
            check_lines(variants[i / 2], i % 2, first, first + before, first + len,
                        seed_below(&seed, LINES + 1));
    }
    guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

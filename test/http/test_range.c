/* Which bytes a Range field asks for, and when it is ignored; rows name the section of RFC 9110. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "guard.h"
#include "http/range.h"
#include "seed.h"

enum { PART_COST = 100 };

#define HUGE_FILE INT64_MAX

struct range_case {
    const char *value;
    uint64_t size;
    const char *wanted; /* "200", "416", or the ranges of a 206 as first-last, with blanks between
                           them */
};

/* Numbers of 13 and 10000 are sizes of small files; the cost of a part's head is PART_COST. */
static const struct range_case cases[] = {
    /* 14.1.2: the examples of the text, of 10000 bytes */
    { "bytes=0-499", 10000, "0-499" },
    { "bytes=500-999", 10000, "500-999" },
    { "bytes=-500", 10000, "9500-9999" },
    { "bytes=9500-", 10000, "9500-9999" },
    { "bytes=0-0,-1", 10000, "0-0 9999-9999" },
    { "bytes= 0-999, 4500-5499, -1000", 10000, "0-999 4500-5499 9000-9999" },
    { "bytes=500-600,601-999", 10000, "500-999" },
    { "bytes=500-700,601-999", 10000, "500-999" },
    /* 14.1.2: int-range */
    { "bytes=0-", 13, "0-12" },
    { "bytes=0-12", 13, "0-12" },
    { "bytes=0-13", 13, "0-12" }, /* a last-pos beyond the end is the end */
    { "bytes=12-12", 13, "12-12" },
    { "bytes=12-", 13, "12-12" },
    { "bytes=0-0", 1, "0-0" },
    { "bytes=007-0008", 13, "7-8" },
    { "bytes=13-", 13, "416" },
    { "bytes=13-13", 13, "416" },
    { "bytes=2-1", 13, "200" }, /* invalid: last-pos below first-pos */
    { "bytes=99-98", 13, "200" },
    /* 14.1.2: suffix-range */
    { "bytes=-1", 13, "12-12" },
    { "bytes=-13", 13, "0-12" },
    { "bytes=-14", 13, "0-12" }, /* the file is shorter: all of it */
    { "bytes=-0", 13, "416" },   /* not satisfiable */
    { "bytes=-00", 13, "416" },
    /* numbers that can't be held */
    { "bytes=0-18446744073709551615", 13, "0-12" },
    { "bytes=0-18446744073709551616", 13, "0-12" },
    { "bytes=0-99999999999999999999999999999", 13, "0-12" },
    { "bytes=18446744073709551616-", 13, "416" },
    { "bytes=99999999999999999999999999999-", 13, "416" },
    { "bytes=-99999999999999999999999999999", 13, "0-12" },
    { "bytes=9223372036854775806-", HUGE_FILE, "9223372036854775806-9223372036854775806" },
    { "bytes=9223372036854775807-", HUGE_FILE, "416" },
    { "bytes=-18446744073709551615", HUGE_FILE, "0-9223372036854775806" },
    /* an empty file: no int-range can be satisfied, a suffix is all of it */
    { "bytes=0-", 0, "416" },
    { "bytes=0-0", 0, "416" },
    { "bytes=5-", 0, "416" },
    { "bytes=-0", 0, "416" },
    { "bytes=-1", 0, "200" },
    { "bytes=0-0,-1", 0, "200" },
    /* 14.1, 14.2: units, without case (2.1), and the grammar around them */
    { "Bytes=0-1", 13, "0-1" },
    { "BYTES=0-1", 13, "0-1" },
    { "items=0-1", 13, "200" },
    { "byte=0-1", 13, "200" },
    { "bytess=0-1", 13, "200" },
    { "bytes =0-1", 13, "200" },
    { "bytes", 13, "200" },
    { "bytes:0-1", 13, "200" },
    { "=0-1", 13, "200" },
    { "0-1", 13, "200" },
    { "", 13, "200" },
    /* 14.1.1: what is no range-set */
    { "bytes=", 13, "200" },
    { "bytes=,", 13, "200" },
    { "bytes= , ,", 13, "200" },
    { "bytes=-", 13, "200" },
    { "bytes=--1", 13, "200" },
    { "bytes=1", 13, "200" },
    { "bytes=+1-2", 13, "200" },
    { "bytes=1-+2", 13, "200" },
    { "bytes=-1-2", 13, "200" },
    { "bytes=1-2-3", 13, "200" },
    { "bytes=1 -2", 13, "200" },
    { "bytes=1- 2", 13, "200" },
    { "bytes=1-2 3-4", 13, "200" },
    { "bytes=1-2;3-4", 13, "200" },
    { "bytes=0x1-2", 13, "200" },
    { "bytes=a-b", 13, "200" },
    { "bytes=1.0-2", 13, "200" },
    { "bytes=0-1,x", 10000, "200" }, /* one that is invalid makes all of it invalid */
    { "bytes=x,0-1", 10000, "200" },
    { "bytes=0-1,5-4", 10000, "200" },
    { "bytes=90000-,5-4", 10000, "200" },
    /* 5.6.1.2: white space and empty members of lists */
    { "bytes=\t0-1 ", 13, "0-1" },
    { "bytes=,0-1", 13, "0-1" },
    { "bytes=0-1,", 13, "0-1" },
    { "bytes=0-1 ,,\t, 5-6", 10000, "0-1 5-6" },
    /* 15.3.7.2, 15.5.17: what can't be satisfied is left out unless it is all there is */
    { "bytes=20-30,0-1", 13, "0-1" },
    { "bytes=0-1,20-30,-0", 13, "0-1" },
    { "bytes=13-,20-30,-0", 13, "416" },
    /* the order asked for is kept (15.3.7.2) */
    { "bytes=5000-5009,0-9,-10", 10000, "5000-5009 0-9 9990-9999" },
    /* two that leave no gap are one, wherever they stand */
    { "bytes=10-19,0-9", 10000, "0-19" },
    { "bytes=0-9,5-", 10000, "0-9999" },
    { "bytes=0-99,10-19", 10000, "0-99" },
    { "bytes=0-9,11-19", 10000, "0-9 11-19" },
    { "bytes=0-9,99999-,10-19", 10000, "0-19" },
    /* with a third, all come as they were asked for: two may overlap, three may not */
    { "bytes=0-9,5-14,100-109", 10000, "0-9 5-14 100-109" },
    { "bytes=0-9,10-19,20-29", 10000, "0-9 10-19 20-29" },
    { "bytes=0-9,5-14,14-20", 10000, "200" },
    { "bytes=0-9,5-14,100-109,105-120", 10000, "200" },
    { "bytes=0-,0-,0-", 10000, "200" },
    { "bytes=0-9,0-9,0-9", 10000, "200" },
    { "bytes=0-,1-,2-,3-,4-", 10000, "200" },
    /* what would cost as much as the file */
    { "bytes=0-1,3-4", 13, "200" },
    { "bytes=0-3999,4100-", 10000, "200" },
    { "bytes=0-3999,4200-", 10000, "200" },
    { "bytes=0-3999,4201-", 10000, "0-3999 4201-9999" },
    { "bytes=0-0,2-2", 201, "200" },
    { "bytes=0-0,2-2", 203, "0-0 2-2" },
    /* the bound, after those that can't be satisfied */
    { "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30",
      10000,
      "0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14 16-16 18-18 20-20 22-22 24-24 26-26 28-28 "
      "30-30" },
    { "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,"
      "20000-,99999-,-0",
      10000,
      "0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14 16-16 18-18 20-20 22-22 24-24 26-26 28-28 "
      "30-30" },
    { "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,"
      "32-32",
      10000, "200" },
};

/* The outcome as the cases write it. */
static void sum_up(char *out, size_t cap, const struct http_ranges *ranges, int status)
{
    size_t at = 0;

    if (status != 206) {
        snprintf(out, cap, "%d", status);
        return;
    }
    assert_in_range(ranges->count, 1, HTTP_RANGES_MAX);
    for (unsigned i = 0; i < ranges->count; i++) {
        struct http_range range = ranges->list[i];
        assert_true(range.len > 0);
        at += (size_t)snprintf(out + at, cap - at, "%s%llu-%llu", i > 0 ? " " : "",
                               (unsigned long long)range.at,
                               (unsigned long long)(range.at + range.len - 1));
    }
}

static void every_row(void **state)
{
    struct guard guard = guard_make();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_ranges ranges;
        char seen[512];
        size_t len = strlen(cases[i].value);
        const char *at = guard_at_end(guard, cases[i].value, len);

        memset(&ranges, 0xee, sizeof ranges);
        int status = http_ranges_read(&ranges, str_of(at, len), cases[i].size, PART_COST);
        sum_up(seen, sizeof seen, &ranges, status);
        if (strcmp(seen, cases[i].wanted) != 0)
            fail_msg("%s of %llu: %s, not %s", cases[i].value, (unsigned long long)cases[i].size,
                     seen, cases[i].wanted);
    }
    guard_free(guard);
}

enum { ROUNDS = 20000 };

/* Whatever the list, an answer lies within the file and costs less than it. */
static void no_list_costs_more_than_the_file(void **state)
{
    uint64_t seed = seed_draw("range");
    unsigned several = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct http_ranges ranges;
        char value[512] = "bytes=";
        uint64_t size = seed_below(&seed, seed_once_in(&seed, 4) ? 50 : 5000);
        unsigned count = 1 + (unsigned)seed_below(&seed, 20);

        for (unsigned i = 0; i < count; i++) {
            size_t used = strlen(value);
            unsigned first = (unsigned)seed_below(&seed, 5200);
            snprintf(value + used, sizeof value - used, "%u-%u,", first,
                     first + (unsigned)seed_below(&seed, 300));
        }
        if (http_ranges_read(&ranges, str_from(value), size, PART_COST) != 206)
            continue;
        uint64_t cost = 0;
        for (unsigned i = 0; i < ranges.count; i++) {
            assert_true(ranges.list[i].len > 0 && ranges.list[i].at < size);
            assert_true(ranges.list[i].len <= size - ranges.list[i].at);
            cost += ranges.list[i].len + PART_COST;
        }
        assert_true(ranges.count == 1 || cost < size);
        several += ranges.count > 1;
    }
    assert_true(several > 100);
}

static void content_range_lines(void **state)
{
    char space[HTTP_CONTENT_RANGE_MAX];
    struct text out = text_in(space, sizeof space);

    (void)state;
    http_content_range(&out, (struct http_range){ 42, 1192 }, 1234); /* 14.4 */
    assert_true(str_equal(text_str(&out), STR("Content-Range: bytes 42-1233/1234\r\n")));
    out = text_in(space, sizeof space);
    http_content_range_none(&out, 1234);
    assert_true(str_equal(text_str(&out), STR("Content-Range: bytes */1234\r\n")));
    out = text_in(space, sizeof space);
    http_content_range(&out, (struct http_range){ UINT64_MAX - 1, 1 }, UINT64_MAX);
    assert_false(out.cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(no_list_costs_more_than_the_file),
        cmocka_unit_test(content_range_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

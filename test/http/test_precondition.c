/* What a request makes its answer depend on; rows name the section of RFC 9110. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/precondition.h"

/* The file was modified at 08:49:37 on Sun, 06 Nov 1994 and is asked for 10 s later. */
enum { MODIFIED = 784111777, NOW = MODIFIED + 10 };

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct http_validators both = { .etag = STR_INIT("\"a-1\""),
                                             .modified = MODIFIED,
                                             .modified_strong = true };
static const struct http_validators no_etag = { .modified = MODIFIED, .modified_strong = true };

static void read_request(struct http_request *r, char *bytes, size_t cap, const char *method,
                         const char *fields)
{
    int len = snprintf(bytes, cap, "%s / HTTP/1.1\r\nHost: h\r\n%s\r\n", method, fields);

    assert_true(len > 0 && (size_t)len < cap);
    assert_int_equal(http_request_parse(r, bytes, (size_t)len, 4096), len);
}

static const struct condition_case {
    const char *fields;
    int status;
} conditions[] = {
    { "A: b\r\n", 200 },
    /* 13.1.1 If-Match: strong comparison */
    { "If-Match: \"a-1\"\r\n", 200 },
    { "If-Match: \"x\", \"a-1\"\r\n", 200 },
    { "If-Match: \"x\"\r\nIf-Match: \"a-1\"\r\n", 200 }, /* 5.3: several lines are one list */
    { "If-Match: \"a-1\"\r\nIf-Match: \"x\"\r\n", 200 },
    { "If-Match: *\r\n", 200 },
    { "if-match: *\r\n", 200 },
    { "If-Match: \"x\"\r\n", 412 },
    { "If-Match: \"x\"\r\nIf-Match: \"y\"\r\n", 412 },
    { "If-Match: W/\"a-1\"\r\n", 412 },
    { "If-Match: a-1\r\n", 412 },
    { "If-Match: \r\n", 412 },
    { "If-Match: \"*\"\r\n", 412 },
    /* 13.1.2 If-None-Match: weak comparison */
    { "If-None-Match: \"a-1\"\r\n", 304 },
    { "If-None-Match: W/\"a-1\"\r\n", 304 },
    { "If-None-Match: \"x\", W/\"y\",\"a-1\"\r\n", 304 },
    { "If-None-Match: \"x\"\r\nA: b\r\nIf-None-Match: \"a-1\"\r\n", 304 },
    { "If-None-Match: *\r\n", 304 },
    { "If-None-Match: \"x\"\r\n", 200 },
    { "If-None-Match: \"A-1\"\r\n", 200 },
    { "If-None-Match: a-1\r\n", 200 },
    { "If-None-Match: \r\n", 200 },
    { "If-None-Match: \"x\", *\r\n", 200 }, /* "*" stands alone */
    /* 13.1.3 If-Modified-Since */
    { "If-Modified-Since: " DATE "\r\n", 304 },
    { "If-Modified-Since: " AFTER "\r\n", 304 },
    { "If-Modified-Since: Tue, 01 Jan 2999 00:00:00 GMT\r\n", 304 },
    { "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304 }, /* 5.6.7: all three forms */
    { "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 304 },
    { "If-Modified-Since: " BEFORE "\r\n", 200 },
    { "If-Modified-Since: Sunday, 06-Nov-94 08:49:36 GMT\r\n", 200 },
    { "If-Modified-Since: Sun Nov  6 08:49:36 1994\r\n", 200 },
    { "If-Modified-Since: 784111777\r\n", 200 }, /* invalid: ignored */
    { "If-Modified-Since: Sun, 06 Nov 1994 08:49:37\r\n", 200 },
    { "If-Modified-Since: \r\n", 200 },
    { "If-Modified-Since: " DATE "\r\nIf-Modified-Since: " DATE "\r\n", 200 }, /* a list */
    { "If-Modified-Since: " DATE ", " DATE "\r\n", 200 },
    /* 13.1.3: ignored beside If-None-Match, whatever that says */
    { "If-None-Match: \"x\"\r\nIf-Modified-Since: " DATE "\r\n", 200 },
    { "If-Modified-Since: " DATE "\r\nIf-None-Match: \"x\"\r\n", 200 },
    { "If-Modified-Since: " BEFORE "\r\nIf-None-Match: \"a-1\"\r\n", 304 },
    { "If-None-Match: rubbish\r\nIf-Modified-Since: " DATE "\r\n", 200 },
    /* 13.1.4 If-Unmodified-Since */
    { "If-Unmodified-Since: " DATE "\r\n", 200 },
    { "If-Unmodified-Since: " AFTER "\r\n", 200 },
    { "If-Unmodified-Since: " BEFORE "\r\n", 412 },
    { "If-Unmodified-Since: Sunday, 06-Nov-94 08:49:36 GMT\r\n", 412 },
    { "If-Unmodified-Since: Sun Nov  6 08:49:36 1994\r\n", 412 },
    { "If-Unmodified-Since: yesterday\r\n", 200 },
    { "If-Unmodified-Since: " BEFORE "\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200 },
    /* 13.1.4: ignored beside If-Match */
    { "If-Match: \"a-1\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200 },
    { "If-Match: \"x\"\r\nIf-Unmodified-Since: " AFTER "\r\n", 412 },
    /* 13.2.2: the order */
    { "If-None-Match: \"a-1\"\r\nIf-Match: \"x\"\r\n", 412 },
    { "If-None-Match: \"a-1\"\r\nIf-Match: \"a-1\"\r\n", 304 },
    { "If-None-Match: \"a-1\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", 412 },
    { "If-Modified-Since: " DATE "\r\nIf-Unmodified-Since: " BEFORE "\r\n", 412 },
    { "If-Modified-Since: " DATE "\r\nIf-Unmodified-Since: " DATE "\r\n", 304 },
    { "If-Modified-Since: " DATE "\r\nIf-Match: \"a-1\"\r\n", 304 },
    { "If-Modified-Since: " DATE "\r\nRange: bytes=0-1\r\n", 304 },
    { "If-Range: \"x\"\r\nIf-None-Match: \"a-1\"\r\nRange: bytes=0-1\r\n", 304 },
};

static void every_condition(void **state)
{
    struct http_request r;
    char bytes[1024];

    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        for (int head = 0; head < 2; head++) {
            read_request(&r, bytes, sizeof bytes, head ? "HEAD" : "GET", conditions[i].fields);
            int status = http_precondition(&r, &both, NOW);
            if (status != conditions[i].status)
                fail_msg("%s: %d, not %d", conditions[i].fields, status, conditions[i].status);
        }
    }
}

/* Only "*" names what has no tag. */
static void without_an_etag(void **state)
{
    static const struct condition_case cases[] = {
        { "If-Match: *\r\n", 200 },
        { "If-Match: \"a-1\"\r\n", 412 },
        { "If-None-Match: *\r\n", 304 },
        { "If-None-Match: \"a-1\"\r\n", 200 },
        { "If-Modified-Since: " DATE "\r\n", 304 },
    };
    struct http_request r;
    char bytes[1024];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_request(&r, bytes, sizeof bytes, "GET", cases[i].fields);
        assert_int_equal(http_precondition(&r, &no_etag, NOW), cases[i].status);
    }
    read_request(&r, bytes, sizeof bytes, "GET", "Range: bytes=0-1\r\nIf-Range: \"a-1\"\r\n");
    struct str value;
    assert_false(http_precondition_range(&r, &no_etag, NOW, &value));
}

#define RANGE "Range: bytes=0-1\r\n"

static const struct range_case {
    const char *fields;
    bool taken;
} range_cases[] = {
    { RANGE, true },
    { "range: bytes=0-1\r\n", true },
    { "A: b\r\n", false },
    { RANGE RANGE, false }, /* not a list (14.2): several are invalid */
    { RANGE "Range: items=0\r\n", false },
    { "If-Range: \"a-1\"\r\n", false }, /* 13.1.5: nothing without Range */
    { RANGE "If-Range: \"a-1\"\r\n", true },
    { "If-Range: \"a-1\"\r\n" RANGE, true },
    { RANGE "If-Range: \"x\"\r\n", false },
    { RANGE "If-Range: W/\"a-1\"\r\n", false }, /* strong comparison */
    { RANGE "If-Range: \"a-1\", \"x\"\r\n", false },
    { RANGE "If-Range: \"a-1\"\r\nIf-Range: \"a-1\"\r\n", false },
    { RANGE "If-Range: *\r\n", false },
    { RANGE "If-Range: \r\n", false },
    { RANGE "If-Range: a-1\r\n", false },
    { RANGE "If-Range: " DATE "\r\n", true }, /* exactly that date */
    { RANGE "If-Range: Sunday, 06-Nov-94 08:49:37 GMT\r\n", true },
    { RANGE "If-Range: Sun Nov  6 08:49:37 1994\r\n", true },
    { RANGE "If-Range: " BEFORE "\r\n", false },
    { RANGE "If-Range: " AFTER "\r\n", false },
    { RANGE "If-Range: " DATE "\r\nIf-Range: " DATE "\r\n", false },
};

static bool takes_range(const char *method, const char *fields, const struct http_validators *has,
                        int64_t now)
{
    struct http_request r;
    char bytes[1024];
    struct str value = { NULL, 0 };

    read_request(&r, bytes, sizeof bytes, method, fields);
    bool taken = http_precondition_range(&r, has, now, &value);
    assert_true(!taken || str_equal(value, STR("bytes=0-1")));
    return taken;
}

static void when_a_range_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof range_cases / sizeof range_cases[0]; i++) {
        if (takes_range("GET", range_cases[i].fields, &both, NOW) != range_cases[i].taken)
            fail_msg("%s: should be %d", range_cases[i].fields, range_cases[i].taken);
        assert_false(takes_range("HEAD", range_cases[i].fields, &both, NOW)); /* 14.2 */
    }
}

/* 8.8.2.2: the second that the date names must be over, and the date a true one. */
static void a_weak_date_tells_nothing(void **state)
{
    const struct http_validators brought_forward = { .etag = both.etag, .modified = MODIFIED };
    const char *dated = RANGE "If-Range: " DATE "\r\n";
    const char *tagged = RANGE "If-Range: \"a-1\"\r\n";

    (void)state;
    assert_true(takes_range("GET", dated, &both, MODIFIED + 1));
    assert_false(takes_range("GET", dated, &both, MODIFIED));
    assert_false(takes_range("GET", dated, &both, MODIFIED - 1));
    assert_false(takes_range("GET", dated, &brought_forward, NOW));
    assert_true(takes_range("GET", tagged, &both, MODIFIED));
    assert_true(takes_range("GET", tagged, &brought_forward, MODIFIED));
}

/* RFC 9110 13.1.3 and 13.1.4: without a date of its own, a date is nothing to go by. */
static void test_undated(void **state)
{
    static const struct http_validators undated = { STR_INIT("\"a-1\""), .undated = true };
    const struct condition_case rows[] = {
        { "If-Modified-Since: " DATE "\r\n", 200 },
        { "If-Unmodified-Since: " DATE "\r\n", 200 },
        { "If-Unmodified-Since: Thu, 01 Jan 1960 00:00:00 GMT\r\n", 200 },
        { "If-None-Match: \"a-1\"\r\n", 304 },
        { "If-Match: \"x\"\r\n", 412 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[256];
        struct http_request r;
        read_request(&r, bytes, sizeof bytes, "GET", rows[i].fields);
        assert_int_equal(http_precondition(&r, &undated, NOW), rows[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undated),
        cmocka_unit_test(every_condition),
        cmocka_unit_test(without_an_etag),
        cmocka_unit_test(when_a_range_counts),
        cmocka_unit_test(a_weak_date_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/guard.h"
#include "load/answer.h"

struct answer_case {
    const char *bytes;
    int status; /* -1: no server may send it; 0: more is needed */
    uint64_t length;
    bool to_head, close;
    size_t rest; /* bytes behind the answer */
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct answer_case cases[] = {
    { OK "Content-Length: 5\r\n\r\nhello", 200, 5, false, false, 0 },
    { OK "content-length:5\r\nDate: x\r\n\r\nhelloHTTP", 200, 5, false, false, 4 },
    { OK "Content-Length: 0\r\n\r\n", 200, 0, false, false, 0 },
    { OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, 5, false, false, 0 },
    { OK "Content-Length: 5\r\n\r\n", 200, 0, true, false, 0 },
    { "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx", 404, 1, false, false, 0 },
    { "HTTP/1.1 204\r\n\r\nHTTP", 204, 0, false, false, 4 },
    { "HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n", 304, 0, false, false, 0 },
    { "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", 200, 1, false, false, 0 },
    { OK "Connection: Close\r\nContent-Length: 1\r\n\r\nx", 200, 1, false, true, 0 },
    { OK "Connection: a, close\r\nContent-Length: 1\r\n\r\nx", 200, 1, false, true, 0 },
    { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, 1, false, true, 0 },
    { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, 1, false,
      false, 0 },
    /* until the server closes */
    { OK "\r\nsome", 0, 4, false, true, 0 },
    { OK "Transfer-Encoding: gzip\r\n\r\nsome", 0, 4, false, true, 0 },
    /* chunked */
    { OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nH", 200,
      15, false, false, 1 },
    { OK "Transfer-Encoding: gzip, Chunked\r\n\r\n1\r\nx\r\n00\r\nTrailer: x\r\n\r\n", 200, 1,
      false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0, 5, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", -1, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n5x\r\n", -1, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n\r\n", -1, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n", -1, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhellox\r\n", -1, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\rx", -1, 0, false, false, 0 },
    { OK "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", -1, 0, false, false, 0 },
    /* nonsense */
    { "HTTP/2.0 200 OK\r\n\r\n", -1, 0, false, false, 0 },
    { "HTTP/1.1 20 OK\r\n\r\n", -1, 0, false, false, 0 },
    { "HTTP/1.1 2000\r\n\r\n", -1, 0, false, false, 0 },
    { "HTTP/1.1 600 X\r\n\r\n", -1, 0, false, false, 0 },
    { "HTTP/1.1 099 X\r\n\r\n", -1, 0, false, false, 0 },
    { "hello\r\n\r\n", -1, 0, false, false, 0 },
    { OK "Content-Length: x\r\n\r\n", -1, 0, false, false, 0 },
    { OK "Content-Length: -1\r\n\r\n", -1, 0, false, false, 0 },
    { OK "Content-Length: 5, 5\r\n\r\nhello", -1, 0, false, false, 0 },
    { OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", -1, 0, false, false, 0 },
    { OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", -1, 0, false, false, 0 },
    { OK "no colon\r\n\r\n", -1, 0, false, false, 0 },
    { OK ": x\r\n\r\n", -1, 0, false, false, 0 },
    { "HTTP/1.1 200 OK\nContent-Length: 0\n\n", -1, 0, false, false, 0 },
    /* not whole */
    { "", 0, 0, false, false, 0 },
    { OK "Content-Length: 5\r\n", 0, 0, false, false, 0 },
    { OK "Content-Length: 5\r\n\r\nhell", 0, 4, false, false, 0 },
};

static struct guard guard;

/* Read what has come, `step` bytes at a time, each time flush against the guard page. -1 or how
 * many bytes were used. */
static ssize_t read_in_steps(struct answer *a, struct answer_memory *m, struct str all, size_t step,
                             size_t first)
{
    size_t used = 0, come = first < all.len ? first : all.len;

    for (;;) {
        const char *at = guard_at_end(guard, all.at + used, come - used);
        ssize_t piece = answer_read(a, m, at, come - used);

        if (piece < 0)
            return -1;
        used += (size_t)piece;
        if (come == all.len || answer_is_done(a))
            return (ssize_t)used;
        come = all.len - come < step ? all.len : come + step;
    }
}

static void check_case(const struct answer_case *c, const struct answer *a, ssize_t used)
{
    size_t len = strlen(c->bytes);

    if (c->status < 0) {
        assert_int_equal(used, -1);
        return;
    }
    assert_true(used >= 0);
    assert_int_equal(answer_is_done(a), c->status > 0);
    assert_int_equal(a->length, c->length);
    if (c->status > 0) {
        assert_int_equal(a->status, c->status);
        assert_int_equal(a->close, c->close);
        assert_int_equal(used, len - c->rest);
    }
}

static void every_split_reads_the_same(void **state)
{
    (void)state;
    guard = guard_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str all = str_from(cases[i].bytes);

        for (size_t first = 0; first <= all.len; first++)
            for (int step = 1; step < 3; step++) {
                struct answer a;

                answer_begin(&a, cases[i].to_head);
                ssize_t used = read_in_steps(&a, NULL, all, step == 1 ? 1 : all.len, first);

                check_case(&cases[i], &a, used);
            }
    }
    guard_free(guard);
}

static void a_head_seen_before_reads_the_same(void **state)
{
    (void)state;
    guard = guard_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str all = str_from(cases[i].bytes);
        static struct answer_memory memory;

        memory.len = 0;
        for (int turn = 0; turn < 3; turn++) {
            struct answer a;

            answer_begin(&a, cases[i].to_head);
            check_case(&cases[i], &a, read_in_steps(&a, &memory, all, all.len, all.len));
        }
    }
    guard_free(guard);
}

static void a_memory_is_for_these_very_bytes(void **state)
{
    static struct answer_memory memory;
    static const char first[] = OK "Content-Length: 5\r\n\r\nhello";
    static const char second[] = OK "Content-Length: 4\r\n\r\nhell";
    struct answer a;

    (void)state;
    answer_begin(&a, false);
    assert_int_equal(answer_read(&a, &memory, first, sizeof first - 1), sizeof first - 1);
    assert_true(memory.len > 0);
    answer_begin(&a, false);
    assert_int_equal(answer_read(&a, &memory, second, sizeof second - 1), sizeof second - 1);
    assert_int_equal(a.length, 4);
}

static void content_can_be_skipped(void **state)
{
    static const char head[] = OK "Content-Length: 1000000\r\n\r\nabc";
    static const char chunk[] = OK "Transfer-Encoding: chunked\r\n\r\nff\r\nabc";
    struct answer a;

    (void)state;
    answer_begin(&a, false);
    assert_int_equal(answer_skippable(&a), 0);
    answer_read(&a, NULL, head, sizeof head - 1);
    assert_int_equal(answer_skippable(&a), 1000000 - 3);
    answer_skip(&a, 999996);
    assert_false(answer_is_done(&a));
    answer_skip(&a, 1);
    assert_true(answer_is_done(&a));
    assert_int_equal(a.length, 1000000);

    answer_begin(&a, false);
    answer_read(&a, NULL, chunk, sizeof chunk - 1);
    assert_int_equal(answer_skippable(&a), 252);
    answer_skip(&a, 252);
    assert_int_equal(answer_skippable(&a), 0);
    assert_int_equal(answer_read(&a, NULL, "\r\n0\r\n\r\n", 7), 7);
    assert_true(answer_is_done(&a));
    assert_int_equal(a.length, 255);
}

static void closing_ends_only_what_has_no_length(void **state)
{
    static const char endless[] = OK "\r\nabc", sized[] = OK "Content-Length: 4\r\n\r\nabc";
    struct answer a;

    (void)state;
    answer_begin(&a, false);
    assert_false(answer_close(&a));
    answer_read(&a, NULL, endless, sizeof endless - 1);
    assert_true(answer_skippable(&a) > 1u << 30);
    answer_skip(&a, 1u << 30);
    assert_true(answer_close(&a));
    assert_true(answer_is_done(&a));
    assert_true(a.close);
    assert_int_equal(a.length, 3 + (1u << 30));

    answer_begin(&a, false);
    answer_read(&a, NULL, sized, sizeof sized - 1);
    assert_false(answer_close(&a));
}

static void an_endless_chunk_line_is_refused(void **state)
{
    static char bytes[ANSWER_CHUNK_LINE_MAX + 2];
    static const char head[] = OK "Transfer-Encoding: chunked\r\n\r\n";
    struct answer a;

    (void)state;
    memset(bytes, '0', sizeof bytes);
    answer_begin(&a, false);
    answer_read(&a, NULL, head, sizeof head - 1);
    assert_int_equal(answer_read(&a, NULL, bytes, ANSWER_CHUNK_LINE_MAX), 0);
    assert_int_equal(answer_read(&a, NULL, bytes, ANSWER_CHUNK_LINE_MAX + 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_reads_the_same),
        cmocka_unit_test(a_head_seen_before_reads_the_same),
        cmocka_unit_test(a_memory_is_for_these_very_bytes),
        cmocka_unit_test(content_can_be_skipped),
        cmocka_unit_test(closing_ends_only_what_has_no_length),
        cmocka_unit_test(an_endless_chunk_line_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Parts of files and answers that depend on conditions, through the whole of a core on the fake
 * engine: what is sent, in which order, with how much memory, and what the log says. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO                "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET(target, fields)  "GET " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define HEAD(target, fields) "HEAD " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define MTIME                "Sun, 09 Sep 2001 01:46:40 GMT"

/* RFC 9110 15.4.5: what a 200 would have said of the file, and neither length nor type. */
static void not_modified_says_what_it_must(void **state)
{
    static const char *const requests[] = {
        GET("/whole.png", "If-None-Match: *\r\n"), HEAD("/whole.png", "If-None-Match: *\r\n"),
        GET("/whole.png", "If-Modified-Since: " MTIME "\r\n"),
        GET("/large.jpg", "If-Modified-Since: " MTIME "\r\nRange: bytes=0-1\r\n"),
        GET("/empty.txt", "If-None-Match: *\r\n")
    };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct client *client = client_visit(stage, requests[i]);
        struct answer answer = client_answer(client, true);
        assert_int_equal(answer.status, 304);
        assert_false(answer.closes);
        assert_non_null(answer_field(&answer, "ETag").at);
        assert_true(str_equal(answer_field(&answer, "Last-Modified"), STR(MTIME)));
        client_more(client, HELLO);
        client_gets_file(client, FILE_HELLO);
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void a_condition_that_fails_is_412(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(
        stage,
        GET("/hello.txt", "If-Match: \"x\"\r\n")
            GET("/large.jpg", "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT\r\n")
                GET("/hello.txt", "If-Match: *\r\n") HEAD("/hello.txt", "If-Match: \"x\"\r\n"));

    (void)state;
    assert_false(client_gets_plain(client, 412));
    assert_false(client_gets_plain(client, 412));
    assert_false(client_gets_file(client, FILE_HELLO));
    struct answer answer = client_answer(client, true);
    assert_true(answer_is_plain(&answer, 412, true));
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* Conditions are about files: without one they change nothing (RFC 9110 13.2.1). */
static void conditions_need_a_file(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client =
        client_visit(stage, GET("/none", "If-None-Match: *\r\nRange: bytes=0-1\r\n") GET(
                                "/dir", "If-Match: \"x\"\r\n") "POST /hello.txt HTTP/1.1\r\nHost: "
                                                               "h\r\nIf-Match: \"x\"\r\n\r\n");

    (void)state;
    assert_false(client_gets_plain(client, 404));
    struct answer answer = client_answer(client, false);
    assert_int_equal(answer.status, 301);
    assert_false(client_gets_plain(client, 405));
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void one_range_of_every_file(void **state)
{
    struct stage *stage = stage_calm();
    char text[256];

    (void)state;
    for (int file = FILE_HELLO; file < FILE_COUNT; file++) {
        size_t size = stage_files[file].size;
        const struct http_range ranges[] = {
            { 0, 1 }, { size - 1, 1 }, { 3, size - 5 }, { 0, size }, { size / 2, size - size / 2 }
        };
        struct client *client = client_open(stage);
        for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
            snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: h\r\nRange: bytes=%llu-%llu\r\n\r\n",
                     stage_files[file].target, (unsigned long long)ranges[i].at,
                     (unsigned long long)(ranges[i].at + ranges[i].len - 1));
            client_say(client, text);
        }
        stage_settle(stage);
        for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
            struct answer answer = client_answer(client, false);
            assert_false(answer.closes);
            expect_ranges(&answer, file, &ranges[i], 1);
        }
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void what_cannot_be_satisfied_is_416(void **state)
{
    static const struct {
        const char *request, *content_range;
    } cases[] = {
        { GET("/hello.txt", "Range: bytes=13-\r\n"), "bytes */13" },
        { GET("/empty.txt", "Range: bytes=0-\r\n"), "bytes */0" },
        { GET("/large.jpg", "Range: bytes=-0\r\n"), "bytes */131073" },
    };
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_more(client, cases[i].request);
        struct answer answer = client_answer(client, false);
        assert_true(answer_is_plain(&answer, 416, false));
        assert_false(answer.closes);
        assert_true(
            str_equal(answer_field(&answer, "Content-Range"), str_from(cases[i].content_range)));
    }
    client_more(client, GET("/empty.txt", "Range: bytes=-5\r\n"));
    client_gets_file(client, FILE_EMPTY);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* RFC 9110 14.2: HEAD knows no ranges, and one that is not for us is as if it were not there. */
static void ranges_that_do_not_count(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(
        stage, HEAD("/large.jpg", "Range: bytes=0-1\r\n") GET("/hello.txt", "Range: lines=0-1\r\n")
                   GET("/hello.txt", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n")
                       GET("/whole.png", "Range: bytes=0-,0-,0-\r\n")
                           GET("/hello.txt", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n"));

    (void)state;
    client_gets_head(client, FILE_LARGE);
    client_gets_file(client, FILE_HELLO);
    client_gets_file(client, FILE_HELLO);
    client_gets_file(client, FILE_WHOLE);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* --- several parts --- */

/* The most parts there can be, each of `len` bytes, from the last to the first. */
static unsigned many_ranges(int file, size_t len, struct http_range *ranges, struct text *field)
{
    size_t step = stage_files[file].size / (HTTP_RANGES_MAX + 1);

    assert_true(len < step);
    text_add(field, STR("Range: bytes="));
    for (unsigned i = 0; i < HTTP_RANGES_MAX; i++) {
        size_t at = step * (HTTP_RANGES_MAX - i);
        ranges[i] = (struct http_range){ at, len };
        text_add(field, i > 0 ? STR(", ") : STR(""));
        text_add_number(field, at);
        text_add(field, STR("-"));
        text_add_number(field, at + len - 1);
    }
    text_add(field, STR("\r\n"));
    return HTTP_RANGES_MAX;
}

static void say_many_ranges(struct client *client, int file, size_t len, struct http_range *ranges,
                            const char *fields)
{
    char space[1024];
    struct text text = text_in(space, sizeof space);

    text_add(&text, STR("GET "));
    text_add(&text, str_from(stage_files[file].target));
    text_add(&text, STR(" HTTP/1.1\r\nHost: h\r\n"));
    text_add(&text, str_from(fields));
    many_ranges(file, len, ranges, &text);
    text_add(&text, STR("\r\n"));
    assert_false(text.cut);
    client_say_bytes(client, text.at, text.len);
}

/* Copied, pointed at and sent from the file; with other answers before and after. */
static void sixteen_parts_in_their_order(void **state)
{
    static const struct {
        int file;
        size_t len;
    } cases[] = { { FILE_MIDDLE, 20 }, { FILE_WHOLE, 50 },   { FILE_WHOLE, 3000 },
                  { FILE_LARGE, 1 },   { FILE_LARGE, 5000 }, { FILE_HUGE, 30000 } };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_range ranges[HTTP_RANGES_MAX];
        struct client *client = client_open(stage);
        client_say(client, HELLO);
        say_many_ranges(client, cases[i].file, cases[i].len, ranges, "");
        client_say(client, HELLO);
        say_many_ranges(client, cases[i].file, cases[i].len, ranges, "");
        client->finishes = i % 2 == 0;
        stage_settle(stage);
        for (int round = 0; round < 2; round++) {
            assert_false(client_gets_file(client, FILE_HELLO));
            struct answer answer = client_answer(client, false);
            assert_false(answer.closes);
            expect_ranges(&answer, cases[i].file, ranges, HTTP_RANGES_MAX);
        }
        client_gets_nothing(client, client->finishes ? FAKE_SAW_FIN : FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

/* The answer is over before the connection is. */
static void close_comes_after_the_last_part(void **state)
{
    struct stage *stage = stage_calm();
    struct http_range ranges[HTTP_RANGES_MAX];

    (void)state;
    for (int file = FILE_WHOLE; file <= FILE_LARGE; file++) {
        struct client *client = client_open(stage);
        say_many_ranges(client, file, 3000, ranges, "Connection: close\r\n");
        client_more(client, HELLO);
        struct answer answer = client_answer(client, false);
        assert_true(answer.closes);
        expect_ranges(&answer, file, ranges, HTTP_RANGES_MAX);
        client_gets_nothing(client, FAKE_SAW_FIN);
    }
    stage_close(stage);
}

static void a_drain_lets_the_parts_be_finished(void **state)
{
    struct stage *stage = stage_calm();
    struct http_range ranges[HTTP_RANGES_MAX];
    struct client *client = client_open(stage);

    (void)state;
    client->read_max = 2000;
    fake_peer_set_window(client->peer, 4000);
    say_many_ranges(client, FILE_LARGE, 3000, ranges, "");
    for (int i = 0; i < 20; i++) {
        client_pump(client);
        stage_turn(stage, true);
    }
    assert_in_range(client->in_len, 1, 40000);
    loop_drain(&stage->loop);
    stage_settle(stage);
    struct answer answer = client_answer(client, false);
    expect_ranges(&answer, FILE_LARGE, ranges, HTTP_RANGES_MAX);
    client_leave(client);
    while (!loop_is_over(&stage->loop))
        stage_turn(stage, false);
    stage_free(stage);
}

/* Between two parts a client that takes nothing is as dead as within one. */
static void who_stops_reading_is_cut(void **state)
{
    struct stage *stage = stage_calm();
    struct http_range ranges[HTTP_RANGES_MAX];

    (void)state;
    for (int file = FILE_WHOLE; file <= FILE_LARGE; file++) {
        struct client *client = client_open(stage);
        fake_peer_set_window(client->peer, 10000);
        client->read_max = 0;
        say_many_ranges(client, file, 3000, ranges, "");
        stage_settle(stage);
        stage_pass(stage, stage->config.write_ms + 1);
        stage_pass(stage, stage->config.write_ms + 1);
        client->read_max = SIZE_MAX;
        stage_settle(stage);
        assert_int_equal(client->saw, FAKE_SAW_RST);
    }
    stage_close(stage);
}

static void who_leaves_between_the_parts_leaves_nothing(void **state)
{
    struct stage *stage = stage_calm();
    struct http_range ranges[HTTP_RANGES_MAX];

    (void)state;
    for (int file = FILE_WHOLE; file <= FILE_LARGE; file++) {
        struct client *client = client_open(stage);
        fake_peer_set_window(client->peer, 10000);
        client->read_max = 100;
        say_many_ranges(client, file, 3000, ranges, "");
        for (int i = 0; i < 30; i++) {
            client_pump(client);
            stage_turn(stage, true);
        }
        client_leave(client);
        stage_settle(stage);
    }
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_modified_says_what_it_must),
        cmocka_unit_test(a_condition_that_fails_is_412),
        cmocka_unit_test(conditions_need_a_file),
        cmocka_unit_test(one_range_of_every_file),
        cmocka_unit_test(what_cannot_be_satisfied_is_416),
        cmocka_unit_test(ranges_that_do_not_count),
        cmocka_unit_test(sixteen_parts_in_their_order),
        cmocka_unit_test(close_comes_after_the_last_part),
        cmocka_unit_test(a_drain_lets_the_parts_be_finished),
        cmocka_unit_test(who_stops_reading_is_cut),
        cmocka_unit_test(who_leaves_between_the_parts_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* What server/http1.c answers to what, in which order, and what becomes of the connection. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

static void say_many(struct client *client, char byte, size_t count)
{
    while (count-- > 0)
        client_say_bytes(client, &byte, 1);
}

static void every_file_comes_whole(void **state)
{
    struct stage *stage = stage_calm();
    char text[128];

    (void)state;
    for (int round = 0; round < 2; round++) /* from the disk, and from memory */
        for (int file = 0; file < FILE_COUNT; file++) {
            struct client *client = client_open(stage);
            snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n",
                     stage_files[file].target);
            client_say(client, text);
            snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: h\r\n\r\n",
                     stage_files[file].target);
            client_say(client, text);
            stage_settle(stage);
            assert_false(client_gets_file(client, file));
            assert_false(client_gets_head(client, file));
            client_gets_nothing(client, FAKE_SAW_NOTHING);
        }
    stage_close(stage);
}

static void versions_and_connection_fields(void **state)
{
    const struct {
        const char *request;
        bool closes, persists_1_0;
    } cases[] = {
        { "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", false, false },
        { "GET /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", false, false },
        { "GET /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n", true, false },
        { "GET /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: x\r\nConnection: close\r\n\r\n", true,
          false },
        { "GET /hello.txt HTTP/1.0\r\n\r\n", true, false },
        { "GET /hello.txt HTTP/1.0\r\nHost: h\r\nConnection: close, keep-alive\r\n\r\n", true,
          false },
        { "GET /hello.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false, true },
    };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *client = client_visit(stage, cases[i].request);
        struct answer answer = client_answer(client, false);
        expect_file(&answer, FILE_HELLO, false);
        assert_int_equal(answer.closes, cases[i].closes);
        assert_int_equal(answer.persists_1_0, cases[i].persists_1_0);
        client_more(client, HELLO);
        if (!cases[i].closes)
            client_gets_file(client, FILE_HELLO);
        client_gets_nothing(client, cases[i].closes ? FAKE_SAW_FIN : FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void refusals_that_end_the_connection(void **state)
{
    const struct {
        const char *request;
        int status;
    } cases[] = {
        { "GET /hello.txt HTTP/1.1\r\nHost : h\r\n\r\n", 400 },
        { "GET /hello.txt HTTP/1.1\r\n\r\n", 400 },
        { "GET /hello.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
        { "GET /../hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;\n", 400 },
        { "\x16\x03\x01\x02\x01\x01\xfc\x03\x03", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", 413 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", 413 },
        { "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
        { "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br, chunked\r\n\r\n", 501 },
        { "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505 },
        { "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", 405 },
    };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *client = client_visit(stage, HELLO);
        client_more(client, cases[i].request);
        client_more(client, HELLO);
        assert_false(client_gets_file(client, FILE_HELLO));
        assert_true(client_gets_plain(client, cases[i].status));
        client_gets_nothing(client, FAKE_SAW_FIN);
        /* What it goes on to say is taken and thrown away, so that it gets to read the answer. */
        client_more(client, HELLO);
        client_gets_nothing(client, FAKE_SAW_FIN);
        assert_int_equal(fake_peer_unsent(client->peer), 0);
    }
    stage_close(stage);
}

static void refusals_that_do_not(void **state)
{
    const struct {
        const char *request;
        int status;
    } cases[] = {
        { "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", 404 },
        { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404 }, /* no index */
        { "GET /.git/config HTTP/1.1\r\nHost: h\r\n\r\n", 404 },
        { "GET /hello.txt/ HTTP/1.1\r\nHost: h\r\n\r\n", 404 },
        { "GET /dir%2findex.html HTTP/1.1\r\nHost: h\r\n\r\n", 404 },
        { "GET /outside HTTP/1.1\r\nHost: h\r\n\r\n", 404 },
        { "GET /fifo HTTP/1.1\r\nHost: h\r\n\r\n", 404 },
        { "POST /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
        { "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 405 },
        { "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          405 },
        { "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
        { "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", 417 },
        { "GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc", 417 },
    };
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, HELLO);

    (void)state;
    client_gets_file(client, FILE_HELLO);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        client_more(client, cases[i].request);
        assert_false(client_gets_plain(client, cases[i].status));
        client_gets_nothing(client, FAKE_SAW_NOTHING);
        client_more(client, HELLO);
        assert_false(client_gets_file(client, FILE_HELLO));
    }
    stage_close(stage);
}

static void errors_to_head_have_no_body(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n" HELLO);

    (void)state;
    struct answer answer = client_answer(client, true);
    assert_true(answer_is_plain(&answer, 404, true));
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* --- bodies --- */

static void a_body_is_dropped_before_the_next_request(void **state)
{
    const char *const heads[] = { "POST /hello.txt", "GET /hello.txt" };
    struct stage *stage = stage_calm();
    char text[256];

    (void)state;
    for (int held = 0; held < 2; held++) {
        snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                 heads[held], strlen(HELLO) + 1);
        struct client *client = client_visit(stage, text);
        if (!held) /* refused at once, whether the body comes or not */
            assert_false(client_gets_plain(client, 405));
        client_gets_nothing(client, FAKE_SAW_NOTHING);
        client_more(client, HELLO);
        client_gets_nothing(client, FAKE_SAW_NOTHING);
        client_more(client, "x"
                            "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
        if (held)
            client_gets_file(client, FILE_HELLO);
        client_gets_plain(client, 404);
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void chunks_are_dropped_wherever_they_are_cut(void **state)
{
    const char text[] = "GET /hello.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5;a=\"b\"\r\nGET /\r\n00a\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
                        "GET /none HTTP/1.1\r\nHost: h\r\n\r\n";
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct client *client = client_open(stage);
        client_say_bytes(client, text, cut);
        stage_settle(stage);
        client_more(client, text + cut);
        client_gets_file(client, FILE_HELLO);
        client_gets_plain(client, 404);
        client_gets_nothing(client, FAKE_SAW_NOTHING);
        client_forget(client);
    }
    stage_close(stage);
}

static struct config with_max_body(uint64_t max_body)
{
    struct config config = stage_config();

    config.max_body = max_body;
    return config;
}

static void max_body_is_the_most_that_is_read(void **state)
{
    const struct config config = with_max_body(10);
    struct stage *stage = stage_open(&config);
    const struct {
        const char *request;
        int status;
    } cases[] = {
        { "GET /none HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789", 404 },
        { "GET /none HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n0123456789a", 413 },
        { "GET /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
          404 },
        { "GET /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n",
          413 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *client = client_visit(stage, cases[i].request);
        bool closes = client_gets_plain(client, cases[i].status);
        assert_int_equal(closes, cases[i].status == 413);
        client_gets_nothing(client, closes ? FAKE_SAW_FIN : FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void with_max_body_0_there_is_none(void **state)
{
    const struct config config = with_max_body(0);
    struct stage *stage = stage_open(&config);

    (void)state;
    struct client *client =
        client_visit(stage, "GET /none HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_false(client_gets_plain(client, 404));
    client_more(client,
                "GET /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_false(client_gets_plain(client, 404));
    client_more(client,
                "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    assert_true(client_gets_plain(client, 413));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

/* Too much for what was refused already ends the connection, without another answer. */
static void an_answered_body_that_breaks_the_rules(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(
        stage, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" HELLO);

    (void)state;
    client_gets_plain(client, 405);
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

/* Nobody wants this body: what waits to be asked for it is answered instead. */
static void no_body_is_asked_for(void **state)
{
#define WAITING "Host: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    const struct {
        const char *head;
        int at_once; /* status, or 0 */
    } cases[] = {
        { "GET /hello.txt HTTP/1.1\r\n" WAITING, 200 },
        { "GET /none HTTP/1.1\r\n" WAITING, 404 },
        { "OPTIONS * HTTP/1.1\r\n" WAITING, 200 },
        { "GET /hello.txt HTTP/1.0\r\n" WAITING, 0 },
        { "GET /hello.txt HTTP/1.1\r\n" WAITING "a", 200 },
        { "POST /hello.txt HTTP/1.1\r\n" WAITING, 405 },
        { "GET /hello.txt HTTP/1.1\r\nExpect: else\r\n" WAITING, 417 },
        { "GET /hello.txt HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", 200 },
    };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *client = client_visit(stage, cases[i].head);
        if (cases[i].at_once) {
            struct answer answer = client_answer(client, false);
            assert_int_equal(answer.status, cases[i].at_once);
        }
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void the_body_may_follow_the_answer(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "GET /hello.txt HTTP/1.1\r\n" WAITING);

    (void)state;
    client_gets_file(client, FILE_HELLO);
    client_more(client, "ab");
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    client_more(client, "c" HELLO);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* --- limits of the head --- */

static void max_head_is_the_longest_head(void **state)
{
    struct stage *stage = stage_calm();
    const char start[] = "GET /none HTTP/1.1\r\nHost: h\r\nLong: ";
    size_t fill = stage->config.max_head - strlen(start) - 4;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct client *client = client_visit(stage, start);
        say_many(client, 'm', fill + extra);
        client_more(client, "\r\n\r\n");
        bool closes = client_gets_plain(client, extra ? 431 : 404);
        client_gets_nothing(client, closes ? FAKE_SAW_FIN : FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void an_endless_request_line_is_414(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "GET /");

    (void)state;
    say_many(client, 'u', stage->config.max_head);
    stage_settle(stage);
    assert_true(client_gets_plain(client, 414));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

/* --- order --- */

static void split_anywhere_it_is_the_same(void **state)
{
    const char text[] = HELLO "HEAD /small.css HTTP/1.1\r\nHost: h\r\n\r\n"
                              "GET http://h/dir/ HTTP/1.1\r\nHost: h\r\n\r\n";
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t step = 1; step < 30; step++) {
        struct client *client = client_open(stage);
        client->write_max = step;
        client_more(client, text);
        client_gets_file(client, FILE_HELLO);
        client_gets_head(client, FILE_SMALL);
        client_gets_file(client, FILE_INDEX);
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void a_thousand_in_one_write(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    for (int i = 0; i < 500; i++)
        client_say(client, HELLO "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    stage_settle(stage);
    for (int i = 0; i < 500; i++) {
        assert_false(client_gets_file(client, FILE_HELLO));
        assert_false(client_gets_plain(client, 404));
    }
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void empty_lines_before_a_request(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "\r\n\r\n" HELLO "\r\n" HELLO);

    (void)state;
    client_gets_file(client, FILE_HELLO);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void the_last_one_is_the_last(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client =
        client_visit(stage, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n"
                            "GET /huge.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" HELLO);

    (void)state;
    assert_false(client_gets_plain(client, 404));
    assert_true(client_gets_file(client, FILE_HUGE));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_comes_whole),
        cmocka_unit_test(versions_and_connection_fields),
        cmocka_unit_test(refusals_that_end_the_connection),
        cmocka_unit_test(refusals_that_do_not),
        cmocka_unit_test(errors_to_head_have_no_body),
        cmocka_unit_test(a_body_is_dropped_before_the_next_request),
        cmocka_unit_test(chunks_are_dropped_wherever_they_are_cut),
        cmocka_unit_test(max_body_is_the_most_that_is_read),
        cmocka_unit_test(with_max_body_0_there_is_none),
        cmocka_unit_test(an_answered_body_that_breaks_the_rules),
        cmocka_unit_test(no_body_is_asked_for),
        cmocka_unit_test(the_body_may_follow_the_answer),
        cmocka_unit_test(max_head_is_the_longest_head),
        cmocka_unit_test(an_endless_request_line_is_414),
        cmocka_unit_test(split_anywhere_it_is_the_same),
        cmocka_unit_test(a_thousand_in_one_write),
        cmocka_unit_test(empty_lines_before_a_request),
        cmocka_unit_test(the_last_one_is_the_last),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

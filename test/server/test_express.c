/* The express way is for everyday requests alone, and says what the other way says. */
#include "server/express.h"
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define GET(target, fields) "GET " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

static const char *const everyday[] = {
    GET("/hello.txt", ""),
    GET("/small.css", ""),
    GET("/hello.txt?query", ""),
    GET("/empty.txt", ""),
    GET("/hello.txt", "Accept-Encoding: br, gzip\r\nUser-Agent: x\r\nConnection: keep-alive\r\n"),
};

static const char *const others[] = {
    "HEAD /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
    "OPTIONS /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
    "DELETE /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET http://h/hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
    GET("/hello.txt", "Connection: close\r\n"),
    GET("/hello.txt", "Range: bytes=0-3\r\n"),
    GET("/hello.txt", "If-None-Match: *\r\n"),
    GET("/hello.txt", "Expect: something\r\n"),
    GET("/hello.txt", "Content-Length: 1\r\n"),
    GET("/%68ello.txt", ""),
    GET("/./hello.txt", ""),
    GET("/middle.html", ""),
    GET("/whole.png", ""),
    GET("/large.jpg", ""),
    GET("/none", ""),
    GET("/dir", ""),
};

enum { EVERYDAY = sizeof everyday / sizeof everyday[0], OTHERS = sizeof others / sizeof others[0] };

/* Everything is held from here on. */
static struct stage *open_held(void)
{
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    for (int i = 0; i < EVERYDAY; i++)
        client_more(client, everyday[i]);
    for (int i = 0; i < OTHERS; i++)
        client_forget(client_visit(stage, others[i]));
    client_forget(client);
    stage_settle(stage);
    return stage;
}

/* How many bytes the express way answers a request with. */
static size_t answered(struct stage *stage, const char *text)
{
    struct core *core = &stage->loop.core;
    struct output *out = output_take(&core->outputs);
    struct http_request request;
    struct http1 h;

    http1_init(&h);
    assert_non_null(out);
    assert_true(http_request_parse(&request, text, strlen(text), HTTP_HEAD_MAX) > 0);
    size_t len = express_answer(core, &h, &request, out);
    assert_true(output_is_empty(out));
    output_give_back(&core->outputs, out, &core->site);
    return len;
}

static void it_takes_the_everyday_and_nothing_else(void **state)
{
    struct stage *stage = open_held();

    (void)state;
    for (int i = 0; i < EVERYDAY; i++)
        assert_true(answered(stage, everyday[i]) > stage_files[FILE_HELLO].size);
    for (int i = 0; i < OTHERS; i++)
        assert_int_equal(answered(stage, others[i]), 0);
    stage_close(stage);
}

static void what_is_not_held_is_not_its_to_answer(void **state)
{
    struct stage *stage = stage_calm();

    (void)state;
    for (int i = 0; i < EVERYDAY; i++)
        assert_int_equal(answered(stage, everyday[i]), 0);
    stage_close(stage);
}

static void it_is_closed_where_something_comes_first(void **state)
{
    struct config config = stage_config();
    struct stage *stage = open_held();
    struct core *core = &stage->loop.core;

    (void)state;
    assert_true(express_is_open(core));
    core->config = &config;
    config.no_files = true;
    assert_false(express_is_open(core));
    config.no_files = false;
    config.https_redirect = true;
    assert_false(express_is_open(core));
    config.https_redirect = false;
    config.app = (const struct app *)&config; /* whatever it is */
    assert_false(express_is_open(core));
    core->config = &stage->config;
    loop_drain(&stage->loop);
    assert_int_equal(answered(stage, everyday[0]), 0);
    stage_close(stage);
}

/* All that a new client hears, but for the time: for the caller to free. */
static char *heard(struct stage *stage, const char *const *requests, int count)
{
    struct client *client = client_open(stage);

    for (int i = 0; i < count; i++)
        client_more(client, requests[i]);
    struct str all = client_unread(client);
    char *copy = calloc(1, all.len + 1);
    assert_non_null(copy);
    memcpy(copy, all.at, all.len);
    for (char *date = copy; (date = strstr(date, "\r\nDate: ")); date += 8)
        memset(date + 8, '-', HTTP_DATE_LEN);
    client_skip(client, all.len);
    client_forget(client);
    return copy;
}

static void it_says_what_the_other_way_says(void **state)
{
    struct stage *stage = open_held();

    (void)state;
    assert_true(stage->loop.core.express);
    char *express = heard(stage, everyday, EVERYDAY);
    stage->loop.core.express = false;
    char *other = heard(stage, everyday, EVERYDAY);
    assert_string_equal(express, other);
    assert_non_null(strstr(express, "HTTP/1.1 200"));
    free(express);
    free(other);
    stage_close(stage);
}

/* Between everyday requests anything else, whole, in halves, and several at a time. */
static void both_ways_take_turns(void **state)
{
    static const char *const talk[] = {
        GET("/hello.txt", ""),
        GET("/hello.txt", "Range: bytes=0-3\r\n"),
        GET("/hello.txt", ""),
        GET("/hello.txt", "") GET("/small.css", "") "GET /hel",
        "lo.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        GET("/small.css", ""),
        "POST /hello.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n",
        "abc",
        GET("/empty.txt", ""),
        "\r\n" GET("/hello.txt", ""),
        GET("/middle.html", ""),
        GET("/hello.txt", ""),
        "GET /hello.txt HTTP/1.1\r\n\r\n",
    };
    enum { TALK = sizeof talk / sizeof talk[0] };
    struct stage *stage = open_held();

    (void)state;
    char *express = heard(stage, talk, TALK);
    stage->loop.core.express = false;
    char *other = heard(stage, talk, TALK);
    assert_string_equal(express, other);
    assert_non_null(strstr(express, "HTTP/1.1 206"));
    assert_non_null(strstr(express, "HTTP/1.1 400"));
    free(express);
    free(other);
    stage_close(stage);
}

/* Who sends a request and its FIN at once, or the next request before the answer is out, is
 * answered all the same. */
static void what_comes_while_it_is_sent_is_not_lost(void **state)
{
    struct stage *stage = open_held();
    struct client *finishing = client_open(stage);
    struct client *hasty = client_open(stage);

    (void)state;
    finishing->finishes = true;
    client_more(finishing, everyday[0]);
    client_gets_file(finishing, FILE_HELLO);
    client_gets_nothing(finishing, FAKE_SAW_FIN);
    client_say(hasty, everyday[0]);
    client_pump(hasty);
    stage_turn(stage, true);
    client_say(hasty, everyday[1]);
    client_pump(hasty);
    stage_settle(stage);
    client_gets_file(hasty, FILE_HELLO);
    client_gets_file(hasty, FILE_SMALL);
    client_gets_nothing(hasty, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* The peer takes nothing more: when it has been idle for as long as it may, that counts as waiting
 * for it to take some, which has a deadline of its own. */
static void a_reply_that_is_not_taken_has_its_time(void **state)
{
    struct stage *stage = open_held();
    struct client *client = client_visit(stage, everyday[0]);
    struct list *first = list_first(&stage->loop.core.conns);
    struct conn *conn = CONTAINER_OF(first, struct conn, link);
    enum { REPLIES = 10000 };

    (void)state;
    client->read_max = 0;
    for (int i = 0; i < REPLIES && conn->state == CONN_READING; i++) {
        client_more(client, everyday[1]);
    }
    assert_int_equal(conn->state, CONN_SENDING);
    assert_true(conn->express);
    stage_pass(stage, stage->config.idle_ms);
    assert_int_equal(conn->state, CONN_SENDING);
    assert_int_equal(conn->deadline.kind, DEADLINE_WRITE);
    stage_pass(stage, stage->config.write_ms);
    assert_int_equal(client->saw, FAKE_SAW_RST);
    assert_int_equal(stage->loop.core.conn_count, 0);
    stage_close(stage);
}

static struct conn *only_conn(struct stage *stage)
{
    struct list *conns = &stage->loop.core.conns;

    assert_false(list_empty(conns));
    return CONTAINER_OF(conns->next, struct conn, link);
}

/* Each reply begins a new wait, to a 64th of its length. */
static void each_reply_puts_off_the_end(void **state)
{
    struct stage *stage = open_held();
    struct client *client = client_visit(stage, everyday[0]);
    const uint64_t slack = stage->config.idle_ms / DEADLINE_SHARE;

    (void)state;
    for (int i = 0; i < 200; i++) {
        stage_pass(stage, slack / 2 + 1);
        client_more(client, everyday[0]);
        stage_settle(stage);
        struct conn *conn = only_conn(stage);
        assert_int_equal(conn->deadline.kind, DEADLINE_IDLE);
        assert_in_range(conn->deadline.since_ms, stage->loop.core.now_ms - slack,
                        stage->loop.core.now_ms);
    }
    stage_pass(stage, stage->config.idle_ms - 2 * slack);
    assert_int_equal(client->saw, FAKE_SAW_NOTHING);
    stage_pass(stage, 2 * slack);
    assert_int_equal(client->saw, FAKE_SAW_FIN);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_takes_the_everyday_and_nothing_else),
        cmocka_unit_test(what_is_not_held_is_not_its_to_answer),
        cmocka_unit_test(it_is_closed_where_something_comes_first),
        cmocka_unit_test(it_says_what_the_other_way_says),
        cmocka_unit_test(both_ways_take_turns),
        cmocka_unit_test(what_comes_while_it_is_sent_is_not_lost),
        cmocka_unit_test(a_reply_that_is_not_taken_has_its_time),
        cmocka_unit_test(each_reply_puts_off_the_end),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* Who answers a request, through the whole of a core on the fake engine. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO   "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"
#define WAITING "Host: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"

static void say_many(struct client *client, char byte, size_t count)
{
    while (count-- > 0)
        client_say_bytes(client, &byte, 1);
}

static void allow_comes_with_405_and_options(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client =
        client_visit(stage, "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n"
                            "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"
                            "OPTIONS /none HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, i == 0 ? 405 : 200);
        assert_true(str_equal(answer_field(&answer, "Allow"), STR("GET, HEAD, OPTIONS")));
        assert_true(i == 0 || answer.length == 0);
    }
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* --- redirects --- */

static void a_directory_is_redirected_to_its_slash(void **state)
{
    const struct {
        const char *target, *location;
    } cases[] = {
        { "/dir", "/dir/" },   { "/dir?a=b", "/dir/?a=b" },         { "//dir", "/dir/" },
        { "/%64ir", "/dir/" }, { "http://elsewhere/dir", "/dir/" }, { "/x/../dir?", "/dir/?" },
    };
    struct stage *stage = stage_calm();
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].target);
        struct client *client = client_visit(stage, text);
        struct answer answer = client_answer(client, false);
        assert_true(answer_is_plain(&answer, 301, false));
        assert_true(str_equal(answer_field(&answer, "Location"), str_from(cases[i].location)));
        assert_false(answer.closes);
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_close(stage);
}

static void a_redirect_that_would_be_too_long_is_414(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "GET /dir?");

    (void)state;
    say_many(client, 'q', 4096);
    client_more(client, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(client_gets_plain(client, 414));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

/* Long ones do not fit behind other answers: each waits for room, and none is lost. */
static void long_redirects_wait_for_room(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    for (int i = 0; i < 20; i++) {
        client_say(client, HELLO "GET /dir?");
        say_many(client, (char)('a' + i), 3500);
        client_say(client, " HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    stage_settle(stage);
    for (int i = 0; i < 20; i++) {
        client_gets_file(client, FILE_HELLO);
        struct answer answer = client_answer(client, false);
        struct str location = answer_field(&answer, "Location");
        assert_int_equal(answer.status, 301);
        assert_int_equal(location.len, strlen("/dir/?") + 3500);
        assert_int_equal(location.at[location.len - 1], 'a' + i);
    }
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* --- dot files --- */

static void dot_files_are_served_when_asked(void **state)
{
    struct config config = stage_config();
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/.dot", stage_site());
    int fd = creat(path, 0644);
    assert_true(fd >= 0);
    close(fd);
    for (int asked = 0; asked < 2; asked++) {
        config.dotfiles = asked;
        struct stage *stage = stage_open(&config);
        struct client *client = client_visit(stage, "GET /.dot HTTP/1.1\r\nHost: h\r\n\r\n");
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, asked ? 200 : 404);
        stage_close(stage);
    }
    unlink(path);
}

/* --- listings --- */

static struct answer visit_directory(struct stage *stage, const char *target, const char *fields)
{
    char says[256];

    snprintf(says, sizeof says, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, fields);
    return client_answer(client_visit(stage, says), false);
}

static void expect_listing(struct stage *stage, const char *target, const char *fields,
                           const char *type, const char *text)
{
    struct answer answer = visit_directory(stage, target, fields);

    assert_int_equal(answer.status, 200);
    if (!str_equal(answer_field(&answer, "Content-Type"), str_from(type)))
        fail_msg("%s with %s is no %s", target, fields, type);
    assert_true(str_equal(answer_field(&answer, "Vary"), STR("Accept")));
    if (!memmem(answer.body.at, answer.body.len, text, strlen(text)))
        fail_msg("%s with %s: %.*s", target, fields, (int)answer.body.len, answer.body.at);
}

static void listings_where_there_is_no_index(void **state)
{
    const char *html = "text/html; charset=utf-8", *json = "application/json";
    struct config config = stage_config();

    (void)state;
    struct stage *stage = stage_calm();
    assert_int_equal(visit_directory(stage, "/", "").status, 404);
    stage_close(stage);
    config.listing = true;
    stage = stage_open(&config);
    expect_listing(stage, "/", "", html, "<a href=\"./dir/\">");
    expect_listing(stage, "/?sort=size&order=desc&x", "", html,
                   "<th aria-sort=\"descending\"><a href=\"?sort=size");
    expect_listing(stage, "/", "Accept: application/json\r\n", json, "\"href\":\"./dir/\"");
    expect_listing(stage, "/", "Accept: text/html, application/json\r\n", html, "<title>");
    assert_int_equal(visit_directory(stage, "/dir", "").status, 301);
    assert_int_equal(visit_directory(stage, "/none/", "").status, 404);
    assert_int_equal(visit_directory(stage, "/none", "").status, 404);
    assert_int_equal(visit_directory(stage, "/hello.txt/", "").status, 404);
    client_gets_file(client_visit(stage, "GET /dir/ HTTP/1.1\r\nHost: h\r\n\r\n"), FILE_INDEX);
    stage_close(stage);
}

/* --- from the plain port to the other one --- */

static struct stage *leading(uint16_t tls_port)
{
    struct config config = stage_config();

    config.https_redirect = true;
    config.tls_port = tls_port;
    return stage_open(&config);
}

static void the_plain_port_leads_to_the_other_one(void **state)
{
    const struct {
        uint16_t tls_port;
        const char *request, *location;
    } cases[] = {
        { 443, "GET /hello.txt HTTP/1.1\r\nHost: h", "https://h/hello.txt" },
        { 8443, "GET /a%20b?c=d%2f HTTP/1.1\r\nHost: h:8080", "https://h:8443/a%20b?c=d%2f" },
        { 443, "HEAD / HTTP/1.1\r\nHost: [::1]:8080", "https://[::1]/" },
        { 8443, "GET //other/ HTTP/1.1\r\nHost: [::1]", "https://[::1]:8443//other/" },
        { 443, "GET http://there:80/x HTTP/1.1\r\nHost: h", "https://there/x" },
        { 443, "GET /.well-known/acme-challenge/../x HTTP/1.1\r\nHost: h",
          "https://h/.well-known/acme-challenge/../x" },
        { 443, "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0",
          "https://h/x" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage *stage = leading(cases[i].tls_port);
        struct client *client = client_visit(stage, cases[i].request);
        client_more(client, "\r\n\r\n");
        struct answer answer = client_answer(client, cases[i].request[0] == 'H');
        assert_int_equal(answer.status, 308);
        assert_true(str_equal(answer_field(&answer, "Location"), str_from(cases[i].location)));
        stage_close(stage);
    }
}

/* A body that comes anyway is dropped, and who names no host can't be led. */
static void what_cannot_be_led(void **state)
{
    struct stage *stage = leading(443);
    struct client *client =
        client_visit(stage, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                            "GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: h\r\n\r\n"
                            "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"
                            "GET / HTTP/1.0\r\n\r\n");

    (void)state;
    const int statuses[] = { 308, 404, 200, 400 };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        assert_int_equal(client_answer(client, false).status, statuses[i]);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allow_comes_with_405_and_options),
        cmocka_unit_test(a_directory_is_redirected_to_its_slash),
        cmocka_unit_test(a_redirect_that_would_be_too_long_is_414),
        cmocka_unit_test(long_redirects_wait_for_room),
        cmocka_unit_test(dot_files_are_served_when_asked),
        cmocka_unit_test(listings_where_there_is_no_index),
        cmocka_unit_test(the_plain_port_leads_to_the_other_one),
        cmocka_unit_test(what_cannot_be_led),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

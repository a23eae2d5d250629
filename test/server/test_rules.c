/* What rules do to answers, through the whole of a core on the fake engine. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GET(target, fields) "GET " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

static void assert_field(const struct answer *answer, const char *name, const char *value)
{
    struct str got = answer_field(answer, name);

    if (!str_equal(got, str_from(value)))
        fail_msg("%s is %.*s", name, (int)got.len, got.at ? got.at : "");
}

static void max_age_and_cors_are_said_of_files(void **state)
{
    struct config config = stage_config();

    (void)state;
    config.has_max_age = true;
    config.max_age = 60;
    config.cors = true;
    struct stage *stage = stage_open(&config);
    struct client *client = client_visit(
        stage, GET("/hello.txt", "") GET("/hello.txt", "If-None-Match: *\r\n")
                   GET("/hello.txt", "Range: bytes=0-1\r\n") GET("/dir/", "") GET("/none", ""));
    static const int statuses[] = { 200, 304, 206, 200, 404 };
    for (int i = 0; i < 5; i++) {
        struct answer answer = client_answer(client, i == 1);
        assert_int_equal(answer.status, statuses[i]);
        assert_field(&answer, "Cache-Control",
                     i < 3 ? "public, max-age=60" : (i == 3 ? "no-cache" : ""));
        assert_field(&answer, "Access-Control-Allow-Origin", i < 4 ? "*" : "");
    }
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void preflights_are_answered(void **state)
{
    static const char asks[] = "OPTIONS /x HTTP/1.1\r\nHost: h\r\nOrigin: http://o\r\n"
                               "Access-Control-Request-Method: GET\r\n\r\n";
    struct config config = stage_config();

    (void)state;
    for (int cors = 0; cors < 2; cors++) {
        config.cors = cors;
        struct stage *stage = stage_open(&config);
        struct client *client = client_visit(stage, asks);
        struct answer answer = client_answer(client, cors);
        assert_int_equal(answer.status, cors ? 204 : 200);
        assert_field(&answer, "Access-Control-Allow-Origin", cors ? "*" : "");
        assert_field(&answer, "Content-Length", cors ? "" : "0");
        client_more(client, GET("/hello.txt", ""));
        client_gets_file(client, FILE_HELLO);
        stage_close(stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_age_and_cors_are_said_of_files),
        cmocka_unit_test(preflights_are_answered),
    };
    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* What rules do to answers, through the whole of a core on the fake engine. */
#include "ear.h"
#include "server/watcher.h"
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
        assert_field(&answer, "Access-Control-Allow-Origin", "*");
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

static void add(struct config_list *list, const char *item)
{
    list->items[list->count++] = str_from(item);
}

/* One request, on a connection of its own. */
static struct answer ask(struct stage *stage, const char *method, const char *target,
                         const char *fields)
{
    char text[512];
    bool head_only = method[0] == 'H';

    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, target, fields);
    return client_answer(client_visit(stage, text), head_only);
}

/* A file's content under a status of its own. */
static void assert_page(const struct answer *answer, int status, int file, bool head_only)
{
    assert_int_equal(answer->status, status);
    assert_int_equal(answer->length, stage_files[file].size);
    assert_int_equal(answer->body.len, head_only ? 0 : stage_files[file].size);
    assert_field(answer, "Content-Type", stage_files[file].type);
    assert_null(answer_field(answer, "ETag").at);
    assert_null(answer_field(answer, "Last-Modified").at);
    assert_null(answer_field(answer, "Accept-Ranges").at);
    assert_null(answer_field(answer, "Cache-Control").at);
}

/* With a cache and without: then every step of an answer is a fill. */
static struct stage *open_held(struct config *config, bool held)
{
    config->cache_bytes = held ? config->cache_bytes : 0;
    return stage_open(config);
}

static void redirects_lead_elsewhere(void **state)
{
    static const struct {
        const char *target, *location;
        int status;
    } rows[] = {
        { "/old/a/b?x=1", "/new/a/b?x=1", 301 },
        { "/own?x=1", "/here?y=2", 302 },
        { "/mark?x", "/here?x#there", 308 },
        { "/hello.txt", "https://example.org/", 307 },
        { "/%68ello.txt", "https://example.org/", 307 },
        { "/hello.txt?x", "https://example.org/?x", 307 },
    };
    struct config config = stage_config();

    (void)state;
    add(&config.redirects, "/old/*=/new/:splat");
    add(&config.redirects, "/own=/here?y=2:302");
    add(&config.redirects, "/mark=/here#there:308");
    add(&config.redirects, "/hello.txt=https://example.org/:307!");
    add(&config.redirects, "/dir/*=/never");
    add(&config.redirects, "/back=/hello.txt:200");
    for (int held = 1; held >= 0; held--) {
        struct stage *stage = open_held(&config, held);
        /* held because of a rewrite, and still not found by its own name */
        struct answer answer = ask(stage, "GET", "/back", "");
        expect_file(&answer, FILE_HELLO, false);
        for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
            size_t row = i / 2;
            answer = ask(stage, i % 2 ? "HEAD" : "GET", rows[row].target, "");
            assert_true(answer_is_plain(&answer, rows[row].status, i % 2));
            assert_field(&answer, "Location", rows[row].location);
        }
        answer = ask(stage, "GET", "/dir/", "");
        expect_file(&answer, FILE_INDEX, false);
        assert_int_equal(ask(stage, "POST", "/old/a", "").status, 405);
        stage_close(stage);
    }
}

static void rewrites_answer_with_what_stands_elsewhere(void **state)
{
    struct config config = stage_config();

    (void)state;
    add(&config.redirects, "/app/*=/dir/?x=1:200");
    add(&config.redirects, "/twice=/app/x:200");
    add(&config.redirects, "/circle=/circle:200");
    add(&config.redirects, "/out=/../../etc/passwd:200");
    add(&config.redirects, "/rules=/_headers:200");
    add(&config.redirects, "/slash=/dir:200");
    add(&config.redirects, "/gone/*=/small.css:404");
    add(&config.redirects, "/lost=/none:404");
    for (int held = 1; held >= 0; held--) {
        struct stage *stage = open_held(&config, held);
        struct answer answer = ask(stage, "GET", "/app/a/b", "");
        expect_file(&answer, FILE_INDEX, false);
        answer = ask(stage, "GET", "/app/a/b", "If-None-Match: *\r\n");
        assert_int_equal(answer.status, 304);
        answer = ask(stage, "HEAD", "/app/", "");
        expect_file(&answer, FILE_INDEX, true);
        static const char *const none[] = { "/twice", "/circle", "/out", "/rules", "/lost" };
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
            answer = ask(stage, "GET", none[i], "");
            assert_true(answer_is_plain(&answer, 404, false));
        }
        answer = ask(stage, "GET", "/slash", "");
        assert_field(&answer, "Location", "/dir/");
        answer = ask(stage, "GET", "/gone/x", "If-None-Match: *\r\n");
        assert_page(&answer, 404, FILE_SMALL, false);
        stage_close(stage);
    }
}

static void error_pages_keep_the_status(void **state)
{
    static const int files[] = { FILE_HELLO, FILE_EMPTY, FILE_MIDDLE, FILE_LARGE };
    struct config config = stage_config();

    (void)state;
    config.has_max_age = true;
    for (int i = 0; i < 8; i++) {
        char page[64];
        struct config_list one = { .count = 0 };
        snprintf(page, sizeof page, "404=%s", stage_files[files[i / 2]].target);
        add(&one, page);
        config.error_pages = one;
        struct stage *stage = open_held(&config, i % 2 == 0);
        struct answer answer = ask(stage, "GET", "/none", "Range: bytes=0-0\r\n");
        assert_page(&answer, 404, files[i / 2], false);
        answer = ask(stage, "HEAD", "/.hidden", "If-None-Match: *\r\n");
        assert_page(&answer, 404, files[i / 2], true);
        answer = ask(stage, "GET", "/a%2Fb", "");
        assert_page(&answer, 404, files[i / 2], false);
        stage_close(stage);
    }
    config.error_pages.items[0] = STR("404=/none.html");
    struct stage *stage = stage_open(&config);
    struct answer answer = ask(stage, "GET", "/none", "");
    assert_true(answer_is_plain(&answer, 404, false));
    stage_close(stage);
}

static void a_page_that_is_not_there_is_the_apps(void **state)
{
    static const struct {
        const char *target, *fields;
        bool page;
    } rows[] = {
        { "/deep/link", "", true },
        { "/deep/", "", true },
        { "/v1.2/users", "", true },
        { "/deep/link", "Accept: */*\r\n", true },
        { "/none.png", "Accept: image/avif,image/*,*/*;q=0.8\r\n", false },
        { "/none.js", "", false },
        { "/user/a.b", "Accept: application/xml, Text/HTML ;q=0.9\r\n", true },
        { "/user/a.b", "Accept: text/htmlx\r\n", false },
        { "/user/a.b", "Accept: text/html;q=0\r\n", false },
        { "/.well-known/app", "", false },
        { "/.well-known/app", "Accept: text/html\r\n", true },
        { "/.git", "Accept: text/html\r\n", false },
        { "/_headers", "Accept: text/html\r\n", false },
    };
    struct config config = stage_config();

    (void)state;
    config.spa = "/dir/index.html";
    for (int held = 1; held >= 0; held--) {
        struct stage *stage = open_held(&config, held);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct answer answer = ask(stage, "GET", rows[i].target, rows[i].fields);
            if (rows[i].page)
                expect_file(&answer, FILE_INDEX, false);
            else if (!answer_is_plain(&answer, 404, false))
                fail_msg("%s is there", rows[i].target);
        }
        struct answer answer = ask(stage, "GET", "/x", "If-None-Match: *\r\n");
        assert_int_equal(answer.status, 304);
        assert_int_equal(ask(stage, "GET", "/dir", "").status, 301);
        stage_close(stage);
    }
}

static void fields_that_do_not_fit_are_told_once(void **state)
{
    struct config config = stage_config();
    struct notices notices = { .unwatched = false };
    struct rule_book book = { .page_count = 0 };
    struct rule_error error;
    struct path_fields space;
    struct rules rules;
    struct ear ear;
    char memory[2 * PATH_FIELDS_MAX];
    struct text text = text_in(memory, sizeof memory);

    (void)state;
    text_add(&text, STR("/*\n"));
    while (text.len < PATH_FIELDS_MAX + 100)
        text_add(&text, STR(" X-Field: 0123456789012345678901234567890123456789\n"));
    assert_true(field_rules_parse(&book.headers, text_str(&text), &error));
    rules_init(&rules, &config, &book);
    rules.notices = &notices;
    ear_open(&ear);
    for (int i = 0; i < 2; i++)
        assert_true(rules_of_path(&rules, STR("/a\x1b"), &space).lines.len > PATH_FIELDS_MAX - 100);
    assert_string_equal(ear_close(&ear),
                        "ringlet: /a%1B: rules give it over 4096 bytes of header fields, or 512 of "
                        "Cache-Control; what does not fit is left out\n");
    rule_book_release(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_age_and_cors_are_said_of_files),
        cmocka_unit_test(preflights_are_answered),
        cmocka_unit_test(redirects_lead_elsewhere),
        cmocka_unit_test(rewrites_answer_with_what_stands_elsewhere),
        cmocka_unit_test(error_pages_keep_the_status),
        cmocka_unit_test(a_page_that_is_not_there_is_the_apps),
        cmocka_unit_test(fields_that_do_not_fit_are_told_once),
    };
    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

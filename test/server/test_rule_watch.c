/* Files of rules that change while a core serves, on the fake engine. */
#include "stage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/rule_watch.h"

static void put(const struct stage *stage, const char *text)
{
    int fd = openat(stage->root, "_redirects", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Is /hello.txt redirected? */
static bool is_redirected(struct client *client)
{
    client_more(client, "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    struct answer answer = client_answer(client, false);
    return answer.status == 301;
}

/* The site tells, or holds nothing: either way it takes no longer than between two looks. */
static void rules_are_followed(void **state)
{
    struct config config = stage_config();

    (void)state;
    for (int held = 1; held >= 0; held--) {
        config.cache_bytes = held ? config.cache_bytes : 0;
        struct stage *stage = stage_open(&config);
        struct client *client = client_open(stage);
        assert_false(is_redirected(client));
        put(stage, "/hello.txt /elsewhere 301!\n");
        stage_pass(stage, RULE_WATCH_MS + 1);
        is_redirected(client);
        stage_settle(stage);
        assert_true(is_redirected(client));
        put(stage, "/hello.txt\n"); /* wrong */
        stage_pass(stage, RULE_WATCH_MS + 1);
        is_redirected(client);
        stage_settle(stage);
        assert_true(is_redirected(client));
        unlinkat(stage->root, "_redirects", 0);
        stage_pass(stage, RULE_WATCH_MS + 1);
        is_redirected(client);
        stage_settle(stage);
        assert_false(is_redirected(client));
        stage_close(stage);
    }
}

/* What is in force at the first request was there before. */
/* A client is there, says nothing, and would be waited for far longer. */
static void an_idle_server_follows_them_too(void **state)
{
    struct config config = stage_config();

    (void)state;
    config.cache_bytes = 0;
    struct stage *stage = stage_open(&config);
    struct client *client = client_open(stage);
    assert_false(is_redirected(client));
    put(stage, "/hello.txt /elsewhere 301!\n");
    uint64_t start_ms = fake_io_clock_ms(stage->io);
    while (fake_io_clock_ms(stage->io) == start_ms)
        stage_turn(stage, false);
    stage_settle(stage);
    assert_true(fake_io_clock_ms(stage->io) - start_ms <= RULE_WATCH_MS);
    assert_true(is_redirected(client));
    unlinkat(stage->root, "_redirects", 0);
    stage_close(stage);
}

static void rules_are_there_at_once(void **state)
{
    struct stage *stage = stage_calm();

    (void)state;
    put(stage, "/hello.txt /elsewhere 301!\n");
    stage_close(stage);
    stage = stage_calm();
    assert_true(is_redirected(client_open(stage)));
    unlinkat(stage->root, "_redirects", 0);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_followed),
        cmocka_unit_test(an_idle_server_follows_them_too),
        cmocka_unit_test(rules_are_there_at_once),
    };
    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

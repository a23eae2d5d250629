/* Variants are made beside requests, never for them, through a core on the fake engine. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 3000, FILES = MAKINGS_MAX + 10 };

static void file_name(char name[128], const char *path, int number)
{
    snprintf(name, 128, "%s/%d.txt", path, number);
}

static void write_files(char *path)
{
    char name[128];

    assert_non_null(mkdtemp(path));
    for (int i = 0; i < FILES; i++) {
        file_name(name, path, i);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        for (int at = 0; at < SIZE; at++)
            fputc('a' + (i + at) % 7, file);
        assert_int_equal(fclose(file), 0);
    }
}

static void remove_files(const char *path)
{
    char name[128];

    for (int i = 0; i < FILES; i++) {
        file_name(name, path, i);
        unlink(name);
    }
    assert_int_equal(rmdir(path), 0);
}

static struct stage *stage_of(const char *path, size_t cache_bytes)
{
    struct config config = stage_config();

    config.root = path;
    config.compress = true;
    config.cache_bytes = cache_bytes;
    return stage_open(&config);
}

enum expected { AS_IT_IS, CODED, EITHER };

/* Ask for a file in this coding; returns how long its content was. */
static size_t ask(struct stage *stage, int number, const char *coding, enum expected expected)
{
    char text[256];

    snprintf(text, sizeof text, "GET /%d.txt HTTP/1.1\r\nHost: h\r\nAccept-Encoding: %s\r\n\r\n",
             number, coding);
    struct client *client = client_visit(stage, text);
    struct answer answer = client_answer(client, false);
    struct str said = answer_field(&answer, "Content-Encoding");

    assert_int_equal(answer.status, 200);
    assert_true(answer_field(&answer, "Vary").at || stage->config.cache_bytes == 0);
    if (expected != EITHER)
        assert_int_equal(said.at != NULL, expected == CODED);
    assert_true(!said.at || str_equal(said, str_from(coding)));
    client_forget(client);
    return answer.length;
}

/* The thread that makes them has the lowest priority, and may not come to run for a while. */
static void let_be_made(struct stage *stage)
{
    do
        stage_settle(stage);
    while (stage->loop.core.makings.count > 0 || stage->loop.core.makings.running);
}

static void the_first_gets_the_file_and_later_ones_less(void **state)
{
    static const char *const codings[] = { "br", "zstd", "gzip" };
    char path[] = "/tmp/ringlet-makings-XXXXXX";

    (void)state;
    write_files(path);
    struct stage *stage = stage_of(path, 1 << 20);
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        assert_int_equal(ask(stage, 0, codings[i], AS_IT_IS), SIZE);
        let_be_made(stage);
        assert_in_range(ask(stage, 0, codings[i], CODED), 1, SIZE / 2);
        assert_in_range(ask(stage, 0, codings[i], CODED), 1, SIZE / 2);
    }
    assert_int_equal(ask(stage, 0, "identity", AS_IT_IS), SIZE);
    stage_close(stage);
    remove_files(path);
}

/* More than the list has room for are asked for again. */
static void many_are_made_one_after_the_other(void **state)
{
    char path[] = "/tmp/ringlet-makings-XXXXXX";

    (void)state;
    write_files(path);
    struct stage *stage = stage_of(path, 1 << 20);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < FILES; i++)
            ask(stage, i, "br", EITHER);
        assert_true(stage->loop.core.makings.count <= MAKINGS_MAX);
        let_be_made(stage);
    }
    for (int i = 0; i < FILES; i++)
        assert_in_range(ask(stage, i, "br", CODED), 1, SIZE / 2);
    stage_close(stage);
    remove_files(path);
}

/* Waiting to be made is no way to stay in memory. */
static void what_is_let_go_does_not_wait(void **state)
{
    enum { ASKED = 10 };
    char path[] = "/tmp/ringlet-makings-XXXXXX", text[128];
    struct client *clients[ASKED];

    (void)state;
    write_files(path);
    struct stage *stage = stage_of(path, 1 << 20);
    const struct makings *makings = &stage->loop.core.makings;
    for (int i = 0; i < ASKED; i++)
        ask(stage, i, "identity", AS_IT_IS);
    for (int i = 0; i < ASKED; i++) {
        snprintf(text, sizeof text,
                 "GET /%d.txt HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br\r\n\r\n", i);
        clients[i] = client_open(stage);
        client_say(clients[i], text);
    }
    while (makings->count < 2) {
        for (int i = 0; i < ASKED; i++)
            client_pump(clients[i]);
        stage_turn(stage, true);
    }
    unsigned waiting = makings->count;
    site_empty(&stage->loop.core.site);
    while (makings->count == waiting)
        stage_turn(stage, true);
    assert_int_equal(makings->count, 0);
    assert_null(makings->running);
    stage_close(stage);
    remove_files(path);
}

static void nothing_is_made_where_nothing_is_held(void **state)
{
    char path[] = "/tmp/ringlet-makings-XXXXXX";

    (void)state;
    write_files(path);
    struct stage *stage = stage_of(path, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(stage, 0, "br", AS_IT_IS), SIZE);
        stage_settle(stage);
    }
    stage_close(stage);
    remove_files(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_gets_the_file_and_later_ones_less),
        cmocka_unit_test(many_are_made_one_after_the_other),
        cmocka_unit_test(what_is_let_go_does_not_wait),
        cmocka_unit_test(nothing_is_made_where_nothing_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

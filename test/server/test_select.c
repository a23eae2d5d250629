/* Which form of a file a client gets, through the whole of a core on the fake engine. */
#include "stage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct beside {
    const char *name, *bytes;
} files[] = {
    { "page.html", "identity of the page" },
    { "page.html.br", "br of it" },
    { "page.html.gz", "gzip of it" },
    { "page.html.zst", "zstd of it, which is longer than it is" },
    { "gone.html", "identity of what has no other" },
};
enum { FILES = sizeof files / sizeof *files };

static struct scratch {
    char path[64];
} * build(void)
{
    struct scratch *folder = calloc(1, sizeof *folder);
    char name[128];

    assert_non_null(folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/ringlet-select-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    for (size_t i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%s/%s", folder->path, files[i].name);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        fputs(files[i].bytes, file);
        assert_int_equal(fclose(file), 0);
    }
    snprintf(name, sizeof name, "%s/gone.html.br", folder->path);
    assert_int_equal(symlink("nowhere", name), 0);
    return folder;
}

static void take_away(struct scratch *folder)
{
    char name[128];

    for (size_t i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%s/%s", folder->path, files[i].name);
        unlink(name);
    }
    snprintf(name, sizeof name, "%s/gone.html.br", folder->path);
    unlink(name);
    assert_int_equal(rmdir(folder->path), 0);
    free(folder);
}

/* The request's own lines, and what its answer starts with. */
struct row {
    const char *target, *fields, *body;
};

static const struct row rows[] = {
    { "/page.html", "", "identity" },
    { "/page.html", "Accept-Encoding: br\r\n", "br" },
    { "/page.html", "Accept-Encoding: gzip\r\n", "gzip" },
    { "/page.html", "Accept-Encoding: gzip, br\r\n", "br" },
    { "/page.html", "Accept-Encoding: gzip, br;q=0.5\r\n", "gzip" },
    { "/page.html", "Accept-Encoding: gzip;q=0, br;q=0\r\n", "identity" },
    { "/page.html", "Accept-Encoding: identity\r\n", "identity" },
    { "/page.html", "Accept-Encoding: zstd\r\n", "identity" },
    { "/page.html", "Accept-Encoding: zstd, gzip;q=0.5\r\n", "gzip" },
    { "/page.html", "Accept-Encoding: zstd, identity;q=0\r\n", "zstd" },
    { "/%70age.html", "Accept-Encoding: br\r\n", "br" },
    { "/page.html.br", "Accept-Encoding: br\r\n", "br" },
    { "/gone.html", "Accept-Encoding: br\r\n", "identity" },
    { "/gone.html", "Accept-Encoding: br, identity;q=0\r\n", "identity" },
};

static bool starts_with(const struct answer *answer, const char *word)
{
    return str_starts(answer->body, str_from(word));
}

static void check_row(struct stage *stage, const struct row *row)
{
    char text[256];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", row->target, row->fields);
    struct client *client = client_visit(stage, text);
    struct answer answer = client_answer(client, false);
    struct str coding = answer_field(&answer, "Content-Encoding");
    bool by_name = str_ends(str_from(row->target), STR(".br"));

    if (answer.status != 200 || !starts_with(&answer, row->body))
        fail_msg("%s with %s: %d %.*s", row->target, row->fields, answer.status,
                 (int)answer.body.len, answer.body.at);
    assert_int_equal(coding.at != NULL, !by_name && strcmp(row->body, "identity") != 0);
    assert_int_equal(answer_field(&answer, "Vary").at != NULL, !by_name);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    client_forget(client);
}

/* With what is held, and with nothing. */
static void check_rows(size_t cache_bytes)
{
    struct scratch *folder = build();
    struct config config = stage_config();

    config.root = folder->path;
    config.cache_bytes = cache_bytes;
    struct stage *stage = stage_open(&config);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            check_row(stage, &rows[i]);
    stage_close(stage);
    take_away(folder);
}

static void each_gets_what_it_wants(void **state)
{
    (void)state;
    check_rows(1 << 20);
}

static void so_it_does_where_nothing_is_held(void **state)
{
    (void)state;
    check_rows(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_what_it_wants),
        cmocka_unit_test(so_it_does_where_nothing_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

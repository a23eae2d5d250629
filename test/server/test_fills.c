/* server/fills.c: what the site asks of the disk, carried out once for all who wait, and its
 * failures. */
#include "stage.h"

#include "server/fills.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

/* An engine that counts what it is asked to do with files. */
static unsigned opens, reads, closes;

static void counting_file(struct io *io, struct io_file_op *op)
{
    opens += op->kind == IO_FILE_OPEN;
    reads += op->kind == IO_FILE_READ;
    closes += op->kind == IO_FILE_CLOSE;
    fake_io_engine.file(io, op);
}

static struct stage *counted(struct io_engine *spy)
{
    struct stage *stage = stage_calm();

    stage_settle(stage); /* what the core looks for by itself is not counted */
    *spy = fake_io_engine;
    spy->file = counting_file;
    opens = reads = closes = 0;
    stage->loop.core.source.engine = spy;
    return stage;
}

static void all_who_wait_share_one_fill(void **state)
{
    enum { WAITING = 30 };
    struct io_engine spy;
    struct stage *stage = counted(&spy);

    (void)state;
    for (int i = 0; i < WAITING; i++)
        client_say(client_open(stage), HELLO HELLO);
    stage_settle(stage);
    for (unsigned i = 0; i < WAITING; i++) {
        client_gets_file(stage->clients[i], FILE_HELLO);
        client_gets_file(stage->clients[i], FILE_HELLO);
    }
    assert_int_equal(opens, 2); /* by name, and for reading */
    assert_int_equal(reads, 1);
    assert_int_equal(closes, 2);
    stage_close(stage);
}

static void what_is_held_is_not_asked_for_again(void **state)
{
    struct io_engine spy;
    struct stage *stage = counted(&spy);
    struct client *client = client_visit(stage, HELLO);

    (void)state;
    for (int i = 0; i < 100; i++)
        client_more(client, HELLO);
    for (int i = 0; i <= 100; i++)
        client_gets_file(client, FILE_HELLO);
    assert_int_equal(reads, 1);
    stage_close(stage);
}

static void a_large_file_is_opened_once(void **state)
{
    struct io_engine spy;
    struct stage *stage = counted(&spy);
    struct client *client = client_open(stage);

    (void)state;
    for (int i = 0; i < 5; i++)
        client_more(client, "GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 5; i++)
        client_gets_file(client, FILE_HUGE);
    assert_int_equal(opens, 2);
    assert_int_equal(reads, 0);
    assert_int_equal(closes, 1); /* of the name */
    stage_close(stage);
    assert_int_equal(closes, 2);
}

static void failures_of_the_disk(void **state)
{
    const struct {
        enum io_file_kind kind;
        unsigned nth;
        int error, status;
    } cases[] = {
        { IO_FILE_OPEN, 1, ENOENT, 404 }, { IO_FILE_OPEN, 1, EACCES, 403 },
        { IO_FILE_OPEN, 1, EMFILE, 200 }, { IO_FILE_OPEN, 1, ENFILE, 200 }, /* tried again */
        { IO_FILE_OPEN, 1, EIO, 500 },    { IO_FILE_OPEN, 2, EMFILE, 200 },
        { IO_FILE_OPEN, 2, ENOENT, 404 }, { IO_FILE_STAT, 1, EIO, 500 },
        { IO_FILE_STAT, 2, EIO, 500 },    { IO_FILE_STAT, 3, EIO, 500 },
        { IO_FILE_READ, 1, EIO, 500 },    { IO_FILE_READ, 1, ENOMEM, 503 },
        { IO_FILE_CLOSE, 1, EIO, 200 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage *stage = stage_calm();
        bool ends = cases[i].status == 503; /* room for others is the point of it */
        stage_settle(stage); /* nothing that the core looks for by itself fails instead */
        fake_io_fail_file(stage->io, cases[i].kind, cases[i].error, cases[i].nth);
        struct client *clients[] = { client_open(stage), client_open(stage) };
        for (int n = 0; n < 2; n++)
            client_say(clients[n], HELLO);
        stage_settle(stage);
        for (int n = 0; n < 2; n++) {
            if (cases[i].status == 200)
                client_gets_file(clients[n], FILE_HELLO);
            else
                assert_int_equal(client_gets_plain(clients[n], cases[i].status), ends);
            client_gets_nothing(clients[n], ends ? FAKE_SAW_FIN : FAKE_SAW_NOTHING);
        }
        /* It is not held against the file; not for long, when it says that there is none. */
        if (cases[i].status == 403 || cases[i].status == 404)
            stage_pass(stage, SITE_WATCHED_MS + 1);
        struct client *later = client_visit(stage, HELLO);
        client_gets_file(later, FILE_HELLO);
        stage_close(stage);
    }
}

/* Everybody who waited has gone: the fill goes on, and what it finds is kept. */
static void nobody_waits_any_more(void **state)
{
    struct io_engine spy;
    struct stage *stage = counted(&spy);
    struct client *client = client_open(stage);

    (void)state;
    client_say(client, HELLO);
    while (opens == 0) {
        client_pump(client);
        stage_turn(stage, true);
    }
    fake_peer_reset(client->peer);
    client_leave(client);
    stage_settle(stage);
    assert_int_equal(stage->loop.core.conn_count, 0);
    assert_int_equal(stage->loop.core.errands, 0);
    client_gets_file(client_visit(stage, HELLO), FILE_HELLO);
    assert_int_equal(reads, 1);
    stage_close(stage);
}

static void what_changed_is_seen(void **state)
{
    struct stage *stage = stage_calm();
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/changes.txt", stage_site());
    struct client *client = client_visit(stage, "GET /changes.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_plain(client, 404);
    for (int version = 1; version <= 3; version++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "vvv", (size_t)version), version);
        close(fd);
        stage_pass(stage, SITE_CHECK_MS + 1);
        client_more(client, "GET /changes.txt HTTP/1.1\r\nHost: h\r\n\r\n");
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.length, version);
    }
    unlink(path);
    stage_pass(stage, SITE_CHECK_MS + 1);
    client_more(client, "GET /changes.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_plain(client, 404);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_who_wait_share_one_fill),
        cmocka_unit_test(what_is_held_is_not_asked_for_again),
        cmocka_unit_test(a_large_file_is_opened_once),
        cmocka_unit_test(failures_of_the_disk),
        cmocka_unit_test(nobody_waits_any_more),
        cmocka_unit_test(what_changed_is_seen),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* server/conn.c: deadlines of each kind, back-pressure, half-closes, and what breaks a connection.
 */
#include "stage.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"
#define HUGE  "GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n"

/* The stage's only connection. */
static struct conn *only_conn(struct stage *stage)
{
    struct core *core = &stage->loop.core;

    assert_int_equal(core->conn_count, 1);
    return CONTAINER_OF(core->conns.next, struct conn, link);
}

/* --- deadlines --- */

static void idle_ones_are_closed(void **state)
{
    struct stage *stage = stage_calm();
    const uint32_t idle_ms = stage->config.idle_ms;
    struct client *silent = client_visit(stage, "");
    struct client *talker = client_visit(stage, HELLO);

    (void)state;
    client_gets_file(talker, FILE_HELLO);
    stage_pass(stage, idle_ms - 1);
    client_gets_nothing(silent, FAKE_SAW_NOTHING);
    client_more(talker, HELLO); /* its idleness begins anew with each answer */
    client_gets_file(talker, FILE_HELLO);
    stage_pass(stage, 1);
    client_gets_nothing(silent, FAKE_SAW_FIN);
    stage_pass(stage, idle_ms - 2);
    client_gets_nothing(talker, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    client_gets_nothing(talker, FAKE_SAW_FIN);
    stage_close(stage);
}

static void a_head_has_its_time_however_it_drips(void **state)
{
    struct stage *stage = stage_calm();
    const uint32_t header_ms = stage->config.header_ms;
    struct client *client = client_visit(stage, "G");

    (void)state;
    for (int i = 0; i < 9; i++) {
        stage_pass(stage, header_ms / 10);
        client_more(client, i == 0 ? "ET /" : "x");
        client_gets_nothing(client, FAKE_SAW_NOTHING);
    }
    stage_pass(stage, header_ms / 10 - 1);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    assert_true(client_gets_plain(client, 408));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

/* The next head has begun before the answer to the first was taken: its time starts with its
 * reading. */
static void a_head_behind_an_answer_has_its_time_too(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, HELLO "GET /hello");

    (void)state;
    client_gets_file(client, FILE_HELLO);
    stage_pass(stage, stage->config.header_ms - 1);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    client_gets_plain(client, 408);
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

static void a_body_has_its_time_for_each_piece(void **state)
{
    const char *const methods[] = { "GET", "POST" };
    struct stage *stage = stage_calm();
    const uint32_t body_ms = stage->config.body_ms;
    char head[128];

    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        snprintf(head, sizeof head,
                 "%s /hello.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n",
                 methods[answered]);
        struct client *client = client_visit(stage, head);
        if (answered)
            client_gets_plain(client, 405);
        for (int i = 0; i < 5; i++) {
            stage_pass(stage, body_ms - 1);
            client_more(client, "piece");
            client_gets_nothing(client, FAKE_SAW_NOTHING);
        }
        stage_pass(stage, body_ms);
        if (!answered)
            assert_true(client_gets_plain(client, 408));
        client_gets_nothing(client, FAKE_SAW_FIN);
    }
    stage_close(stage);
}

static void one_who_takes_nothing_is_cut(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    client->read_max = 0;
    client_more(client, HUGE);
    /* What the kernel had room for was progress. */
    stage_pass(stage, stage->config.write_ms);
    assert_int_equal(client->saw, FAKE_SAW_NOTHING);
    assert_int_equal(only_conn(stage)->state, CONN_SENDING);
    stage_pass(stage, stage->config.write_ms - 1);
    assert_int_equal(client->saw, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    assert_int_equal(client->saw, FAKE_SAW_RST);
    assert_int_equal(stage->loop.core.conn_count, 0);
    stage_close(stage);
}

static void one_who_takes_some_goes_on(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);
    unsigned steps = 0;

    (void)state;
    client->read_max = 0;
    client_more(client, HUGE);
    while (only_conn(stage)->state == CONN_SENDING) {
        stage_pass(stage, stage->config.write_ms - 1);
        client->read_max = 20000;
        client_pump(client);
        client->read_max = 0;
        stage_settle(stage);
        assert_int_equal(client->saw, FAKE_SAW_NOTHING);
        assert_true(steps++ < 100);
    }
    assert_true(steps > 30);
    client->read_max = SIZE_MAX;
    stage_settle(stage);
    client_gets_file(client, FILE_HUGE);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void one_who_does_not_go_is_cut(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, "GET /hello.txt HTTP/1.1\r\n\r\n");

    (void)state;
    assert_true(client_gets_plain(client, 400));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_pass(stage, CONN_LINGER_MS / 2);
    client_more(client, "and another thing"); /* does not prolong it */
    stage_pass(stage, CONN_LINGER_MS / 2 - 1);
    client_gets_nothing(client, FAKE_SAW_FIN);
    assert_int_equal(stage->loop.core.conn_count, 1);
    stage_pass(stage, 1);
    assert_int_equal(client->saw, FAKE_SAW_RST);
    assert_int_equal(stage->loop.core.conn_count, 0);
    stage_close(stage);
}

static void one_who_has_said_its_last_is_not_waited_for(void **state)
{
    static const char *const says[] = {
        "GET /hello.txt HTTP/1.0\r\n\r\n",
        "GET /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        struct client *client = client_visit(stage, says[i]);
        assert_int_equal(stage->loop.core.conn_count, 0);
        client_gets_file(client, FILE_HELLO);
        client_gets_nothing(client, FAKE_SAW_FIN);
        client_forget(client);
    }
    /* unless something of it is still unread */
    struct client *client =
        client_visit(stage, "POST /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                            "Content-Length: 1\r\n\r\nx");
    assert_int_equal(stage->loop.core.conn_count, 1);
    assert_true(client_gets_plain(client, 405));
    client_gets_nothing(client, FAKE_SAW_FIN);
    /* or it was told more than may be left to the kernel */
    client = client_visit(stage, "GET /whole.png HTTP/1.0\r\n\r\n");
    assert_int_equal(stage->loop.core.conn_count, 2);
    client_gets_file(client, FILE_WHOLE);
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

/* --- how clients end --- */

static void half_closed_ones_get_their_answers(void **state)
{
    const char *const says[] = {
        HELLO HUGE HELLO, HELLO HUGE HELLO "GET /hello", /* and no 408 */
    };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        struct client *client = client_open(stage);
        client->finishes = true;
        client_more(client, says[i]);
        assert_true(client->finished);
        client_gets_file(client, FILE_HELLO);
        client_gets_file(client, FILE_HUGE);
        client_gets_file(client, FILE_HELLO);
        client_gets_nothing(client, FAKE_SAW_FIN);
    }
    assert_int_equal(stage->loop.core.conn_count, 0);
    stage_close(stage);
}

static void a_client_that_breaks_off_is_forgotten(void **state)
{
    const char *const says[] = { "", "GET /h", HELLO, HUGE HELLO,
                                 "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n12" };
    struct stage *stage = stage_calm();

    (void)state;
    for (size_t i = 0; i < 2 * sizeof says / sizeof *says; i++) {
        struct client *client = client_open(stage);
        client->read_max = 0;
        client_more(client, says[i / 2]);
        if (i % 2)
            fake_peer_reset(client->peer);
        client_leave(client);
        stage_settle(stage);
        assert_int_equal(stage->loop.core.conn_count, 0);
    }
    assert_int_equal(fake_io_engine.stats(stage->io).leases, 0);
    stage_close(stage);
}

/* What was said behind the last request comes in the same batch as the end of its answer. */
static void bytes_that_come_as_it_closes(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    client_say(client, "GET /hello.txt HTTP/1.0\r\n\r\n");
    while (stage->loop.core.conn_count == 0 || only_conn(stage)->state != CONN_SENDING) {
        client_pump(client);
        stage_turn(stage, true);
    }
    client_more(client, HELLO);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

static void a_file_that_shrinks_breaks_its_answer(void **state)
{
    struct stage *stage = stage_calm();
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/shrinks.bin", stage_site());
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0 && ftruncate(fd, 2000000) == 0);
    struct client *client = client_visit(stage, "GET /shrinks.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    struct answer answer = client_answer(client, false);
    assert_int_equal(answer.length, 2000000);

    client->read_max = 0; /* so that most of it is still to be sent */
    client_more(client, "GET /shrinks.bin HTTP/1.1\r\nHost: h\r\n\r\n" HELLO);
    assert_int_equal(ftruncate(fd, 1000), 0);
    close(fd);
    client->read_max = SIZE_MAX;
    stage_settle(stage);
    assert_int_equal(client->saw, FAKE_SAW_RST);
    assert_true(client->in_len - client->in_at < 2000000);
    assert_int_equal(stage->loop.core.conn_count, 0);
    unlink(path);
    stage_close(stage);
}

/* --- order and back-pressure --- */

/* Turns until the client has heard something. */
static void until_heard(struct client *client)
{
    while (client->in_at == client->in_len) {
        stage_turn(client->stage, true);
        client_pump(client);
    }
}

static void what_is_ready_does_not_wait_for_the_disk(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, HELLO);

    (void)state;
    client_gets_file(client, FILE_HELLO);
    client_say(client, HELLO "GET /small.css HTTP/1.1\r\nHost: h\r\n\r\n" HELLO);
    client_pump(client);
    until_heard(client);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    assert_int_equal(only_conn(stage)->state, CONN_FILLING);
    stage_settle(stage);
    client_gets_file(client, FILE_SMALL);
    client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

static void ten_thousand_requests_unread(void **state)
{
    enum { REQUESTS = 10000 };
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    client->read_max = 0;
    for (int i = 0; i < REQUESTS; i++)
        client_say(client, HELLO);
    stage_settle(stage);
    struct conn *c = only_conn(stage);
    assert_int_equal(c->state, CONN_SENDING);
    assert_true(c->paused);
    assert_true(c->sock.leases <= IO_SOCK_LEASES_SOFT);
    assert_true(c->http1.input.kept_len <= stage->config.max_head);
    assert_true(fake_peer_unsent(client->peer) > 0 && client->out_at < client->out_len);

    client->read_max = SIZE_MAX;
    stage_settle(stage);
    for (int i = 0; i < REQUESTS; i++)
        client_gets_file(client, FILE_HELLO);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_close(stage);
}

/* Buffers that wait to be read are copied before there are none left for others. */
static void floods_leave_buffers_for_others(void **state)
{
    enum { FLOODS = 60 };
    struct stage *stage = stage_calm();

    (void)state;
    static_assert((int)FLOODS * (int)IO_SOCK_LEASES_MAX > (int)LOOP_BUFFERS, "could take all");
    const struct fake_io_odds odds = { .overshoot = FAKE_CERTAIN };
    fake_io_set_odds(stage->io, &odds);
    for (int i = 0; i < FLOODS; i++) {
        struct client *client = client_open(stage);
        fake_peer_set_window(client->peer, 2000);
        client->read_max = 0;
        for (int n = 0; n < 300; n++)
            client_say(client, HELLO HELLO HELLO HELLO);
    }
    stage_settle(stage);
    assert_true(fake_io_engine.stats(stage->io).leases < LOOP_BUFFERS);
    struct client *other = client_visit(stage, HELLO);
    client_gets_file(other, FILE_HELLO);
    for (unsigned i = 0; i < FLOODS; i++)
        stage->clients[i]->read_max = SIZE_MAX;
    stage_settle(stage);
    for (unsigned i = 0; i < FLOODS; i++)
        for (int n = 0; n < 1200; n++)
            client_gets_file(stage->clients[i], FILE_HELLO);
    stage_close(stage);
}

/* What is copied is no longer a lease, and still the kernel keeps the rest. */
static void floods_are_not_copied_without_end(void **state)
{
    enum { FLOODS = 20, REQUESTS = 25000, KEPT_MAX = (IO_SOCK_LEASES_MAX + 1) * LOOP_BUFFER_SIZE };
    struct stage *stage = stage_calm();

    (void)state;
    static_assert((size_t)REQUESTS * (sizeof HELLO - 1) > 2 * (size_t)KEPT_MAX, "too little");
    stage->loop.core.buffers = 4 * FLOODS; /* scarce before all have enough of them to be paused */
    for (int i = 0; i < FLOODS; i++) {
        struct client *client = client_open(stage);
        fake_peer_set_window(client->peer, 2000);
        client->read_max = 0;
        for (int n = 0; n < REQUESTS; n++)
            client_say(client, HELLO);
    }
    stage_settle(stage);
    struct core *core = &stage->loop.core;
    for (struct list *node = core->conns.next; node != &core->conns; node = node->next) {
        const struct conn *c = CONTAINER_OF(node, struct conn, link);
        assert_int_equal(c->state, CONN_SENDING);
        assert_true(c->http1.input.kept_len <= KEPT_MAX);
    }
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_ones_are_closed),
        cmocka_unit_test(a_head_has_its_time_however_it_drips),
        cmocka_unit_test(a_head_behind_an_answer_has_its_time_too),
        cmocka_unit_test(a_body_has_its_time_for_each_piece),
        cmocka_unit_test(one_who_takes_nothing_is_cut),
        cmocka_unit_test(one_who_takes_some_goes_on),
        cmocka_unit_test(one_who_does_not_go_is_cut),
        cmocka_unit_test(one_who_has_said_its_last_is_not_waited_for),
        cmocka_unit_test(half_closed_ones_get_their_answers),
        cmocka_unit_test(a_client_that_breaks_off_is_forgotten),
        cmocka_unit_test(bytes_that_come_as_it_closes),
        cmocka_unit_test(a_file_that_shrinks_breaks_its_answer),
        cmocka_unit_test(what_is_ready_does_not_wait_for_the_disk),
        cmocka_unit_test(ten_thousand_requests_unread),
        cmocka_unit_test(floods_leave_buffers_for_others),
        cmocka_unit_test(floods_are_not_copied_without_end),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

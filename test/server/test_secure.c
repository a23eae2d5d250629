/* server/secure.c, and what conn does with it: connections that speak TLS. */
#include "app/app.h"
#include "forger.h"
#include "visitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOW   "GET /how HTTP/1.1\r\nHost: h\r\n\r\n"
#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static struct stage *calm(void)
{
    const struct config config = stage_config();

    return visitor_stage(&config);
}

static struct conn *only_conn(struct stage *stage)
{
    assert_int_equal(stage->loop.core.conn_count, 1);
    return CONTAINER_OF(stage->loop.core.conns.next, struct conn, link);
}

static void ask(struct visitor *v, int file)
{
    char text[256];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", stage_files[file].target);
    visitor_say(v, text);
}

static void files_of_every_size(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        struct stage *stage = calm();
        struct visitor *v = visitor_open(stage, versions[version]);
        for (int round = 0; round < 2; round++)
            for (int file = 0; file < FILE_COUNT; file++) {
                ask(v, file);
                client_gets_file(v->plain, file);
            }
        client_gets_nothing(v->plain, FAKE_SAW_NOTHING);
        assert_null(only_conn(stage)->secure->sealed); /* nothing is held for an idle one */
        visitor_free(v);
        stage_close(stage);
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        struct stage *stage = calm();
        struct visitor *v = visitor_open(stage, versions[version]);
        v->wire->write_max = 1;
        v->wire->read_max = 1;
        ask(v, FILE_HELLO);
        client_gets_file(v->plain, FILE_HELLO);
        visitor_free(v);
        stage_close(stage);
    }
}

static void pipelined_requests_keep_their_order(void **state)
{
    struct stage *stage = calm();
    struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
    char text[8192] = "";

    (void)state;
    for (int i = 0; i < 100; i++) {
        int file = i % FILE_COUNT == FILE_HUGE ? FILE_HELLO : i % FILE_COUNT;
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", stage_files[file].target);
    }
    visitor_say(v, text);
    for (int i = 0; i < 100; i++)
        client_gets_file(v->plain, i % FILE_COUNT == FILE_HUGE ? FILE_HELLO : i % FILE_COUNT);
    client_gets_nothing(v->plain, FAKE_SAW_NOTHING);
    visitor_free(v);
    stage_close(stage);
}

/* A head in several records, and several requests in one. */
static void records_are_no_boundaries(void **state)
{
    struct stage *stage = calm();
    struct visitor *v = visitor_open(stage, TLS1_3_VERSION);

    (void)state;
    visitor_say(v, "GET /hello");
    client_gets_nothing(v->plain, FAKE_SAW_NOTHING);
    visitor_say(v, ".txt HTTP/1.1\r\nHo");
    visitor_say(v, "st: h\r\n\r\n" HELLO HELLO "GET /he");
    for (int i = 0; i < 3; i++)
        client_gets_file(v->plain, FILE_HELLO);
    visitor_say(v, "llo.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_file(v->plain, FILE_HELLO);
    visitor_free(v);
    stage_close(stage);
}

static void an_end_is_told(void **state)
{
    struct stage *stage = calm();
    struct visitor *idle = visitor_open(stage, TLS1_3_VERSION);
    struct visitor *asked = visitor_open(stage, TLS1_2_VERSION);

    (void)state;
    visitor_say(idle, HELLO);
    client_gets_file(idle->plain, FILE_HELLO);
    visitor_say(asked, "GET /hello.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_true(client_gets_file(asked->plain, FILE_HELLO));
    assert_true(asked->ended);
    client_gets_nothing(asked->plain, FAKE_SAW_FIN);
    assert_false(idle->ended);
    fake_io_advance(stage->io, stage->config.idle_ms);
    visitor_listen(idle);
    assert_true(idle->ended);
    client_gets_nothing(idle->plain, FAKE_SAW_FIN);
    visitor_free(idle);
    visitor_free(asked);
    stage_close(stage);
}

/* close_notify with the request: the answer is still wanted. */
static void who_says_no_more_is_answered(void **state)
{
    struct stage *stage = calm();
    struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
    size_t written;

    (void)state;
    visitor_say(v, "");
    assert_int_equal(SSL_write_ex(v->ssl, HELLO, sizeof HELLO - 1, &written), 1);
    SSL_shutdown(v->ssl);
    visitor_say(v, "");
    client_gets_file(v->plain, FILE_HELLO);
    assert_true(v->ended);
    client_gets_nothing(v->plain, FAKE_SAW_FIN);
    visitor_free(v);
    stage_close(stage);
}

static void plain_http_gets_a_plain_answer(void **state)
{
    struct stage *stage = calm();
    struct client *client = client_visit(stage, HELLO);

    (void)state;
    struct answer answer = client_answer(client, false);
    assert_true(answer.status == 400 && answer.closes);
    assert_non_null(memmem(answer.body.at, answer.body.len, "HTTPS", 5));
    client_gets_nothing(client, FAKE_SAW_FIN);
    stage_close(stage);
}

static void garbage_gets_an_alert(void **state)
{
    struct stage *stage = calm();
    struct client *client = client_open(stage);

    (void)state;
    client_say_bytes(client, "\x16\x03\x01\x00\x05garbage", 12);
    stage_settle(stage);
    assert_true(client->in_len == 7 && client->in[0] == 0x15); /* RFC 8446 6 */
    assert_int_equal(client->saw, FAKE_SAW_FIN);
    stage_close(stage);
}

static void a_handshake_has_its_time(void **state)
{
    struct stage *stage = calm();
    struct client *silent = client_open(stage), *slow = client_open(stage);

    (void)state;
    client_say_bytes(slow, "\x16", 1);
    stage_settle(stage);
    assert_int_equal(stage->loop.core.secure->handshakes, 2);
    stage_pass(stage, stage->config.header_ms - 1);
    client_say_bytes(slow, "\x03", 1);
    stage_settle(stage);
    client_gets_nothing(silent, FAKE_SAW_NOTHING);
    stage_pass(stage, 1);
    client_gets_nothing(silent, FAKE_SAW_FIN);
    client_gets_nothing(slow, FAKE_SAW_FIN);
    assert_int_equal(stage->loop.core.secure->handshakes, 0);
    stage_close(stage);
}

/* Who has only connected, as browsers do in case they need it, keeps nobody waiting for long. */
static void a_handshake_is_hurried(void **state)
{
    (void)state;
    for (int drain = 0; drain < 2; drain++) {
        struct config config = stage_config();
        config.max_conns = 1;
        struct stage *stage = visitor_stage(&config);
        struct client *silent = client_visit(stage, "");

        if (drain)
            loop_drain(&stage->loop);
        else
            client_visit(stage, "");
        stage_settle(stage);
        stage_pass(stage, ENTRANCE_HURRIED_HANDSHAKE_MS - 1);
        client_gets_nothing(silent, FAKE_SAW_NOTHING);
        stage_pass(stage, 1);
        client_gets_nothing(silent, FAKE_SAW_FIN);
        stage_close(stage);
    }
}

/* Bytes of a record that is never whole, or of records without content, are no request. */
static void crumbs_keep_nobody_from_being_idle(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct stage *stage = calm();
        struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
        char record[FORGED_EXTRA];

        forger_watch(v->ssl);
        visitor_say(v, HELLO);
        client_gets_file(v->plain, FILE_HELLO);
        stage_pass(stage, stage->config.idle_ms - 1);
        size_t len = forger_seal(v->ssl, 1, SSL3_RT_APPLICATION_DATA, "", 0, record);
        client_say_bytes(v->wire, record, whole ? len : 1);
        visitor_listen(v);
        client_gets_nothing(v->plain, FAKE_SAW_NOTHING);
        stage_pass(stage, 1);
        visitor_listen(v);
        client_gets_nothing(v->plain, FAKE_SAW_FIN);
        assert_true(v->ended);
        forger_free(v->ssl);
        visitor_free(v);
        stage_close(stage);
    }
}

static void too_many_handshakes_cut_the_oldest(void **state)
{
    struct stage *stage = calm();
    struct client *oldest = client_visit(stage, ""), *next = client_visit(stage, "");

    (void)state;
    stage->loop.core.secure->handshakes += SECURE_HANDSHAKES_MAX - 2;
    struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
    visitor_say(v, HELLO);
    client_gets_file(v->plain, FILE_HELLO);
    client_gets_nothing(oldest, FAKE_SAW_RST);
    client_gets_nothing(next, FAKE_SAW_NOTHING);
    stage->loop.core.secure->handshakes -= SECURE_HANDSHAKES_MAX - 2;
    visitor_free(v);
    stage_close(stage);
}

/* Who takes nothing holds what was sealed for it, and no more. */
static void a_slow_reader_holds_one_buffer(void **state)
{
    struct stage *stage = calm();
    struct visitor *slow = visitor_open(stage, TLS1_3_VERSION);
    struct visitor *other = visitor_open(stage, TLS1_3_VERSION);

    (void)state;
    visitor_say(slow, HELLO);
    client_gets_file(slow->plain, FILE_HELLO);
    slow->wire->read_max = 0;
    ask(slow, FILE_HUGE);
    for (int i = 0; i < 3; i++) {
        ask(other, FILE_LARGE);
        client_gets_file(other->plain, FILE_LARGE);
    }
    assert_true(stage->loop.core.secure->pool.large_count <= 2);
    slow->wire->read_max = SIZE_MAX;
    visitor_listen(slow);
    client_gets_file(slow->plain, FILE_HUGE);
    visitor_free(slow);
    visitor_free(other);
    stage_close(stage);
}

static void only_who_speaks_tls_is_told_to_stay(void **state)
{
    struct config config = stage_config();
    struct client *client;

    (void)state;
    snprintf(config.hsts, sizeof config.hsts, "max-age=60");
    struct stage *stage = visitor_stage(&config);
    struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
    visitor_say(v, HELLO "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        struct answer answer = client_answer(v->plain, false);
        struct str value = answer_field(&answer, "Strict-Transport-Security");
        assert_true(str_equal(value, STR("max-age=60")));
    }
    client = client_visit(stage, HELLO); /* RFC 6797 7.2 */
    struct answer answer = client_answer(client, false);
    assert_null(answer_field(&answer, "Strict-Transport-Security").at);
    visitor_free(v);
    stage_close(stage);
}

static void say_how(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)data;
    ringlet_reply_printf(reply, "%s", ringlet_secure(request) ? "secure" : "plain");
}

static void a_handler_knows_how_it_was_asked(void **state)
{
    struct config config = stage_config();
    struct app app = { .data = NULL };

    (void)state;
    endpoints_init(&app.endpoints);
    assert_int_equal(endpoints_add(&app.endpoints, "GET", "/how", say_how, NULL), 0);
    config.app = &app;
    for (int secure = 0; secure < 2; secure++) {
        struct stage *stage = secure ? visitor_stage(&config) : stage_open(&config);
        struct visitor *v = secure ? visitor_open(stage, TLS1_3_VERSION) : NULL;
        struct client *client = secure ? v->plain : client_visit(stage, HOW);
        if (secure)
            visitor_say(v, HOW);
        struct answer answer = client_answer(client, false);
        assert_true(str_equal(answer.body, secure ? STR("secure") : STR("plain")));
        if (secure)
            visitor_free(v);
        stage_close(stage);
    }
    endpoints_release(&app.endpoints);
}

/* A peer that goes while something is sealed, or sent. */
static void who_breaks_off_leaves_nothing(void **state)
{
    (void)state;
    for (int turns = 0; turns < 40; turns++) {
        struct stage *stage = calm();
        struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
        size_t written;

        visitor_say(v, HELLO);
        v->wire->read_max = 0;
        SSL_write_ex(v->ssl, HELLO, sizeof HELLO - 1, &written);
        char *bytes;
        long len = BIO_get_mem_data(SSL_get_wbio(v->ssl), &bytes);
        client_say_bytes(v->wire, bytes, (size_t)len);
        for (int i = 0; i < turns; i++) {
            client_pump(v->wire);
            stage_turn(stage, true);
        }
        visitor_free(v);
        stage_close(stage);
    }
}

/* A message that changes keys, of which only the head has come (RFC 8446 4.6.3): until the rest
 * does nothing can be sealed. */
static void an_answer_behind_half_a_message_is_not_lost(void **state)
{
    (void)state;
    for (int file = FILE_HELLO; file < FILE_COUNT; file++) {
        struct stage *stage = calm();
        struct visitor *v = visitor_open(stage, TLS1_3_VERSION);
        char said[1024], request[256];
        size_t len;

        forger_watch(v->ssl);
        visitor_say(v, "");
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n",
                 stage_files[file].target);
        len = forger_seal(v->ssl, 0, SSL3_RT_APPLICATION_DATA, request, strlen(request), said);
        len += forger_seal(v->ssl, 1, SSL3_RT_HANDSHAKE, "\x18\0\0\1", 4, said + len);
        client_say_bytes(v->wire, said, len);
        visitor_listen(v);
        client_gets_nothing(v->plain, FAKE_SAW_RST);
        assert_int_equal(stage->loop.core.conn_count, 0);
        forger_free(v->ssl);
        visitor_free(v);
        stage_close(stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_size),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(pipelined_requests_keep_their_order),
        cmocka_unit_test(records_are_no_boundaries),
        cmocka_unit_test(an_end_is_told),
        cmocka_unit_test(who_says_no_more_is_answered),
        cmocka_unit_test(plain_http_gets_a_plain_answer),
        cmocka_unit_test(garbage_gets_an_alert),
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(a_handshake_is_hurried),
        cmocka_unit_test(crumbs_keep_nobody_from_being_idle),
        cmocka_unit_test(too_many_handshakes_cut_the_oldest),
        cmocka_unit_test(a_slow_reader_holds_one_buffer),
        cmocka_unit_test(only_who_speaks_tls_is_told_to_stay),
        cmocka_unit_test(a_handler_knows_how_it_was_asked),
        cmocka_unit_test(who_breaks_off_leaves_nothing),
        cmocka_unit_test(an_answer_behind_half_a_message_is_not_lost),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

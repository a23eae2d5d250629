#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "made_pair.h"

#include <openssl/err.h>
#include <stdlib.h>

enum { BIG = 300 * 1000 };

static struct tls_context *context_with(struct tls_report *report)
{
    struct made_pair made;
    const struct made_pair *pairs[] = { &made };

    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    return made_context(pairs, 1, report);
}

static int make_context(void **state)
{
    struct tls_report report;

    *state = context_with(&report);
    return *state ? 0 : -1;
}

static int drop_context(void **state)
{
    tls_context_drop(*state);
    return 0;
}

static char *big_text(void)
{
    char *text = malloc(BIG);

    for (size_t i = 0; i < BIG; i++)
        text[i] = (char)('a' + i * 7 % 26 + i / 1000 % 3);
    return text;
}

static void expect_got(const struct client *c, const char *bytes, size_t len)
{
    assert_int_equal(c->got_len, len);
    assert_memory_equal(c->got, bytes, len);
}

static void talks_in_both_versions(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct client c;
        struct str answer[] = { STR("head, "), STR(""), STR("body") };
        client_begin(&c, *state, version);
        assert_true(client_run(&c));
        assert_false(tls_session_is_resumed(c.session));
        assert_int_equal(SSL_write(c.ssl, "question", 8), 8);
        assert_true(client_run(&c));
        assert_int_equal(c.result, TLS_MORE);
        expect_got(&c, "question", 8);
        assert_int_equal(client_download(&c, answer, 3), 10);
        assert_int_equal(answer[2].len, 0);
        client_end(&c);
    }
}

static void takes_one_byte_at_a_time(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct client c;
        client_begin(&c, *state, version);
        c.piece = 1;
        assert_true(client_run(&c));
        assert_int_equal(SSL_write(c.ssl, "question", 8), 8);
        assert_true(client_run(&c));
        expect_got(&c, "question", 8);
        client_end(&c);
    }
}

/* The first flight of a client, then every prefix of it: nothing but more is asked for. */
static void a_truncated_hello_waits(void **state)
{
    struct client c;
    char *hello;

    client_begin(&c, *state, TLS1_3_VERSION);
    SSL_do_handshake(c.ssl);
    size_t len = (size_t)BIO_get_mem_data(SSL_get_wbio(c.ssl), &hello);
    assert_true(len > 100);
    for (size_t cut = 1; cut < len; cut++) {
        struct client other;
        client_begin(&other, *state, TLS1_3_VERSION);
        client_feed(&other, hello, cut);
        assert_int_equal(other.result, TLS_MORE);
        assert_int_equal(other.put, 0);
        assert_false(tls_session_is_open(other.session));
        client_end(&other);
    }
    client_end(&c);
}

static void nothing_is_sent_before_the_handshake_is_over(void **state)
{
    struct client c;
    char memory[TLS_OUT_MIN];
    struct text out = text_in(memory, sizeof memory);
    struct str answer = STR("answer");

    client_begin(&c, *state, TLS1_3_VERSION);
    assert_true(tls_session_send(c.session, &answer, 1, &out, 1));
    assert_int_equal(answer.len, 6);
    assert_int_equal(out.len, 0);
    tls_session_close(c.session, &out);
    assert_int_equal(out.len, 0);
    client_end(&c);
}

static void uploads_through_tiny_buffers(void **state)
{
    char *text = big_text();

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct client c;
        client_begin(&c, *state, version);
        c.piece = 997;
        c.plain_room = 61;
        c.out_room = TLS_OUT_MIN;
        assert_true(client_run(&c));
        assert_int_equal(SSL_write(c.ssl, text, BIG), BIG);
        assert_true(client_run(&c));
        expect_got(&c, text, BIG);
        client_end(&c);
    }
    free(text);
}

static void downloads_through_tiny_buffers(void **state)
{
    char *text = big_text();

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct client c;
        struct str slices[] = { str_of(text, 10), str_of(text + 10, 20000),
                                str_of(text + 20010, BIG - 20010) };
        client_begin(&c, *state, version);
        c.out_room = TLS_OUT_MIN;
        assert_true(client_run(&c));
        assert_int_equal(client_download(&c, slices, 3), BIG);
        client_end(&c);
    }
    free(text);
}

/* Seal as much as fits into `cap` bytes: the size of each record, without its header. */
static int seal_records(struct client *c, const char *text, size_t len, size_t cap, size_t *sizes,
                        int max)
{
    char *memory = malloc(cap);
    struct text out = text_in(memory, cap);
    struct str slice = str_of(text, len);
    int count = 0;

    assert_true(tls_session_send(c->session, &slice, 1, &out, c->now_ms));
    for (size_t at = 0; at + 5 <= out.len && count < max; count++) {
        sizes[count] = (size_t)((unsigned char)memory[at + 3] << 8 | (unsigned char)memory[at + 4]);
        at += 5 + sizes[count];
    }
    free(memory);
    return count;
}

static void records_begin_small_and_grow(void **state)
{
    enum { MOST = 64, CAP = 100 * 1000, SMALL = TLS_RECORD_SMALL + TLS_RECORD_OVERHEAD };
    char *text = big_text();
    size_t sizes[MOST];
    struct client c;

    client_begin(&c, *state, TLS1_3_VERSION);
    assert_true(client_run(&c));
    int count = seal_records(&c, text, BIG, CAP, sizes, MOST);
    int small = (TLS_SMALL_BYTES + TLS_RECORD_SMALL - 1) / TLS_RECORD_SMALL;
    assert_true(count > small + 3);
    for (int i = 0; i < small; i++)
        assert_in_range(sizes[i], TLS_RECORD_SMALL, SMALL);
    assert_in_range(sizes[small], TLS_RECORD_MAX, TLS_RECORD_MAX + TLS_RECORD_OVERHEAD);

    c.now_ms += TLS_IDLE_MS - 1;
    seal_records(&c, text, BIG, CAP, sizes, MOST);
    assert_true(sizes[0] > SMALL);
    c.now_ms += TLS_IDLE_MS;
    seal_records(&c, text, BIG, CAP, sizes, MOST);
    assert_true(sizes[0] <= SMALL);
    client_end(&c);
    free(text);
}

static void pieces_share_a_record(void **state)
{
    char memory[TLS_OUT_MIN];
    struct text out = text_in(memory, sizeof memory);
    struct str slices[] = { STR("head"), STR("body"), STR("end") };
    struct client c;

    client_begin(&c, *state, TLS1_3_VERSION);
    assert_true(client_run(&c));
    assert_true(tls_session_send(c.session, slices, 3, &out, c.now_ms));
    assert_int_equal(out.len, 5 + 11 + 1 + 16);
    client_end(&c);
}

static void both_say_the_end(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        char memory[TLS_OUT_MIN], byte;
        struct text out = text_in(memory, sizeof memory);
        struct str answer = STR("still here");
        struct client c;
        client_begin(&c, *state, version);
        assert_true(client_run(&c));
        SSL_write(c.ssl, "last", 4);
        SSL_shutdown(c.ssl);
        client_run(&c);
        assert_int_equal(c.result, TLS_ENDED);
        expect_got(&c, "last", 4);
        /* The client has finished, and still reads. */
        assert_int_equal(client_download(&c, &answer, 1), 10);
        tls_session_close(c.session, &out);
        assert_true(out.len > 0);
        BIO_write(SSL_get_rbio(c.ssl), out.at, (int)out.len);
        assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
        assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
        out.len = 0;
        tls_session_close(c.session, &out);
        assert_int_equal(out.len, 0);
        assert_false(tls_session_send(c.session, &answer, 1, &out, 1));
        client_end(&c);
    }
}

static void what_comes_after_our_end_is_still_read(void **state)
{
    char memory[TLS_OUT_MIN];
    struct text out = text_in(memory, sizeof memory);
    struct client c;

    client_begin(&c, *state, TLS1_3_VERSION);
    assert_true(client_run(&c));
    tls_session_close(c.session, &out);
    assert_int_equal(SSL_write(c.ssl, "late", 4), 4);
    client_run(&c);
    expect_got(&c, "late", 4);
    client_end(&c);
}

static void plain_http_is_seen_at_its_first_byte(void **state)
{
    const char *requests[] = { "GET / HTTP/1.1\r\n", "O", "PROPFIND /" };

    for (int i = 0; i < 3; i++) {
        struct client c;
        client_begin(&c, *state, TLS1_3_VERSION);
        struct str cipher = str_from(requests[i]);
        char memory[TLS_OUT_MIN];
        struct text plain = text_in(memory, 10), out = text_in(memory, sizeof memory);
        assert_int_equal(tls_session_receive(c.session, &cipher, &plain, &out, 1), TLS_PLAIN_HTTP);
        assert_int_equal(cipher.len, strlen(requests[i]));
        assert_int_equal(out.len, 0);
        assert_int_equal(tls_session_receive(c.session, &cipher, &plain, &out, 1), TLS_FAILED);
        client_end(&c);
    }
}

struct garbage {
    const char *bytes;
    size_t len;
    int alert;
};

#define GARBAGE(bytes, alert)                                                                      \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, alert                                                            \
    }

static const struct garbage garbages[] = {
    GARBAGE("\x16\x03\x01\x00\x05\x7f\x00\x00\x01\x00", SSL_AD_UNEXPECTED_MESSAGE),
    GARBAGE("\x16\x03\x01\xff\xff\x01\x00\x00\x01\x00", SSL_AD_RECORD_OVERFLOW),
    GARBAGE("\x17\x03\x03\x00\x05hello", SSL_AD_UNEXPECTED_MESSAGE),
    GARBAGE("\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", SSL_AD_DECODE_ERROR),
};

static void garbage_gets_its_alert(void **state)
{
    for (size_t i = 0; i < sizeof garbages / sizeof garbages[0]; i++) {
        struct client c;
        client_begin(&c, *state, TLS1_3_VERSION);
        client_feed(&c, garbages[i].bytes, garbages[i].len);
        assert_int_equal(c.result, TLS_FAILED);
        if (c.last_len != 7 || c.last[0] != 21 || c.last[5] != 2 || c.last[6] != garbages[i].alert)
            fail_msg("row %zu: %zu bytes, alert %d", i, c.last_len, c.last[6]);
        client_end(&c);
    }
}

/* A hello that says it is 131,000 bytes long, in records of one kilobyte. */
static void a_greeting_has_an_end(void **state)
{
    static char record[1024 + 5] = "\x16\x03\x01\x04\x00\x01\x01\xff\xb8\x03\x03";
    struct client c;
    size_t fed = 0;

    client_begin(&c, *state, TLS1_3_VERSION);
    do {
        client_feed(&c, record, sizeof record);
        fed += sizeof record;
        memset(record + 5, 0, 1024);
    } while (c.result == TLS_MORE && fed <= 2 * TLS_GREETING_MAX);
    assert_int_equal(c.result, TLS_FAILED);
    assert_in_range(fed, TLS_GREETING_MAX, TLS_GREETING_MAX + sizeof record);
    client_end(&c);
}

static void no_tls_at_all_fails(void **state)
{
    static const char noise[] = "\x01\x02\x03\x04\x05\x06\x07\x08 what is this?";
    struct client c;

    client_begin(&c, *state, TLS1_3_VERSION);
    client_feed(&c, noise, sizeof noise - 1);
    assert_int_equal(c.result, TLS_FAILED);
    client_end(&c);
}

static void a_damaged_record_gets_an_alert(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct client c;
        char *record, byte;
        client_begin(&c, *state, version);
        assert_true(client_run(&c));
        SSL_write(c.ssl, "question", 8);
        long len = BIO_get_mem_data(SSL_get_wbio(c.ssl), &record);
        record[len - 1] ^= 1;
        client_feed(&c, record, (size_t)len);
        assert_int_equal(c.result, TLS_FAILED);
        assert_int_equal(c.got_len, 0);
        assert_false(tls_session_is_open(c.session));
        ERR_clear_error();
        assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
        assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
        client_end(&c);
    }
}

static void renegotiation_is_refused(void **state)
{
    struct client c;
    char *hello;

    client_begin(&c, *state, TLS1_2_VERSION);
    assert_true(client_run(&c));
    assert_int_equal(SSL_renegotiate(c.ssl), 1);
    SSL_do_handshake(c.ssl);
    long len = BIO_get_mem_data(SSL_get_wbio(c.ssl), &hello);
    assert_true(len > 0);
    /* At once, whatever the client would make of the refusal. */
    client_feed(&c, hello, (size_t)len);
    assert_int_equal(c.result, TLS_FAILED);
    assert_int_equal(c.last[0], 21); /* an alert, sealed, so that is all to be seen */
    client_end(&c);
}

static void keys_may_be_changed(void **state)
{
    struct client c;
    struct str answer = STR("answer");

    client_begin(&c, *state, TLS1_3_VERSION);
    c.piece = 1;
    assert_true(client_run(&c));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_write(c.ssl, "x", 1), 1);
        assert_true(client_run(&c));
    }
    expect_got(&c, "xxx", 3);
    assert_int_equal(client_download(&c, &answer, 1), 6);
    client_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_in_both_versions),
        cmocka_unit_test(takes_one_byte_at_a_time),
        cmocka_unit_test(a_truncated_hello_waits),
        cmocka_unit_test(nothing_is_sent_before_the_handshake_is_over),
        cmocka_unit_test(uploads_through_tiny_buffers),
        cmocka_unit_test(downloads_through_tiny_buffers),
        cmocka_unit_test(records_begin_small_and_grow),
        cmocka_unit_test(pieces_share_a_record),
        cmocka_unit_test(both_say_the_end),
        cmocka_unit_test(what_comes_after_our_end_is_still_read),
        cmocka_unit_test(plain_http_is_seen_at_its_first_byte),
        cmocka_unit_test(garbage_gets_its_alert),
        cmocka_unit_test(a_greeting_has_an_end),
        cmocka_unit_test(no_tls_at_all_fails),
        cmocka_unit_test(a_damaged_record_gets_an_alert),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(keys_may_be_changed),
    };
    return cmocka_run_group_tests(tests, make_context, drop_context);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/tls.h"

#include <openssl/ssl.h>
#include <string.h>

enum { TURNS_MAX = 16 };

/* The other side: a server whose certificate nobody verifies. */
struct server {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
};

static SSL_CTX *server_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    assert_non_null(context);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

static void server_open(struct server *s)
{
    s->ssl = SSL_new(s->context);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_accept_state(s->ssl);
}

/* What either side has for the other goes there. */
static void carry(struct tls *client, struct server *s)
{
    struct str piece;
    int bytes;

    while ((piece = tls_outgoing(client)).len > 0)
        assert_int_equal(BIO_write(s->in, piece.at, (int)piece.len), (int)piece.len);
    while ((bytes = BIO_read(s->out, tls_raw(client), TLS_RAW_MAX)) > 0)
        tls_received(client, (size_t)bytes);
}

/* 1 when both sides are done, what the client said otherwise. */
static int shake_hands(struct tls *client, struct server *s)
{
    int done = 0;

    for (int turn = 0; turn < TURNS_MAX && done == 0; turn++) {
        done = tls_handshake(client);
        carry(client, s);
        SSL_do_handshake(s->ssl);
        carry(client, s);
    }
    return done;
}

/* A whole connection: handshake, a question, an answer. The ticket that came with it, if any. */
static struct tls_ticket *converse(struct tls_context *context, struct server *s,
                                   struct tls_ticket *ticket, bool *resumed)
{
    struct tls *client = tls_open(context, "server.test", ticket);
    char plain[64];

    assert_non_null(client);
    server_open(s);
    assert_int_equal(shake_hands(client, s), 1);
    *resumed = tls_is_resumed(client);
    assert_true(tls_write(client, STR("question")));
    carry(client, s);
    assert_int_equal(SSL_read(s->ssl, plain, sizeof plain), 8);
    assert_int_equal(SSL_write(s->ssl, "answer", 6), 6);
    carry(client, s);
    assert_int_equal(tls_read(client, plain, sizeof plain), 6);
    assert_int_equal(tls_read(client, plain, sizeof plain), 0);
    struct tls_ticket *taken = tls_take_ticket(client);

    tls_free(client);
    SSL_free(s->ssl);
    return taken;
}

static void a_ticket_resumes_again_and_again(void **state)
{
    struct server s = { .context = server_context() };
    struct sentence why;
    struct tls_context *context = tls_context_make(true, NULL, &why);
    struct tls_ticket *ticket = NULL;
    bool resumed;

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct tls_ticket *next = converse(context, &s, ticket, &resumed);

        assert_int_equal(resumed, i > 0);
        assert_non_null(next);
        tls_ticket_free(ticket);
        ticket = next;
    }
    tls_ticket_free(ticket);
    tls_context_free(context);
    SSL_CTX_free(s.context);
}

static void without_a_ticket_there_is_none(void **state)
{
    struct server s = { .context = server_context() };
    struct sentence why;
    struct tls_context *context = tls_context_make(true, NULL, &why);
    struct tls *client = tls_open(context, "server.test", NULL);
    bool resumed;

    (void)state;
    assert_null(tls_take_ticket(client));
    tls_free(client);
    tls_ticket_free(NULL);
    SSL_CTX_set_num_tickets(s.context, 0);
    assert_null(converse(context, &s, NULL, &resumed));
    assert_false(resumed);
    tls_context_free(context);
    SSL_CTX_free(s.context);
}

static void only_the_cipher_named_is_offered(void **state)
{
    static const char *const ciphers[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384" };
    struct server s = { .context = server_context() };
    struct sentence why;

    (void)state;
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        struct tls_context *context = tls_context_make(true, ciphers[i], &why);
        struct tls *client = tls_open(context, "server.test", NULL);

        server_open(&s);
        assert_int_equal(shake_hands(client, &s), 1);
        assert_string_equal(SSL_get_cipher(s.ssl), ciphers[i]);
        assert_int_equal(SSL_version(s.ssl), TLS1_3_VERSION);
        assert_int_equal(SSL_get_negotiated_group(s.ssl), NID_X25519);
        SSL_free(s.ssl);
        tls_free(client);
        tls_context_free(context);
    }
    SSL_CTX_free(s.context);
}

static void an_older_server_is_refused(void **state)
{
    struct server s = { .context = server_context() };
    struct sentence why;
    struct tls_context *context = tls_context_make(true, "TLS_AES_128_GCM_SHA256", &why);
    struct tls *client = tls_open(context, "server.test", NULL);

    (void)state;
    SSL_CTX_set_max_proto_version(s.context, TLS1_2_VERSION);
    server_open(&s);
    assert_int_equal(shake_hands(client, &s), -1);
    assert_true(strlen(tls_error(client)) > 0);
    SSL_free(s.ssl);
    tls_free(client);
    tls_context_free(context);
    SSL_CTX_free(s.context);
}

static void a_cipher_nobody_knows_is_refused(void **state)
{
    struct sentence why = { "" };

    (void)state;
    assert_null(tls_context_make(true, "TLS_NONSENSE", &why));
    assert_non_null(strstr(why.text, "--tls-cipher TLS_NONSENSE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_resumes_again_and_again),
        cmocka_unit_test(without_a_ticket_there_is_none),
        cmocka_unit_test(only_the_cipher_named_is_offered),
        cmocka_unit_test(an_older_server_is_refused),
        cmocka_unit_test(a_cipher_nobody_knows_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

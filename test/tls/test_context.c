#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "made_pair.h"

#include <openssl/x509v3.h>

static const struct made_pair *one_pair(struct made_pair *made, const char *kind, const char *names)
{
    made_pair_make(made, kind, names, NULL);
    return made;
}

static void counts_its_pairs(void **state)
{
    struct tls_report report;

    (void)state;
    assert_null(made_context(NULL, 0, &report));
    assert_non_null(strstr(report.error, "1 to 64"));
}

/* OpenSSL's macro takes no const. */
static void ask_for(struct client *c, const char *host)
{
    char name[64];

    snprintf(name, sizeof name, "%s", host);
    SSL_set_tlsext_host_name(c->ssl, name);
}

/* The name in the certificate that a client gets who asks for `host`. */
static void expect_name(struct tls_context *context, const char *host, const char *name)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct client c;
        client_begin(&c, context, version);
        if (host)
            ask_for(&c, host);
        assert_true(client_run(&c));
        X509 *certificate = SSL_get0_peer_certificate(c.ssl);
        if (X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) != 1)
            fail_msg("asking for %s does not give %s", host ? host : "none", name);
        assert_true(str_equal(tls_session_host(c.session), str_from(host ? host : "")));
        client_end(&c);
    }
}

static void the_name_asked_for_picks_the_pair(void **state)
{
    struct made_pair made[4];
    struct tls_report report;
    const struct made_pair *pairs[] = {
        one_pair(&made[0], "P-256", "DNS:first.example,DNS:only.first.example"),
        one_pair(&made[1], "P-256", "DNS:*.b.example,DNS:wild.example"),
        one_pair(&made[2], "P-256", "DNS:x.b.example"),
        one_pair(&made[3], "P-256", "DNS:first.example,DNS:shadow.example"),
    };

    (void)state;
    struct tls_context *context = made_context(pairs, 4, &report);
    assert_non_null(context);
    expect_name(context, NULL, "first.example");
    expect_name(context, "unknown.example", "first.example");
    expect_name(context, "first.example", "only.first.example");
    expect_name(context, "X.B.example", "x.b.example");
    expect_name(context, "y.b.example", "wild.example");
    expect_name(context, "z.y.b.example", "first.example");
    expect_name(context, "shadow.example", "shadow.example");
    tls_context_drop(context);
}

/* The kind of key that a client gets who can check these signatures only. */
static void expect_kind(struct tls_context *context, const char *signatures, const char *host,
                        int kind)
{
    struct client c;
    char list[128];

    client_begin(&c, context, TLS1_3_VERSION);
    snprintf(list, sizeof list, "%s", signatures);
    SSL_set1_sigalgs_list(c.ssl, list);
    if (host)
        ask_for(&c, host);
    assert_true(client_run(&c));
    EVP_PKEY *key = X509_get0_pubkey(SSL_get0_peer_certificate(c.ssl));
    assert_int_equal(EVP_PKEY_get_base_id(key), kind);
    client_end(&c);
}

static void ecdsa_and_rsa_stand_side_by_side(void **state)
{
    struct made_pair made[3];
    struct tls_report report;
    const struct made_pair *pairs[] = {
        one_pair(&made[0], "RSA2048", "DNS:a.example"),
        one_pair(&made[1], "P-256", "DNS:a.example"),
        one_pair(&made[2], "P-256", "DNS:b.example"),
    };
    const char *hosts[] = { NULL, "a.example" };

    (void)state;
    struct tls_context *context = made_context(pairs, 3, &report);
    assert_non_null(context);
    for (int i = 0; i < 2; i++) {
        expect_kind(context, "rsa_pss_rsae_sha256", hosts[i], EVP_PKEY_RSA);
        expect_kind(context, "ecdsa_secp256r1_sha256", hosts[i], EVP_PKEY_EC);
    }
    expect_kind(context, "ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256", NULL, EVP_PKEY_EC);
    tls_context_drop(context);
}

static struct tls_context *simple_context(void)
{
    struct made_pair made;
    const struct made_pair *pairs[] = { one_pair(&made, "P-256", "DNS:a.example") };
    struct tls_report report;
    struct tls_context *context = made_context(pairs, 1, &report);

    assert_non_null(context);
    return context;
}

/* What a client gets that offers `list`, or offers nothing where that is empty. */
static void expect_protocol(struct tls_context *context, struct str list, struct str chosen)
{
    struct client c;

    client_begin(&c, context, TLS1_3_VERSION);
    SSL_set_alpn_protos(c.ssl, (const unsigned char *)list.at, (unsigned)list.len);
    assert_true(client_run(&c));
    assert_true(str_equal(tls_session_protocol(c.session), chosen));
    client_end(&c);
}

static void alpn_finds_http_1(void **state)
{
    static const unsigned char h2[] = "\x02h2";
    struct tls_context *context = simple_context();
    struct client c;

    (void)state;
    expect_protocol(context, STR("\x02h2\x08http/1.1"), STR("http/1.1"));
    expect_protocol(context, STR("\x08http/1.0\x08http/1.1"), STR("http/1.1"));
    expect_protocol(context, STR("\x08http/1.0"), STR("http/1.0"));
    expect_protocol(context, STR(""), STR(""));

    client_begin(&c, context, TLS1_3_VERSION);
    SSL_set_alpn_protos(c.ssl, h2, sizeof h2 - 1);
    assert_false(client_run(&c));
    assert_int_equal(c.result, TLS_FAILED);
    assert_memory_equal(c.last, "\x15\x03\x03\x00\x02\x02\x78", 7); /* no_application_protocol */
    client_end(&c);
    tls_context_drop(context);
}

static void expect_suite(struct tls_context *context, const char *offered, const char *taken)
{
    struct client c;

    client_begin(&c, context, TLS1_3_VERSION);
    SSL_set_ciphersuites(c.ssl, offered);
    assert_true(client_run(&c));
    assert_string_equal(SSL_get_cipher(c.ssl), taken);
    client_end(&c);
}

static void chacha_is_for_those_who_prefer_it(void **state)
{
    struct tls_context *context = simple_context();

    (void)state;
    expect_suite(context, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
                 "TLS_CHACHA20_POLY1305_SHA256");
    expect_suite(context, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
                 "TLS_AES_128_GCM_SHA256");
    tls_context_drop(context);
}

static void old_versions_are_refused(void **state)
{
    struct tls_context *context = simple_context();
    struct client c;

    (void)state;
    client_begin(&c, context, TLS1_1_VERSION);
    SSL_set_security_level(c.ssl, 0);
    assert_false(client_run(&c));
    assert_int_equal(c.result, TLS_FAILED);
    assert_int_equal(c.last[0], 21);
    assert_int_equal(c.last[6], SSL_AD_PROTOCOL_VERSION);
    client_end(&c);
    tls_context_drop(context);
}

static void a_dropped_context_serves_its_sessions_to_the_end(void **state)
{
    struct tls_context *context = simple_context();
    struct client c;
    struct str hello = STR("hello");

    (void)state;
    client_begin(&c, context, TLS1_3_VERSION);
    tls_context_drop(context);
    assert_true(client_run(&c));
    assert_int_equal(client_download(&c, &hello, 1), 5);
    client_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_its_pairs),
        cmocka_unit_test(the_name_asked_for_picks_the_pair),
        cmocka_unit_test(ecdsa_and_rsa_stand_side_by_side),
        cmocka_unit_test(alpn_finds_http_1),
        cmocka_unit_test(chacha_is_for_those_who_prefer_it),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(a_dropped_context_serves_its_sessions_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "tls/self_signed.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { NOW = 1700000000 };

static X509 *read_certificate(const struct tls_self_signed *made)
{
    BIO *bio = BIO_new_mem_buf(made->certificate, (int)made->certificate_len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

static void is_for_this_host_and_the_names_given(void **state)
{
    struct tls_self_signed made;
    const struct str names[] = { STR("box.example"), STR("192.0.2.7"), STR("2001:db8::7"),
                                 STR("not,DNS:a name") };

    (void)state;
    assert_int_equal(tls_self_signed_make(&made, names, 4, NOW), 0);
    X509 *certificate = read_certificate(&made);
    assert_int_equal(X509_check_host(certificate, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "::1", 0), 1);
    assert_int_equal(X509_check_host(certificate, "box.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "192.0.2.7", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "2001:db8::7", 0), 1);
    assert_int_equal(X509_check_host(certificate, "other.example", 0, 0, NULL), 0);
    X509_free(certificate);
    tls_self_signed_clear(&made);
    assert_int_equal(made.key_len, 0);
}

static void is_valid_for_its_days(void **state)
{
    struct tls_self_signed made;
    time_t now = NOW, late = NOW + (time_t)(TLS_SELF_SIGNED_DAYS + 1) * 86400;

    (void)state;
    assert_int_equal(tls_self_signed_make(&made, NULL, 0, NOW), 0);
    X509 *certificate = read_certificate(&made);
    assert_int_equal(X509_cmp_time(X509_get0_notBefore(certificate), &now), -1);
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(certificate), &now), 1);
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(certificate), &late), -1);
    assert_int_equal(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
    X509_free(certificate);
}

static void its_fingerprint_is_told(void **state)
{
    struct tls_self_signed made;
    unsigned char digest[32];
    char text[TLS_FINGERPRINT_SIZE + 1] = "";
    unsigned len;

    (void)state;
    assert_int_equal(tls_self_signed_make(&made, NULL, 0, NOW), 0);
    X509 *certificate = read_certificate(&made);
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &len), 1);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 3 * i, 4, "%02X:", (unsigned)digest[i]);
    text[TLS_FINGERPRINT_SIZE - 1] = '\0'; /* the last colon */
    assert_string_equal(made.fingerprint, text);
    X509_free(certificate);
}

static void no_two_look_alike(void **state)
{
    struct tls_self_signed one, other;

    (void)state;
    assert_int_equal(tls_self_signed_make(&one, NULL, 0, NOW), 0);
    assert_int_equal(tls_self_signed_make(&other, NULL, 0, NOW), 0);
    X509 *first = read_certificate(&one), *second = read_certificate(&other);
    assert_int_not_equal(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)), 0);
    X509_free(first);
    X509_free(second);
}

static void too_many_names_are_refused(void **state)
{
    char memory[TLS_SELF_SIGNED_NAMES_MAX][250];
    struct str names[TLS_SELF_SIGNED_NAMES_MAX];
    struct tls_self_signed made;

    (void)state;
    for (int i = 0; i < TLS_SELF_SIGNED_NAMES_MAX; i++) {
        memset(memory[i], 'a', sizeof memory[i]);
        names[i] = str_of(memory[i], sizeof memory[i]);
    }
    assert_int_equal(tls_self_signed_make(&made, names, TLS_SELF_SIGNED_NAMES_MAX, NOW), -22);
}

static void a_client_that_trusts_it_is_content(void **state)
{
    struct tls_self_signed made;
    struct tls_report report;
    unsigned char secret[TLS_TICKET_SECRET_SIZE] = "s";
    struct client c;

    (void)state;
    assert_int_equal(tls_self_signed_make(&made, NULL, 0, (int64_t)time(NULL)), 0);
    struct tls_pem pem = { STR("self-signed"), str_of(made.certificate, made.certificate_len),
                           str_of(made.key, made.key_len) };
    struct tls_context *context =
        tls_context_make(&(struct tls_config){ &pem, 1, secret, (int64_t)time(NULL) }, &report);
    assert_non_null(context);
    assert_string_equal(report.warning, "");
    client_begin(&c, context, TLS1_3_VERSION);
    X509 *certificate = read_certificate(&made);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(c.context), certificate);
    SSL_set_verify(c.ssl, SSL_VERIFY_PEER, NULL);
    SSL_set1_host(c.ssl, "localhost");
    assert_true(client_run(&c));
    assert_int_equal(SSL_get_verify_result(c.ssl), X509_V_OK);
    X509_free(certificate);
    client_end(&c);
    tls_context_drop(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_for_this_host_and_the_names_given),
        cmocka_unit_test(is_valid_for_its_days),
        cmocka_unit_test(its_fingerprint_is_told),
        cmocka_unit_test(no_two_look_alike),
        cmocka_unit_test(too_many_names_are_refused),
        cmocka_unit_test(a_client_that_trusts_it_is_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

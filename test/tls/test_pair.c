#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "made_pair.h"
#include "tls/pair.h"

/* Reading that pair has to fail, with that in its sentence. */
static void refuses(const struct made_pair *made, const char *sentence)
{
    struct tls_report report;

    assert_null(made_context(&made, 1, &report));
    if (!strstr(report.error, sentence))
        fail_msg("\"%s\" lacks \"%s\"", report.error, sentence);
    assert_non_null(strstr(report.error, "site.pem: "));
}

static void says_what_is_wrong_with_a_pair(void **state)
{
    struct made_pair made, other;

    (void)state;
    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    made_pair_make(&other, "P-256", "DNS:b.example", NULL);
    other.pem.certificates = made.pem.certificates;
    refuses(&other, "the key does not belong to the certificate");

    other = made;
    other.pem.key = made.pem.certificates;
    refuses(&other, "there is no private key");
    other.pem.key = str_of(NULL, 0);
    refuses(&other, "empty");
    other.pem.key = made.pem.key;
    other.pem.certificates = made.pem.key;
    refuses(&other, "there is no certificate");
    other.pem.certificates = str_of(made.pem.certificates.at, made.pem.certificates.len - 40);
    refuses(&other, "the certificate is damaged");
    other.pem.certificates = made.pem.certificates;
    other.pem.key = str_of(made.pem.key.at, made.pem.key.len - 40);
    refuses(&other, "private key");
}

static void refuses_keys_it_must_not_use(void **state)
{
    struct made_pair made;

    (void)state;
    made_pair_make(&made, "P-256", "DNS:a.example", "secret");
    refuses(&made, "encrypted");
    made_pair_make(&made, "RSA1024", "DNS:a.example", NULL);
    refuses(&made, "2048 bits");
}

static void a_chain_is_read_to_its_end(void **state)
{
    struct made_pair made, other;
    struct tls_report report;
    char chain[3 * 8192];

    (void)state;
    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    made_pair_make(&other, "P-256", "DNS:ca.example", NULL);
    int len = snprintf(chain, sizeof chain, "%.*s\n%.*s", (int)made.pem.certificates.len,
                       made.pem.certificates.at, (int)other.pem.certificates.len,
                       other.pem.certificates.at);
    made.pem.certificates = str_of(chain, (size_t)len);
    const struct made_pair *pairs[] = { &made };
    struct tls_context *context = made_context(pairs, 1, &report);
    assert_non_null(context);
    struct client c;
    client_begin(&c, context, TLS1_3_VERSION);
    assert_true(client_run(&c));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(c.ssl)), 2);
    client_end(&c);
    tls_context_drop(context);

    made.pem.certificates.len -= 40;
    refuses(&made, "of the chain is damaged");
}

/* The context of such a pair is made, with that warning. */
static void warns(const struct made_pair *made, int64_t now_unix, const char *sentence)
{
    unsigned char secret[TLS_TICKET_SECRET_SIZE] = "s";
    struct tls_report report;
    struct tls_config config = { &made->pem, 1, secret, now_unix };
    struct tls_context *context = tls_context_make(&config, &report);

    assert_non_null(context);
    if (!strstr(report.warning, sentence) || (!*sentence && report.warning[0]))
        fail_msg("\"%s\" lacks \"%s\"", report.warning, sentence);
    tls_context_drop(context);
}

static void warns_of_what_clients_will_not_take(void **state)
{
    struct made_pair made;

    (void)state;
    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    warns(&made, MADE_NOW, "");
    warns(&made, MADE_NOW + 2000, "has expired");
    warns(&made, MADE_NOW - 2000, "not valid yet");
    made_pair_make(&made, "P-256", NULL, NULL);
    warns(&made, MADE_NOW, "no name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_with_a_pair),
        cmocka_unit_test(refuses_keys_it_must_not_use),
        cmocka_unit_test(a_chain_is_read_to_its_end),
        cmocka_unit_test(warns_of_what_clients_will_not_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

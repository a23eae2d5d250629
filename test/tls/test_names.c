#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "made_pair.h"
#include "tls/names.h"

#include <openssl/pem.h>

struct row {
    const char *name, *host;
    enum tls_name_match match;
};

static const struct row rows[] = {
    { "a.example", "a.example", TLS_NAME_EXACT },
    { "a.example", "A.Example", TLS_NAME_EXACT },
    { "a.example", "a.example.", TLS_NAME_EXACT },
    { "a.example", "b.example", TLS_NAME_OTHER },
    { "a.example", "x.a.example", TLS_NAME_OTHER },
    { "a.example", "", TLS_NAME_OTHER },
    { "a.example", ".", TLS_NAME_OTHER },
    { "*.a.example", "x.a.example", TLS_NAME_WILDCARD },
    { "*.A.example", "X.a.EXAMPLE", TLS_NAME_WILDCARD },
    { "*.a.example", "x.a.example.", TLS_NAME_WILDCARD },
    { "*.a.example", "a.example", TLS_NAME_OTHER },
    { "*.a.example", ".a.example", TLS_NAME_OTHER },
    { "*.a.example", "y.x.a.example", TLS_NAME_OTHER },
    { "*.a.example", "xa.example", TLS_NAME_OTHER },
    { "*.example", "a.example", TLS_NAME_OTHER },
    { "*", "example", TLS_NAME_OTHER },
    { "*.", "x.", TLS_NAME_OTHER },
    { "x*.a.example", "xy.a.example", TLS_NAME_OTHER },
    { "a.*.example", "a.b.example", TLS_NAME_OTHER },
};

static void fits_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        if (tls_name_fits(str_from(row->name), str_from(row->host)) != row->match)
            fail_msg("%s and %s", row->name, row->host);
    }
}

static void read_from(struct tls_names *names, const char *alternatives)
{
    struct made_pair made;

    made_pair_make(&made, "P-256", alternatives, NULL);
    BIO *bio = BIO_new_mem_buf(made.pem.certificates.at, (int)made.pem.certificates.len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_int_equal(tls_names_read(names, certificate), 0);
    X509_free(certificate);
    BIO_free(bio);
}

static void takes_dns_names_only(void **state)
{
    struct tls_names names;

    (void)state;
    read_from(&names, "DNS:a.example,IP:127.0.0.1,email:me@c.example,DNS:*.b.example");
    assert_int_equal(names.count, 2);
    assert_true(str_equal(names.names[0], STR("a.example")));
    assert_true(str_equal(names.names[1], STR("*.b.example")));
    tls_names_release(&names);
}

static void prefers_what_is_exact(void **state)
{
    struct tls_names names;

    (void)state;
    read_from(&names, "DNS:*.b.example,DNS:x.b.example");
    assert_int_equal(tls_names_match(&names, STR("x.b.example")), TLS_NAME_EXACT);
    assert_int_equal(tls_names_match(&names, STR("y.b.example")), TLS_NAME_WILDCARD);
    assert_int_equal(tls_names_match(&names, STR("b.example")), TLS_NAME_OTHER);
    tls_names_release(&names);
}

static void a_certificate_may_have_none(void **state)
{
    struct tls_names names;

    (void)state;
    read_from(&names, NULL);
    assert_int_equal(names.count, 0);
    assert_int_equal(tls_names_match(&names, STR("a.example")), TLS_NAME_OTHER);
    tls_names_release(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_as_the_table_says),
        cmocka_unit_test(takes_dns_names_only),
        cmocka_unit_test(prefers_what_is_exact),
        cmocka_unit_test(a_certificate_may_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

static struct config config;

#define FILE_NAME "/proc/self/status"

static void what_goes_together(void **state)
{
    (void)state;
    assert_read(&config, NOTHING, NULL, OPTIONS_RUN);
    assert_false(config.tls || config.tls_self_signed || config.https_redirect);
    assert_int_equal(config.hsts[0], '\0');
    assert_read(&config,
                WORDS("--tls-port=0", "--tls-self-signed", "--https-redirect", "--hsts=60"), NULL,
                OPTIONS_RUN);
    assert_true(config.tls && config.tls_self_signed && config.https_redirect);
    assert_read(&config, WORDS("--tls-port=443", "--tls-cert=" FILE_NAME, "--tls-key=" FILE_NAME),
                NULL, OPTIONS_RUN);
    assert_true(config.tls && !config.tls_self_signed);
    assert_int_equal(config.tls_port, 443);
    assert_read(&config, WORDS("--port=0", "--tls-port=0", "--tls-self-signed"), NULL, OPTIONS_RUN);
    assert_read(&config, WORDS("--demo", "--dataset=" FILE_NAME), NULL, OPTIONS_RUN);
}

/* A variable may say that a flag is off. */
static void what_is_off_needs_nothing(void **state)
{
    (void)state;
    assert_read(&config, NOTHING, WORDS("RINGLET_HTTPS_REDIRECT=no", "RINGLET_TLS_SELF_SIGNED=0"),
                OPTIONS_RUN);
    assert_false(config.tls);
    assert_read(&config, WORDS("--tls-port=1", "--tls-cert=" FILE_NAME, "--tls-key=" FILE_NAME),
                WORDS("RINGLET_TLS_SELF_SIGNED=off"), OPTIONS_RUN);
    assert_refused(WORDS("--dataset=" FILE_NAME), WORDS("RINGLET_DEMO=no"),
                   "ringlet: --dataset " FILE_NAME ": only --demo reads it");
    assert_refused(WORDS("--tls-port=1"), WORDS("RINGLET_TLS_SELF_SIGNED=no"),
                   "ringlet: --tls-port 1: HTTPS needs a certificate");
}

static void what_is_missing(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *sentence;
    } cases[] = {
        { { "--dataset=" FILE_NAME },
          "ringlet: --dataset " FILE_NAME ": only --demo reads it; give that, too, or neither\n" },
        { { "--tls-cert=" FILE_NAME },
          "ringlet: --tls-cert " FILE_NAME ": it is for HTTPS, and --tls-port is not given; name "
          "that port, as in --tls-port 443, or leave this out\n" },
        { { "--tls-key=" FILE_NAME }, "ringlet: --tls-key " FILE_NAME ": it is for HTTPS, and" },
        { { "--tls-self-signed" }, "ringlet: --tls-self-signed: it is for HTTPS, and --tls-port" },
        { { "--https-redirect" }, "ringlet: --https-redirect: it is for HTTPS, and --tls-port" },
        { { "--hsts=1,preload" }, "ringlet: --hsts 1,preload: it is for HTTPS, and --tls-port" },
        { { "--tls-port=443" },
          "ringlet: --tls-port 443: HTTPS needs a certificate; give --tls-cert FILE and --tls-key "
          "FILE, or --tls-self-signed to try it out\n" },
        { { "--tls-port=1", "--tls-cert=" FILE_NAME },
          "ringlet: --tls-cert " FILE_NAME ": there is 1 --tls-cert and 0 --tls-key; give one of "
          "each for every certificate, in the same order\n" },
        { { "--tls-port=1", "--tls-key=" FILE_NAME },
          "ringlet: --tls-key " FILE_NAME ": there are 0 --tls-cert and 1 --tls-key" },
        { { "--tls-port=1", "--tls-cert=" FILE_NAME, "--tls-cert=" FILE_NAME,
            "--tls-key=" FILE_NAME },
          "ringlet: --tls-cert " FILE_NAME ": there are 2 --tls-cert and 1 --tls-key" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].words, NULL, cases[i].sentence);
    assert_refused(NULL, WORDS("RINGLET_HTTPS_REDIRECT=yes"),
                   "ringlet: RINGLET_HTTPS_REDIRECT=yes: it is for HTTPS, and --tls-port");
}

static void what_contradicts(void **state)
{
    (void)state;
    assert_refused(
        WORDS("--tls-port=1", "--tls-self-signed", "--tls-cert=" FILE_NAME, "--tls-key=" FILE_NAME),
        NULL,
        "ringlet: --tls-self-signed: --tls-cert names a certificate, so none is made; "
        "give one of them\n");
    assert_refused(WORDS("--tls-port=1", "--tls-self-signed", "--tls-key=" FILE_NAME), NULL,
                   "ringlet: --tls-self-signed: --tls-key names a key");
    assert_refused(WORDS("--tls-port=8080", "--tls-self-signed"), NULL,
                   "ringlet: --tls-port 8080: --port 8080 has this port for plain HTTP; name "
                   "another one\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_together),
        cmocka_unit_test(what_is_off_needs_nothing),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(what_contradicts),
    };
    return cmocka_run_group_tests(tests, reading_pin, NULL);
}

/* What is told on standard error is looked at by test_process.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pem_folder.h"
#include "server/certificates.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { LATE = PAIR_WATCH_MOST_MS };

static struct config config;
static struct pem_folder folder;
static struct certificates certificates;

static int open_folder(void **state)
{
    (void)state;
    pem_folder_open(&folder);
    config = (struct config){ .tls = true };
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    certificates_release(&certificates);
    pem_folder_close(&folder);
    return 0;
}

/* As the process does it, up to the cores' having taken them. */
static void begin(struct tls_self_signed *made)
{
    struct sentence why;

    pem_folder_put_pair(&folder, "cert", "key", made);
    pem_config(&config, pem_folder_path(&folder, "cert"), pem_folder_path(&folder, "key"));
    assert_true(certificates_init(&certificates, &config, &why));
    assert_true(certificates_keep(&certificates, &why));
    assert_non_null(certificates_given(&certificates));
}

static void expect_given(const struct tls_self_signed *made)
{
    const struct tls_config *given = certificates_given(&certificates);

    assert_int_equal(given->count, 1);
    assert_true(
        str_equal(given->pairs[0].certificates, str_of(made->certificate, made->certificate_len)));
    assert_true(str_equal(given->pairs[0].key, str_of(made->key, made->key_len)));
}

/* Is there something to be heard of? Then the time for it is LATE. */
static bool stirred(void)
{
    struct pollfd fd = { .fd = certificates_fd(&certificates), .events = POLLIN };
    bool any = poll(&fd, 1, 0) == 1;

    if (any)
        certificates_stirred(&certificates, 0);
    return any;
}

static void without_https_there_are_none(void **state)
{
    struct sentence why;

    (void)state;
    config.tls = false;
    assert_true(certificates_init(&certificates, &config, &why));
    assert_true(certificates_keep(&certificates, &why));
    assert_null(certificates_given(&certificates));
    assert_int_equal(certificates_fd(&certificates), -1);
    assert_int_equal(certificates_wait_ms(&certificates, 1), -1);
    certificates_ask(&certificates);
    assert_false(certificates_renew(&certificates, 1));
}

static void one_of_its_own_making(void **state)
{
    struct sentence why;

    (void)state;
    config.tls_self_signed = config.quiet = true;
    assert_true(certificates_init(&certificates, &config, &why));
    assert_true(certificates_keep(&certificates, &why));
    assert_int_equal(certificates_given(&certificates)->count, 1);
    certificates_ask(&certificates);
    assert_false(certificates_renew(&certificates, 1));
    assert_int_equal(certificates_fd(&certificates), -1);
}

static void are_renewed_when_they_change(void **state)
{
    struct tls_self_signed made;

    (void)state;
    begin(&made);
    expect_given(&made);
    certificates_taken(&certificates);
    assert_int_equal(certificates.pairs.count, 0);
    assert_false(certificates_renew(&certificates, LATE));
    pem_folder_put_pair(&folder, "cert", "key", &made);
    assert_true(stirred());
    assert_false(certificates_renew(&certificates, 1));
    assert_int_equal(certificates_wait_ms(&certificates, 1), PAIR_WATCH_CALM_MS - 1);
    assert_true(certificates_renew(&certificates, LATE));
    expect_given(&made);
    certificates_taken(&certificates);
    assert_false(certificates_renew(&certificates, LATE));
    assert_int_equal(certificates_wait_ms(&certificates, LATE), -1);
}

static void what_else_happens_there_is_nothing(void **state)
{
    struct tls_self_signed made;

    (void)state;
    begin(&made);
    certificates_taken(&certificates);
    pem_folder_put(&folder, "other", STR("other"));
    assert_true(stirred());
    assert_false(certificates_renew(&certificates, LATE));
}

static void a_bad_pair_changes_nothing(void **state)
{
    struct tls_self_signed made, other;

    (void)state;
    begin(&made);
    certificates_taken(&certificates);
    pem_folder_put_pair(&folder, "cert", "unused", &other);
    assert_true(stirred());
    assert_false(certificates_renew(&certificates, LATE));
    assert_int_equal(certificates.pairs.count, 0);
    pem_folder_put(&folder, "cert", str_of(made.certificate, made.certificate_len));
    assert_true(stirred());
    assert_true(certificates_renew(&certificates, LATE));
    expect_given(&made);
}

static void a_file_that_goes_changes_nothing(void **state)
{
    struct tls_self_signed made;

    (void)state;
    begin(&made);
    certificates_taken(&certificates);
    assert_int_equal(unlink(pem_folder_path(&folder, "key")), 0);
    certificates_ask(&certificates);
    assert_false(certificates_renew(&certificates, 1));
    pem_folder_put(&folder, "key", str_of(made.key, made.key_len));
    assert_true(stirred());
    assert_true(certificates_renew(&certificates, LATE));
}

static void are_read_again_when_that_is_asked_for(void **state)
{
    struct tls_self_signed made;

    (void)state;
    begin(&made);
    certificates_taken(&certificates);
    certificates_ask(&certificates);
    assert_true(certificates_renew(&certificates, 1));
    expect_given(&made);
    certificates_taken(&certificates);
    assert_false(certificates_renew(&certificates, 1));
}

static void a_bad_pair_is_none_to_start_with(void **state)
{
    struct tls_self_signed made, other;
    struct sentence why;

    (void)state;
    pem_folder_put_pair(&folder, "cert", "unused", &made);
    pem_folder_put_pair(&folder, "unused", "key", &other);
    pem_config(&config, pem_folder_path(&folder, "cert"), pem_folder_path(&folder, "key"));
    assert_false(certificates_init(&certificates, &config, &why));
    assert_non_null(strstr(why.text, "--tls-cert: /tmp/"));
    assert_non_null(strstr(why.text, "/cert: the key does not belong to the certificate"));
    assert_int_equal(unlink(pem_folder_path(&folder, "key")), 0);
    assert_false(certificates_init(&certificates, &config, &why));
    assert_non_null(strstr(why.text, "--tls-key /tmp/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_https_there_are_none, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(one_of_its_own_making, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(are_renewed_when_they_change, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(what_else_happens_there_is_nothing, open_folder,
                                        close_folder),
        cmocka_unit_test_setup_teardown(a_bad_pair_changes_nothing, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_that_goes_changes_nothing, open_folder,
                                        close_folder),
        cmocka_unit_test_setup_teardown(are_read_again_when_that_is_asked_for, open_folder,
                                        close_folder),
        cmocka_unit_test_setup_teardown(a_bad_pair_is_none_to_start_with, open_folder,
                                        close_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

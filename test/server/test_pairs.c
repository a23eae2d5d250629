#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pem_folder.h"
#include "server/pairs.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config;
static struct pem_folder folder;

static int open_folder(void **state)
{
    (void)state;
    pem_folder_open(&folder);
    config = (struct config){ .tls = false };
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    pem_folder_close(&folder);
    return 0;
}

static const char *path(const char *name)
{
    return pem_folder_path(&folder, name);
}

static void are_read_in_order(void **state)
{
    struct pairs pairs;
    struct sentence why, warning;

    (void)state;
    pem_folder_put(&folder, "cert", STR("a certificate"));
    pem_folder_put(&folder, "key", STR("a key"));
    pem_config(&config, path("cert"), path("key"));
    config.tls_certs.count = config.tls_keys.count = 2;
    config.tls_certs.items[1] = config.tls_keys.items[0];
    config.tls_keys.items[1] = config.tls_certs.items[0];
    assert_int_equal(chmod(path("key"), 0600) | chmod(path("cert"), 0640), 0);

    assert_true(pairs_read(&pairs, &config, &why, &warning));
    assert_int_equal(pairs.count, 2);
    assert_true(str_equal(pairs.pems[0].certificates, STR("a certificate")));
    assert_true(str_equal(pairs.pems[0].key, STR("a key")));
    assert_true(str_equal(pairs.pems[0].name, config.tls_certs.items[0]));
    assert_true(str_equal(pairs.pems[1].certificates, STR("a key")));
    assert_true(str_equal(pairs.pems[1].key, STR("a certificate")));
    assert_string_equal(warning.text, "");
    pairs_release(&pairs);
    assert_int_equal(pairs.count, 0);
}

static void a_key_for_all_to_read(void **state)
{
    struct pairs pairs;
    struct sentence why, warning;

    (void)state;
    pem_folder_put(&folder, "cert", STR("a certificate"));
    pem_folder_put(&folder, "key", STR("a key"));
    pem_config(&config, path("cert"), path("key"));
    assert_int_equal(chmod(path("key"), 0604), 0);
    assert_true(pairs_read(&pairs, &config, &why, &warning));
    assert_non_null(strstr(warning.text, "/key: all users of this machine can read this key"));
    pairs_release(&pairs);
}

static void expect_refused(const char *cert, const char *key, const char *wrong)
{
    struct pairs pairs;
    struct sentence why, warning;

    pem_config(&config, cert, key);
    assert_false(pairs_read(&pairs, &config, &why, &warning));
    if (!strstr(why.text, wrong))
        fail_msg("\"%s\" does not say \"%s\"", why.text, wrong);
    assert_int_equal(pairs.count, 0);
}

static void what_can_not_be_read(void **state)
{
    char *long_name = malloc(PATH_MAX + 1);

    (void)state;
    pem_folder_put(&folder, "cert", STR("a certificate"));
    pem_folder_put(&folder, "empty", STR(""));
    expect_refused(path("none"), path("cert"), "--tls-cert /tmp/");
    expect_refused(path("none"), path("cert"),
                   "/none: No such file or directory; name a file that can be read");
    expect_refused(path("cert"), path("none"), "--tls-key /tmp/");
    expect_refused(path("cert"), folder.path, ": that is not a regular file; name one");
    expect_refused(path("cert"), path("empty"), "/empty: it is empty; name a file of PEM");
    expect_refused("/proc/self/stat", path("cert"), "--tls-cert /proc/self/stat: it is empty");
    assert_int_equal(mkfifo(path("pipe"), 0600), 0);
    expect_refused(path("cert"), path("pipe"), "/pipe: that is not a regular file");
    assert_non_null(long_name);
    memset(long_name, 'x', PATH_MAX);
    long_name[PATH_MAX] = '\0';
    expect_refused(long_name, path("cert"), "x: File name too long");
    free(long_name);
}

static void a_file_that_is_too_long(void **state)
{
    struct pairs pairs;
    struct sentence why, warning;

    (void)state;
    pem_folder_put(&folder, "cert", STR("a certificate"));
    pem_folder_put(&folder, "long", STR("k"));
    assert_int_equal(truncate(path("long"), PAIRS_FILE_MAX + 1), 0);
    expect_refused(path("cert"), path("long"), "/long: it has more than 1 MiB; name a file of PEM");
    assert_int_equal(truncate(path("long"), PAIRS_FILE_MAX), 0);
    assert_true(pairs_read(&pairs, &config, &why, &warning));
    assert_int_equal(pairs.pems[0].key.len, PAIRS_FILE_MAX);
    pairs_release(&pairs);
}

static void one_that_is_no_file(void **state)
{
    struct pairs pairs = { .count = 0 };

    (void)state;
    for (int i = 0; i < CONFIG_PAIRS_MAX; i++)
        assert_true(pairs_add(&pairs, STR("made"), STR("a certificate"), STR("a key")));
    assert_false(pairs_add(&pairs, STR("made"), STR("a certificate"), STR("a key")));
    assert_int_equal(pairs.count, CONFIG_PAIRS_MAX);
    assert_true(str_equal(pairs.pems[0].key, STR("a key")));
    pairs_release(&pairs);
}

/* Another user, who is nobody, may enter the folder, but not read the key. */
static void what_the_run_user_can_not_read(void **state)
{
    struct sentence why;

    (void)state;
    if (geteuid() != 0)
        skip();
    pem_folder_put(&folder, "cert", STR("a certificate"));
    pem_folder_put(&folder, "key", STR("a key"));
    pem_config(&config, path("cert"), path("key"));
    assert_int_equal(chmod(folder.path, 0755) | chmod(path("cert"), 0644), 0);
    assert_int_equal(chmod(path("key"), 0600), 0);
    assert_true(pairs_are_readable(&config, &why));
    assert_int_equal(seteuid(65534), 0);
    bool fine = pairs_are_readable(&config, &why);
    assert_int_equal(seteuid(0), 0);
    assert_false(fine);
    assert_non_null(strstr(why.text, "--tls-key /tmp/"));
    assert_non_null(strstr(why.text, "/key: user 65534, who is to read it again when it changes, "
                                     "can't: Permission denied; let that user"));
}

static void stamps_tell_a_change(void **state)
{
    struct pairs_stamps before, after;

    (void)state;
    pem_folder_put(&folder, "cert", STR("a certificate"));
    pem_folder_put(&folder, "key", STR("a key"));
    pem_config(&config, path("cert"), path("key"));
    pairs_look(&before, &config);
    pairs_look(&after, &config);
    assert_true(pairs_same(&before, &after));
    pem_folder_put(&folder, "key", STR("other"));
    pairs_look(&after, &config);
    assert_false(pairs_same(&before, &after));
    before = after;
    assert_int_equal(unlink(path("cert")), 0);
    pairs_look(&after, &config);
    assert_false(pairs_same(&before, &after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(are_read_in_order, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_key_for_all_to_read, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(what_can_not_be_read, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_long, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(one_that_is_no_file, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(what_the_run_user_can_not_read, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(stamps_tell_a_change, open_folder, close_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

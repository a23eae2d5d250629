/* Events are there when the call that made them has returned; time is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pem_folder.h"
#include "server/pair_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config;
static struct pem_folder folder;
static struct pair_watch watch;

static int open_folder(void **state)
{
    (void)state;
    pem_folder_open(&folder);
    config = (struct config){ .tls = false };
    watch = (struct pair_watch){ .fd = -1 };
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    pair_watch_stop(&watch);
    assert_int_equal(watch.fd, -1);
    pem_folder_close(&folder);
    return 0;
}

static const char *path(const char *name)
{
    return pem_folder_path(&folder, name);
}

static void start(const char *cert, const char *key)
{
    pem_config(&config, cert, key);
    assert_int_equal(pair_watch_start(&watch, &config), 0);
    assert_true(watch.fd >= 0);
}

/* Has anything happened since the last call? */
static bool heard(void)
{
    struct pollfd fd = { .fd = watch.fd, .events = POLLIN };
    bool any = poll(&fd, 1, 0) == 1;

    if (any)
        pair_watch_stir(&watch, 0);
    return any;
}

static void a_file_is_put_in_place(void **state)
{
    (void)state;
    pem_folder_put(&folder, "cert", STR("1"));
    pem_folder_put(&folder, "key", STR("1"));
    start(path("cert"), path("key"));
    assert_false(heard());
    pem_folder_put(&folder, "cert", STR("2"));
    assert_true(heard());
    assert_false(heard());
    pem_folder_put(&folder, "key", STR("2"));
    assert_true(heard());
}

/* Nothing else happens in its directory: it was made in another one. */
static void a_file_is_moved_there(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path("etc"), 0700), 0);
    pem_folder_put(&folder, "etc/cert", STR("1"));
    pem_folder_put(&folder, "new", STR("2"));
    start(path("etc/cert"), path("etc/key"));
    assert_int_equal(rename(path("new"), path("etc/key")), 0);
    assert_true(heard());
}

static void a_file_is_written_anew(void **state)
{
    (void)state;
    pem_folder_put(&folder, "cert", STR("1"));
    start(path("cert"), path("cert"));
    int fd = open(path("cert"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "2", 1), 1);
    close(fd);
    assert_true(heard());
}

static void a_file_that_is_not_there_yet(void **state)
{
    (void)state;
    pem_folder_put(&folder, "cert", STR("1"));
    start(path("cert"), path("key"));
    pem_folder_put(&folder, "key", STR("1"));
    assert_true(heard());
}

/* As certbot has it: live/cert leads to ../archive/cert1. */
static void a_link_leads_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path("archive"), 0700) | mkdir(path("live"), 0700), 0);
    pem_folder_put(&folder, "archive/cert1", STR("1"));
    pem_folder_put(&folder, "archive/cert2", STR("2"));
    assert_int_equal(symlink("../archive/cert1", path("live/cert")), 0);
    start(path("live/cert"), path("live/cert"));
    assert_int_equal(symlink("../archive/cert2", path("live/new")), 0);
    assert_int_equal(rename(path("live/new"), path("live/cert")), 0);
    assert_true(heard());
    start(path("live/cert"), path("live/cert"));
    pem_folder_put(&folder, "archive/cert2", STR("3"));
    assert_true(heard());
}

/* As in a Kubernetes secret: cert leads to ..data/cert, and ..data to a directory. */
static void a_directory_on_the_way_is_exchanged(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path("one"), 0700) | mkdir(path("two"), 0700), 0);
    pem_folder_put(&folder, "one/cert", STR("1"));
    pem_folder_put(&folder, "two/cert", STR("2"));
    assert_int_equal(symlink(path("one"), path("data")), 0);
    start(path("data/cert"), path("data/cert"));
    assert_false(heard());
    assert_int_equal(symlink("two", path("new")), 0);
    assert_int_equal(rename(path("new"), path("data")), 0);
    assert_true(heard());
}

static void a_directory_on_the_way_is_moved(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path("a"), 0700) | mkdir(path("a/b"), 0700), 0);
    pem_folder_put(&folder, "a/b/cert", STR("1"));
    start(path("a/b/cert"), path("a/b/cert"));
    assert_int_equal(rename(path("a"), path("old")), 0);
    assert_true(heard());
    start(path("a/b/cert"), path("a/b/cert"));
    assert_int_equal(mkdir(path("a"), 0700), 0);
    assert_true(heard());
}

static void links_in_a_circle(void **state)
{
    char name[PATH_MAX];

    (void)state;
    assert_int_equal(symlink("two", path("one")) | symlink("one", path("two")), 0);
    start(path("one"), path("two/cert"));
    assert_false(heard());
    memset(name, '/', sizeof name - 1);
    memcpy(name, "x", 1);
    name[sizeof name - 1] = '\0';
    start(name, "");
    memset(name, 'x', sizeof name - 1);
    start(name, path("one"));
    assert_false(heard());
}

static void is_told_when_it_is_calm_again(void **state)
{
    (void)state;
    start(path("cert"), path("key"));
    assert_int_equal(pair_watch_wait_ms(&watch, 5), -1);
    assert_false(pair_watch_is_due(&watch, 5));
    pair_watch_stir(&watch, 1000);
    assert_int_equal(pair_watch_wait_ms(&watch, 1000), PAIR_WATCH_CALM_MS);
    pair_watch_stir(&watch, 1200);
    assert_int_equal(pair_watch_wait_ms(&watch, 1300), PAIR_WATCH_CALM_MS - 100);
    assert_false(pair_watch_is_due(&watch, 1200 + PAIR_WATCH_CALM_MS - 1));
    assert_true(pair_watch_is_due(&watch, 1200 + PAIR_WATCH_CALM_MS));
    assert_int_equal(pair_watch_wait_ms(&watch, 9000), 0);
    for (uint64_t at = 1200; at < 1000 + PAIR_WATCH_MOST_MS; at += 100)
        pair_watch_stir(&watch, at);
    assert_true(pair_watch_is_due(&watch, 1000 + PAIR_WATCH_MOST_MS));
    start(path("cert"), path("key"));
    assert_false(pair_watch_is_due(&watch, 9000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_put_in_place, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_is_moved_there, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_is_written_anew, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_yet, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_link_leads_elsewhere, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_directory_on_the_way_is_exchanged, open_folder,
                                        close_folder),
        cmocka_unit_test_setup_teardown(a_directory_on_the_way_is_moved, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(links_in_a_circle, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(is_told_when_it_is_calm_again, open_folder, close_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

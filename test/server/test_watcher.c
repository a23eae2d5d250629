/* server/watcher.c: what the loop hears of the disk, on the fake engine and a real directory. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE "GET /page.txt HTTP/1.1\r\nHost: h\r\n\r\n"

static void write_page(size_t len)
{
    static const char bytes[100] = "page";
    char path[128];

    snprintf(path, sizeof path, "%s/page.txt", stage_site());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static void remove_page(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/page.txt", stage_site());
    unlink(path);
}

static void changes_show_without_a_wait(void **state)
{
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, PAGE);

    (void)state;
    client_gets_plain(client, 404);
    for (size_t len = 1; len < 50; len += 7) {
        write_page(len);
        stage_settle(stage);
        client_more(client, PAGE);
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.length, len);
    }
    remove_page();
    stage_settle(stage);
    client_more(client, PAGE);
    client_gets_plain(client, 404);
    stage_close(stage);
}

/* More than one turn may read: the rest is read in the next ones, and nothing is missed. */
static void much_is_read_in_several_turns(void **state)
{
    enum { MANY = 4000 };
    struct stage *stage = stage_calm();
    struct client *client = client_visit(stage, PAGE);

    (void)state;
    client_gets_plain(client, 404);
    for (int i = 0; i < MANY; i++) {
        write_page(3);
        remove_page();
    }
    write_page(4);
    stage_turn(stage, true);
    assert_true(stage->loop.watcher.more);
    stage_settle(stage);
    assert_false(stage->loop.watcher.more);
    client_more(client, PAGE);
    assert_int_equal(client_answer(client, false).length, 4);
    remove_page();
    stage_close(stage);
}

/* Of all that is complained about, by all cores, one line is said. */
static void complains_once(void **state)
{
    struct notices notices = { 0 };
    struct watcher watchers[2];
    struct site site = { .routes.watches.count = 0 };

    (void)state;
    routes_init(&site.routes);
    for (int i = 0; i < 2; i++) {
        watcher_init(&watchers[i], "/a place of the test's", &notices);
        assert_true(watchers[i].watch.fd >= 0);
        assert_int_equal(notices.unwatched, i > 0);
        site.complaint.due = true;
        site.complaint.fs = "a file system of the test's";
        watcher_tidy(&watchers[i], &site);
        assert_false(site.complaint.due);
        assert_true(notices.unwatched);
        watcher_release(&watchers[i]);
        assert_int_equal(watchers[i].watch.fd, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_show_without_a_wait),
        cmocka_unit_test(much_is_read_in_several_turns),
        cmocka_unit_test(complains_once),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* Ways through a real directory: which names they go through, where they end, and what is told. */
#include "site/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/ringlet-survey-XXXXXX";

static int make_tree(void **state)
{
    (void)state;
    if (!mkdtemp(top) || chdir(top) < 0)
        return -1;
    int made = mkdir("site", 0755) + mkdir("site/a", 0755) + mkdir("site/a/b", 0755);
    made += symlink("a/b", "site/link") + symlink("../a/./b/../b", "site/a/round");
    made += symlink("../site", "site/out") + symlink("/tmp", "site/absolute");
    made += symlink("loop", "site/loop") + symlink("site", "current");
    return made + close(open("site/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_tree(void **state)
{
    (void)state;
    return chdir("/") + nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct survey *survey_of(int inotify, int root, const char *path)
{
    struct survey *survey = survey_make(inotify, root, str_from(path));

    assert_non_null(survey);
    survey_run(survey);
    return survey;
}

static int open_site(void)
{
    int root = open("site", O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(root >= 0);
    return root;
}

/* The names, in the order in which they were looked up, each with a space. */
static void assert_way(const struct survey *survey, const char *names)
{
    char text[1024] = "";
    size_t len = 0;

    for (unsigned i = 0; i < survey->step_count; i++) {
        struct str name = survey_name(survey, i);
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s ", (int)name.len, name.at);
    }
    assert_string_equal(text, names);
}

static void ways(void **state)
{
    static const struct {
        const char *path, *names;
        bool there; /* a directory */
    } cases[] = {
        { "", "", true },
        { "a/", "a ", true },
        { "a/b/", "a b ", true },
        { "link/", "link a b ", true },
        { "a/round", "a round a b b ", true },
        { "file", "file ", false },
        { "none/", "none ", false },
        { "a/none/more/", "a none ", false },
        { "file/more/", "file ", false },
        { "out/a/", "out ", false }, /* leaves the root, if only to come back */
        { "absolute/", "absolute ", false },
    };
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), root = open_site();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct survey *survey = survey_of(inotify, root, cases[i].path);
        assert_true(survey->watched);
        assert_way(survey, cases[i].names);
        assert_int_equal(survey->end >= 0, cases[i].there);
        survey_free(survey);
    }
    close(root);
    close(inotify);
}

static void a_loop_ends(void **state)
{
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), root = open_site();
    struct survey *survey = survey_of(inotify, root, "loop");

    (void)state;
    assert_true(survey->watched);
    assert_int_equal(survey->step_count, SURVEY_LINKS_MAX + 1);
    survey_free(survey);
    close(root);
    close(inotify);
}

static bool heard_of(int inotify, int watch)
{
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t len;
    bool heard = false;

    while ((len = read(inotify, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            heard = heard || event->wd == watch;
            at += (ssize_t)(sizeof *event + event->len);
        }
    return heard;
}

static void what_happens_on_the_way_is_told(void **state)
{
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), root = open_site();
    struct survey *survey = survey_of(inotify, root, "a/b/");

    (void)state;
    assert_false(heard_of(inotify, survey->end));
    close(open("site/a/b/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    assert_true(heard_of(inotify, survey->end));
    unlink("site/a/b/new");
    rename("site/a/b", "site/a/c");
    assert_true(heard_of(inotify, survey->steps[1].watch));
    rename("site/a/c", "site/a/b");
    survey_free(survey);
    close(root);
    close(inotify);
}

static void the_way_to_a_root(void **state)
{
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    char path[64];
    struct stat facts;

    (void)state;
    snprintf(path, sizeof path, "%s/current/a", top);
    struct survey *survey = survey_of(inotify, -1, path);
    assert_true(survey->watched);
    assert_int_equal(stat("site/a", &facts), 0);
    assert_true(survey->fd >= 0);
    assert_int_equal(survey->inode, facts.st_ino);
    close(survey->fd);
    survey->fd = -1;
    heard_of(inotify, -1);

    /* What else happens where it goes through does not matter. */
    close(open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    unlink("file");
    char bytes[512];
    assert_int_equal(read(inotify, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(rename("site", "moved"), 0); /* itself a part of the way */
    assert_true(read(inotify, bytes, sizeof bytes) > 0);
    assert_int_equal(rename("moved", "site"), 0);
    while (read(inotify, bytes, sizeof bytes) > 0)
        continue;
    assert_int_equal(symlink("elsewhere", "next"), 0);
    assert_int_equal(rename("next", "current"), 0);
    assert_true(read(inotify, bytes, sizeof bytes) > 0);
    survey_free(survey);
    close(inotify);
}

static void what_does_not_tell(void **state)
{
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), root = open_site();

    (void)state;
    struct survey *survey = survey_of(inotify, proc, "fd/");
    assert_false(survey->watched);
    assert_string_equal(survey->fs, "proc");
    survey_free(survey);
    survey = survey_of(-1, root, "a/");
    assert_false(survey->watched);
    assert_int_equal(survey->error, EBADF);
    survey_free(survey);
    close(proc);
    close(root);
    close(inotify);
}

/* More than it has room for is not watched, and harms nothing. */
static void long_ways_are_given_up(void **state)
{
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), root = open_site();
    char path[SURVEY_PATH_MAX + 10] = "";

    (void)state;
    for (size_t i = 0; i + 5 < 5 * (SURVEY_STEPS_MAX + 5); i += 5)
        memcpy(path + i, "a/../", 6);
    struct survey *survey = survey_of(inotify, root, path);
    assert_false(survey->watched);
    survey_free(survey);
    memset(path, 'x', sizeof path - 1);
    survey = survey_of(inotify, root, path);
    assert_false(survey->watched);
    survey_free(survey);
    close(root);
    close(inotify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways),
        cmocka_unit_test(a_loop_ends),
        cmocka_unit_test(what_happens_on_the_way_is_told),
        cmocka_unit_test(what_does_not_tell),
        cmocka_unit_test(long_ways_are_given_up),
        cmocka_unit_test(the_way_to_a_root),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}

/* The directory that is served follows its path. */
#include "site/root.h"

#include <fcntl.h>
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

/* Memory for another root is short. */
static bool no_root;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return no_root && size == sizeof(struct site_root) ? NULL : __real_malloc(size);
}

enum { LOOKS_MAX = 100 };

struct scene {
    char top[40], path[64];
    int inotify, first;
    struct root root;
    struct routes routes;
    struct news news;
    uint64_t now_ms;
};

static void scene_open(struct scene *s)
{
    struct stat facts;

    *s = (struct scene){ .top = "/tmp/ringlet-root-XXXXXX", .now_ms = 1000 };
    assert_non_null(mkdtemp(s->top));
    snprintf(s->path, sizeof s->path, "%s/current", s->top);
    assert_int_equal(chdir(s->top), 0);
    assert_int_equal(mkdir("one", 0755) + mkdir("two", 0755) + symlink("one", "current"), 0);
    s->first = open("one", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fstat(s->first, &facts), 0);
    s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    routes_init(&s->routes);
    assert_int_equal(root_init(&s->root, s->first, str_from(s->path), facts.st_dev, facts.st_ino),
                     0);
}

static void scene_close(struct scene *s)
{
    int fd = root_release(&s->root);

    if (fd >= 0)
        close(fd);
    assert_int_equal(root_release(&s->root), -1);
    routes_release(&s->routes);
    close(s->first);
    close(s->inotify);
    unlink("current");
    assert_int_equal(rmdir("one") + rmdir("two") + rmdir(s->top), 0);
    assert_int_equal(chdir("/"), 0);
}

/* What inotify(7) has told kills the way, as the site would see to. */
static void listen_to(struct scene *s)
{
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t len;

    while ((len = read(s->inotify, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            struct site_watch *watch = watches_find(&s->routes.watches, event->wd);
            struct str name = str_of(event->name, strnlen(event->name, event->len));
            news_add(&s->news, event->wd, name);
            if (watch && name.len == 0)
                routes_kill_watch(&s->routes, watch);
            else if (watch)
                routes_kill_step(&s->routes, watch, name);
            at += (ssize_t)(sizeof *event + event->len);
        }
}

/* Look, if it is time to; whether another directory was found. */
static bool look_once(struct scene *s)
{
    int fd;

    listen_to(s);
    struct survey *survey = root_ask(&s->root, s->inotify, &s->news, s->now_ms);
    if (!survey)
        return false;
    assert_null(root_ask(&s->root, s->inotify, &s->news, s->now_ms)); /* one at a time */
    survey_run(survey);
    bool another = root_found(&s->root, &s->routes, &s->news, s->now_ms, &fd);
    if (fd >= 0)
        close(fd);
    return another;
}

/* Likewise; what others do on the way meanwhile has it looked at again. */
static bool look(struct scene *s)
{
    bool another = look_once(s);

    for (int i = 0; i < LOOKS_MAX && !another && !root_is_watched(&s->root); i++)
        another = look_once(s);
    return another;
}

static bool serves(const struct scene *s, const char *name)
{
    struct stat facts, expected;

    assert_int_equal(stat(name, &expected) + fstat(s->root.now->fd, &facts), 0);
    return facts.st_ino == expected.st_ino;
}

static void turn(const char *target)
{
    assert_int_equal(symlink(target, "next"), 0);
    assert_int_equal(rename("next", "current"), 0);
}

static void follows_its_path(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    assert_false(root_is_watched(&s.root));
    assert_false(look(&s)); /* it is the same one */
    assert_true(root_is_watched(&s.root));
    assert_true(serves(&s, "one"));
    assert_int_equal(s.root.now->fd, s.first);
    s.now_ms += 1000000;
    assert_null(root_ask(&s.root, s.inotify, &s.news, s.now_ms));

    turn("two");
    assert_true(look(&s));
    assert_true(serves(&s, "two"));
    turn("one");
    assert_true(look(&s));
    assert_true(serves(&s, "one"));
    scene_close(&s);
}

/* Who uses the old one keeps it. */
static void stays_while_it_is_used(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    look(&s);
    turn("two");
    assert_true(look(&s));
    struct site_root *used = root_use(&s.root);
    int fd = used->fd;
    turn("one");
    assert_true(look(&s));
    assert_true(fcntl(fd, F_GETFD) >= 0);
    assert_int_equal(root_unuse(used), fd);
    close(fd);
    scene_close(&s);
}

static void answers_while_there_is_none(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    look(&s);
    unlink("current");
    assert_false(look(&s));
    assert_true(serves(&s, "one"));
    assert_true(root_is_watched(&s.root)); /* for when it comes back */
    turn("two");
    assert_true(look(&s));
    assert_true(serves(&s, "two"));
    scene_close(&s);
}

/* The way is watched by then, so only the clock brings it up again. */
static void is_looked_at_again_when_memory_was_short(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    look(&s);
    turn("two");
    no_root = true;
    assert_false(look(&s));
    no_root = false;
    assert_true(serves(&s, "one"));
    s.now_ms += ROOT_CHECK_MS;
    assert_true(look(&s));
    assert_true(serves(&s, "two"));
    scene_close(&s);
}

/* Anything on the way, while it was surveyed: it is done again at once. */
static void is_looked_at_again_when_disturbed(void **state)
{
    struct scene s;
    int fd;

    (void)state;
    scene_open(&s);
    struct survey *survey = root_ask(&s.root, s.inotify, &s.news, s.now_ms);
    survey_run(survey);
    turn("two");
    listen_to(&s);
    assert_false(root_found(&s.root, &s.routes, &s.news, s.now_ms, &fd));
    close(fd);
    assert_false(root_is_watched(&s.root));
    assert_true(look(&s));
    assert_true(serves(&s, "two"));
    scene_close(&s);
}

/* Without events it is the clock that tells. */
static void is_looked_at_each_second(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    close(s.inotify);
    s.inotify = 0x7fffffff; /* no such descriptor */
    assert_false(look(&s));
    assert_false(root_is_watched(&s.root));
    assert_null(root_ask(&s.root, s.inotify, &s.news, s.now_ms + ROOT_CHECK_MS - 1));
    s.now_ms += ROOT_CHECK_MS;
    look(&s);
    s.inotify = -1;
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_its_path),
        cmocka_unit_test(stays_while_it_is_used),
        cmocka_unit_test(answers_while_there_is_none),
        cmocka_unit_test(is_looked_at_again_when_memory_was_short),
        cmocka_unit_test(is_looked_at_again_when_disturbed),
        cmocka_unit_test(is_looked_at_each_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The site on a real directory, whose asks are carried out here as the server would. */
#include "base/text.h"
#include "seed.h"
#include "site/compress.h"
#include "site/listing.h"
#include "site/site.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { OPEN_MAX_HERE = 4096, NAME_MAX_HERE = 300, LARGE = SITE_WHOLE_MAX + 1000 };

/* Of files held whole, and how many descriptors; what is not there takes as much as files do. */
struct room {
    size_t bytes;
    unsigned entries, descriptors;
};

static const struct room plenty = { 1 << 22, 64, 16 };

struct scene {
    struct site site;
    char top[64]; /* holds `root`, and what lies outside it */
    int root;
    int inotify; /* or -1 */
    unsigned surveys;
    uint64_t now_ms;
    int64_t now_unix; /* long after everything was written, so that times are trusted */
    unsigned asks;
    bool open[OPEN_MAX_HERE]; /* descriptors that the site has and must hand out to be closed */
};

/* --- what the server does --- */

static int64_t carry(struct scene *s, struct site_ask *ask)
{
    if (ask->kind == SITE_ASK_SURVEY) {
        s->surveys++;
        survey_run(ask->survey);
        return 0;
    }
    if (ask->kind == SITE_ASK_VARIANTS) {
        variants_run(ask->variants);
        return 0;
    }
    s->asks++;
    if (ask->kind == SITE_ASK_FOLDER) {
        folder_run(ask->folder);
        return ask->folder->error;
    }
    if (ask->kind == SITE_ASK_STAT)
        return statx(ask->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ask->statx) ? -errno : 0;
    if (ask->kind == SITE_ASK_READ) {
        ssize_t got = pread(ask->fd, ask->bytes, ask->len, 0);
        return got < 0 ? -errno : got;
    }
    struct open_how how = ask->how;
    how.flags |= O_CLOEXEC;
    long fd = syscall(SYS_openat2, ask->fd, ask->path, &how, sizeof how);
    if (fd < 0)
        return -errno;
    assert_true(fd < OPEN_MAX_HERE);
    s->open[fd] = true;
    return fd;
}

/* To its end, but for telling those who wait. */
static void run(struct scene *s, struct site_fill *fill)
{
    int64_t result = 0;

    while (site_fill_step(&s->site, fill, result, s->now_ms, s->now_unix))
        result = carry(s, &fill->ask);
}

/* What the site hands out to be closed is its own, and comes once. */
static void close_dead(struct scene *s)
{
    int fd;

    while ((fd = site_dead_fd(&s->site)) >= 0) {
        assert_true(fd < OPEN_MAX_HERE);
        assert_true(s->open[fd]);
        s->open[fd] = false;
        assert_int_equal(close(fd), 0);
    }
}

static struct site_fill *start_key(struct scene *s, struct str key)
{
    bool started = false;
    struct site_fill *fill = site_fill(&s->site, key, &started);

    assert_non_null(fill);
    assert_true(started);
    return fill;
}

static struct site_fill *start(struct scene *s, const char *path)
{
    return start_key(s, str_from(path));
}

/* Tell the site what has happened; what is not watched any more need not be. */
static void listen_to(struct scene *s)
{
    _Alignas(struct inotify_event) char bytes[16384];
    ssize_t len;
    int watch;

    while (s->inotify >= 0 && (len = read(s->inotify, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            site_changed(&s->site, event->wd, event->mask,
                         str_of(event->name, strnlen(event->name, event->len)));
            at += (ssize_t)(sizeof *event + event->len);
        }
    while ((watch = site_dead_watch(&s->site)) >= 0)
        inotify_rm_watch(s->inotify, watch);
}

/* The answer for a path, or another key, its entry pinned for the caller. */
static struct site_found get_key(struct scene *s, struct str key)
{
    listen_to(s);
    struct site_entry *entry = site_find(&s->site, key, s->now_ms);
    struct site_found found = { 200, entry };

    if (entry && entry->status != 200)
        return (struct site_found){ entry->status, NULL };
    if (entry) {
        site_pin(entry);
        return found;
    }
    struct site_fill *fill = start_key(s, key);
    run(s, fill);
    found = fill->found;
    if (found.entry)
        site_pin(found.entry);
    site_fill_end(&s->site, fill);
    close_dead(s);
    return found;
}

static struct site_found get(struct scene *s, const char *path)
{
    return get_key(s, str_from(path));
}

static void let_go(struct scene *s, struct site_found found)
{
    if (found.entry)
        site_unpin(&s->site, found.entry);
    close_dead(s);
}

static int status_of(struct scene *s, const char *path)
{
    struct site_found found = get(s, path);

    assert_int_equal(found.status == 200, found.entry != NULL);
    let_go(s, found);
    return found.status;
}

/* --- the directory --- */

static void full(const struct scene *s, const char *name, char out[NAME_MAX_HERE])
{
    assert_true(snprintf(out, NAME_MAX_HERE, "%s/%s", s->top, name) < NAME_MAX_HERE);
}

static void put_bytes(const struct scene *s, const char *name, const char *bytes, size_t len)
{
    char path[NAME_MAX_HERE];

    full(s, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void put(const struct scene *s, const char *name, const char *text)
{
    put_bytes(s, name, text, strlen(text));
}

static void put_large(const struct scene *s, const char *name)
{
    static const char zeros[LARGE];

    put_bytes(s, name, zeros, sizeof zeros);
}

static void put_directory(const struct scene *s, const char *name)
{
    char path[NAME_MAX_HERE];

    full(s, name, path);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void put_link(const struct scene *s, const char *name, const char *target)
{
    char path[NAME_MAX_HERE];

    full(s, name, path);
    assert_int_equal(symlink(target, path), 0);
}

static void drop(const struct scene *s, const char *name)
{
    char path[NAME_MAX_HERE];

    full(s, name, path);
    assert_int_equal(remove(path), 0);
}

static void rename_over(const struct scene *s, const char *from, const char *to)
{
    char old[NAME_MAX_HERE], new[NAME_MAX_HERE];

    full(s, from, old);
    full(s, to, new);
    assert_int_equal(rename(old, new), 0);
}

/* With or without events. */
static void scene_make(struct scene *s, const struct room *room, bool watched)
{
    const char *tmp = getenv("TMPDIR");
    char path[NAME_MAX_HERE];

    memset(s, 0, sizeof *s);
    s->inotify = watched ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
    snprintf(s->top, sizeof s->top, "%.40s/ringlet-site-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(s->top));
    put_directory(s, "root");
    full(s, "root", path);
    s->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->root >= 0);
    s->now_ms = 1000000;
    s->now_unix = (int64_t)time(NULL) + 1000;

    const struct site_config config = {
        .root = s->root,
        .index = STR("index.html"),
        .inotify = s->inotify,
        .form = { .variants = true },
        .limits = { [CACHE_WHOLE] = { room->bytes, room->entries },
                    [CACHE_OPEN] = { room->bytes, room->descriptors },
                    [CACHE_NEGATIVE] = { room->bytes, room->entries } },
        .seed = 7,
    };
    assert_int_equal(site_init(&s->site, &config), 0);
}

static void scene_open(struct scene *s, const struct room *room)
{
    scene_make(s, room, false);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Every descriptor it was given has come back. */
static void scene_close(struct scene *s)
{
    assert_int_equal(s->site.fill_count, 0);
    site_empty(&s->site);
    for (int i = 0; i < CACHE_SHELVES; i++) {
        assert_int_equal(s->site.cache.shelves[i].entries, 0);
        assert_int_equal(s->site.cache.shelves[i].bytes, 0);
    }
    close_dead(s);
    assert_int_equal(site_dead_fd(&s->site), -1);
    for (int fd = 0; fd < OPEN_MAX_HERE; fd++)
        assert_false(s->open[fd]);
    site_release(&s->site);
    if (s->inotify >= 0)
        close(s->inotify);
    close(s->root);
    assert_int_equal(nftw(s->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void assert_content(const struct site_entry *entry, const char *text)
{
    assert_non_null(entry);
    assert_non_null(entry->bytes);
    if (!str_equal(str_of(entry->bytes, entry->size), str_from(text)))
        fail_msg("\"%.*s\" should be \"%s\"", (int)entry->size, entry->bytes, text);
}

static void assert_serves(struct scene *s, const char *path, const char *text)
{
    struct site_found found = get(s, path);

    assert_int_equal(found.status, 200);
    assert_content(found.entry, text);
    let_go(s, found);
}

/* --- hits and misses --- */

static void a_hit_asks_nothing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "hello");
    assert_null(site_find(&s.site, STR("/a.txt"), s.now_ms));
    struct site_found one = get(&s, "/a.txt");
    assert_content(one.entry, "hello");
    assert_int_equal(one.entry->pins, 1);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 1);

    s.asks = 0;
    struct site_found two = get(&s, "/a.txt");
    assert_int_equal(s.asks, 0);
    assert_ptr_equal(two.entry, one.entry);
    assert_int_equal(two.entry->pins, 2);
    assert_true(two.entry->used);
    let_go(&s, one);
    let_go(&s, two);
    scene_close(&s);
}

/* The file has not changed, and would be served again if only the disk were looked at. */
static void other_rules_make_everything_anew(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "hello");
    struct site_found one = get(&s, "/a.txt");
    site_remake(&s.site);
    assert_null(site_find(&s.site, STR("/a.txt"), s.now_ms));
    assert_false(site_is_filling(&s.site, STR("/a.txt")));
    struct site_found two = get(&s, "/a.txt");
    assert_content(two.entry, "hello");
    assert_ptr_not_equal(two.entry, one.entry);
    assert_false(one.entry->cached);
    assert_ptr_equal(site_find(&s.site, STR("/a.txt"), s.now_ms), two.entry);
    let_go(&s, one);
    let_go(&s, two);
    scene_close(&s);
}

static void each_path_has_its_answer(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/index.html", "top");
    put_directory(&s, "root/dir");
    put(&s, "root/dir/index.html", "dir");
    put_directory(&s, "root/empty");
    put(&s, "root/nothing.txt", "");
    put(&s, "outside.txt", "secret");
    assert_serves(&s, "/", "top");
    assert_serves(&s, "/index.html", "top");
    assert_serves(&s, "/dir/", "dir");
    assert_serves(&s, "/nothing.txt", "");
    assert_int_equal(status_of(&s, "/dir"), 301);
    assert_int_equal(status_of(&s, "/empty"), 301);
    assert_int_equal(status_of(&s, "/empty/"), 404);
    assert_int_equal(status_of(&s, "/index.html/"), 404); /* a slash after a file's name */
    assert_int_equal(status_of(&s, "/index.html/x"), 404);
    assert_int_equal(status_of(&s, "/missing"), 404);
    assert_int_equal(status_of(&s, "/../outside.txt"), 404); /* http refuses it before */
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 4);
    scene_close(&s);
}

static void a_large_file_comes_as_a_descriptor(void **state)
{
    struct scene s;
    char byte;

    (void)state;
    scene_open(&s, &plenty);
    put_large(&s, "root/large.bin");
    struct site_found found = get(&s, "/large.bin");
    assert_int_equal(found.status, 200);
    assert_null(found.entry->bytes);
    assert_int_equal(found.entry->size, LARGE);
    assert_int_equal(pread(found.entry->fd, &byte, 1, LARGE - 1), 1);
    assert_int_equal(s.site.cache.shelves[CACHE_OPEN].entries, 1);
    let_go(&s, found);
    scene_close(&s);
}

/* Where less is held, less is read whole: what could not be held would be a copy for each client.
 */
static void what_could_not_be_held_comes_as_a_descriptor(void **state)
{
    static const struct {
        size_t room, size;
        bool whole;
    } rows[] = {
        { 512 << 10, 120000, true },        { 512 << 10, SITE_WHOLE_MAX, false },
        { 400 << 10, 90 << 10, true },      { 400 << 10, 100 << 10, false },
        { 0, SITE_WHOLE_MIN, true },        { 0, SITE_WHOLE_MIN + 1, false },
        { 1u << 30, SITE_WHOLE_MAX, true }, { 1u << 30, SITE_WHOLE_MAX + 1, false },
    };
    char *bytes = calloc(1, SITE_WHOLE_MAX + 1);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        const struct room room = { rows[i].room, rows[i].room ? 64 : 0, rows[i].room ? 16 : 0 };
        scene_open(&s, &room);
        put_bytes(&s, "root/a", bytes, rows[i].size);
        struct site_found found = get(&s, "/a");
        assert_int_equal(found.status, 200);
        assert_int_equal(found.entry->bytes != NULL, rows[i].whole);
        assert_int_equal(found.entry->fd < 0, rows[i].whole);
        assert_int_equal(found.entry->cached, rows[i].room > 0);
        let_go(&s, found);
        scene_close(&s);
    }
    free(bytes);
}

static void only_regular_files_are_served(void **state)
{
    struct scene s;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char path[NAME_MAX_HERE];

    (void)state;
    scene_open(&s, &plenty);
    full(&s, "root/fifo", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    full(&s, "root/socket", path);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    put_link(&s, "root/through", "fifo");

    assert_int_equal(status_of(&s, "/fifo"), 404);
    assert_int_equal(status_of(&s, "/socket"), 404);
    assert_int_equal(status_of(&s, "/through"), 404);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 0);
    close(fd);
    scene_close(&s);
}

/* --- links --- */

static void links_stay_inside(void **state)
{
    struct scene s;
    char inside[NAME_MAX_HERE];

    (void)state;
    scene_open(&s, &plenty);
    put_directory(&s, "root/dir");
    put(&s, "root/dir/a.txt", "inside");
    put(&s, "outside.txt", "secret");
    full(&s, "root/dir/a.txt", inside);
    put_link(&s, "root/link", "dir/a.txt");
    put_link(&s, "root/dir/up", "../link");
    put_link(&s, "root/folder", "dir");
    put_link(&s, "root/out", "../outside.txt");
    put_link(&s, "root/out_folder", "..");
    put_link(&s, "root/back_in", "../root/dir/a.txt");
    put_link(&s, "root/absolute", inside);
    put_link(&s, "root/etc", "/etc");
    put_link(&s, "root/self", "self");
    put_link(&s, "root/dangling", "missing");
    assert_serves(&s, "/link", "inside");
    assert_serves(&s, "/dir/up", "inside");
    assert_serves(&s, "/folder/a.txt", "inside");
    assert_int_equal(status_of(&s, "/folder"), 301);
    assert_int_equal(status_of(&s, "/out"), 404);
    assert_int_equal(status_of(&s, "/out_folder/outside.txt"), 404);
    assert_int_equal(status_of(&s, "/back_in"), 404);
    assert_int_equal(status_of(&s, "/absolute"), 404);
    assert_int_equal(status_of(&s, "/etc/hostname"), 404);
    assert_int_equal(status_of(&s, "/self"), 404);
    assert_int_equal(status_of(&s, "/dangling"), 404);
    scene_close(&s);
}

static void a_link_that_turns_elsewhere_shows(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put_directory(&s, "root/one");
    put_directory(&s, "root/two");
    put(&s, "root/one/a.txt", "one");
    put(&s, "root/two/a.txt", "two");
    put_link(&s, "root/current", "one");
    assert_serves(&s, "/current/a.txt", "one");
    put_link(&s, "root/next", "two");
    rename_over(&s, "root/next", "root/current");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_serves(&s, "/current/a.txt", "two");

    put_link(&s, "root/next", "../outside");
    put_directory(&s, "outside");
    put(&s, "outside/a.txt", "secret");
    rename_over(&s, "root/next", "root/current");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_int_equal(status_of(&s, "/current/a.txt"), 404);
    scene_close(&s);
}

/* --- what is not there --- */

static void what_is_not_there_is_remembered(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = { { "/missing", 404 }, { "/dir", 301 }, { "/dir/", 404 }, { "/fifo", 404 } };
    struct scene s;
    char path[NAME_MAX_HERE];

    (void)state;
    scene_open(&s, &plenty);
    put_directory(&s, "root/dir");
    full(&s, "root/fifo", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(status_of(&s, cases[i].path), cases[i].status);
        s.asks = 0;
        assert_int_equal(status_of(&s, cases[i].path), cases[i].status);
        assert_int_equal(s.asks, 0);
        assert_null(site_find_literal(&s.site, str_from(cases[i].path), s.now_ms));
    }
    put(&s, "root/missing", "no more");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_serves(&s, "/missing", "no more");
    assert_int_equal(s.site.cache.shelves[CACHE_NEGATIVE].entries, 3);
    scene_close(&s);
}

/* A flood of names that are not there pushes out others like them, and nothing else. */
static void missing_names_push_out_each_other_only(void **state)
{
    const struct room room = { 1 << 20, 8, 8 };
    struct scene s;
    char path[32];

    (void)state;
    scene_open(&s, &room);
    put(&s, "root/a.txt", "hello");
    put_large(&s, "root/large.bin");
    assert_serves(&s, "/a.txt", "hello");
    let_go(&s, get(&s, "/large.bin"));
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "/missing-%d", i);
        assert_int_equal(status_of(&s, path), 404);
        assert_true(s.site.cache.shelves[CACHE_NEGATIVE].entries <= room.entries);
    }
    s.asks = 0;
    assert_serves(&s, "/a.txt", "hello");
    let_go(&s, get(&s, "/large.bin"));
    assert_int_equal(s.asks, 0);
    scene_close(&s);
}

static void a_cache_of_nothing_holds_nothing(void **state)
{
    const struct room room = { 0 };
    struct scene s;

    (void)state;
    scene_open(&s, &room);
    put(&s, "root/a.txt", "hello");
    put_large(&s, "root/large.bin");
    for (int i = 0; i < 2; i++) {
        s.asks = 0;
        assert_serves(&s, "/a.txt", "hello");
        assert_int_equal(s.asks, 6);
        let_go(&s, get(&s, "/large.bin"));
        assert_int_equal(s.asks, 10);
        assert_int_equal(status_of(&s, "/missing"), 404);
        assert_int_equal(s.asks, 11);
    }
    for (int i = 0; i < CACHE_SHELVES; i++)
        assert_int_equal(s.site.cache.shelves[i].entries, 0);
    scene_close(&s);
}

static void memory_is_shared_out(void **state)
{
    static const uint64_t sizes[] = { 0, 1, 1000, 1 << 20, 64 << 20, 1ull << 40 };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct cache_limits limits[CACHE_SHELVES];

        site_share_out(limits, sizes[i], 100);
        assert_int_equal(limits[CACHE_WHOLE].bytes + limits[CACHE_NEGATIVE].bytes, sizes[i]);
        assert_true(limits[CACHE_NEGATIVE].bytes <= SITE_NEGATIVE_BYTES);
        assert_int_equal(limits[CACHE_OPEN].entries, sizes[i] > 0 ? 100 : 0);
    }
}

/* Someone writes into it all the time: it is sent, and looked at anew each time. */
static void what_keeps_changing_is_not_held(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "hello");
    struct site_fill *fill = start(&s, "/a.txt");
    int64_t result = 0;
    while (site_fill_step(&s.site, fill, result, s.now_ms, s.now_unix)) {
        if (fill->state == FILL_AGREEING)
            put(&s, "root/a.txt", s.asks % 2 ? "hell" : "heaven");
        result = carry(&s, &fill->ask);
    }
    assert_int_equal(fill->found.status, 200);
    assert_true(fill->found.entry->fd >= 0);
    assert_false(fill->found.entry->cached);
    site_fill_end(&s.site, fill);
    scene_close(&s);
}

/* --- looking again --- */

static void looks_again_after_a_while(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "hello");
    struct site_found one = get(&s, "/a.txt");
    s.asks = 0;
    s.now_ms += SITE_CHECK_MS;
    let_go(&s, get(&s, "/a.txt"));
    assert_int_equal(s.asks, 0);

    s.now_ms += 1;
    struct site_found two = get(&s, "/a.txt");
    assert_int_equal(s.asks, 2); /* its name and its facts: it is not read again */
    assert_ptr_equal(two.entry, one.entry);
    let_go(&s, two);

    s.asks = 0;
    s.now_ms += SITE_CHECK_MS;
    let_go(&s, get(&s, "/a.txt"));
    assert_int_equal(s.asks, 0);
    let_go(&s, one);
    scene_close(&s);
}

/* What stood on disk before is served to nobody who comes after, and still there for those who have
 * it. */
static void changes_show(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "first");
    struct site_found first = get(&s, "/a.txt");
    assert_content(first.entry, "first");
    put(&s, "root/a.txt", "second, longer");
    assert_serves(&s, "/a.txt", "first"); /* not for longer than SITE_CHECK_MS */
    s.now_ms += SITE_CHECK_MS + 1;
    assert_serves(&s, "/a.txt", "second, longer");
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 1);
    assert_content(first.entry, "first");
    assert_false(first.entry->cached);
    let_go(&s, first);

    put(&s, "root/new", "third");
    rename_over(&s, "root/new", "root/a.txt");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_serves(&s, "/a.txt", "third");

    drop(&s, "root/a.txt");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_int_equal(status_of(&s, "/a.txt"), 404);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 0);

    put_directory(&s, "root/a.txt");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_int_equal(status_of(&s, "/a.txt"), 301);
    scene_close(&s);
}

/* Same size, and its time of modification set back: only the time of change tells. */
static void changes_in_disguise_show(void **state)
{
    struct scene s;
    char path[NAME_MAX_HERE];
    const struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 }; /* of the file system's clock */
    struct stat before;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "first");
    full(&s, "root/a.txt", path);
    assert_int_equal(stat(path, &before), 0);
    assert_serves(&s, "/a.txt", "first");
    nanosleep(&tick, NULL);
    put(&s, "root/a.txt", "other");
    const struct timespec times[2] = { before.st_atim, before.st_mtim };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    s.now_ms += SITE_CHECK_MS + 1;
    assert_serves(&s, "/a.txt", "other");
    scene_close(&s);
}

/* The times of a file that was only just written can't tell: it is read again, whatever they say.
 */
static void young_files_are_read_again(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    s.now_unix = (int64_t)time(NULL);
    put(&s, "root/a.txt", "hello");
    struct site_found one = get(&s, "/a.txt");
    s.now_ms += SITE_CHECK_MS + 1;
    struct site_found two = get(&s, "/a.txt");
    assert_ptr_not_equal(one.entry, two.entry);
    assert_content(two.entry, "hello");
    assert_false(one.entry->cached);
    assert_true(two.entry->cached);
    let_go(&s, one);
    let_go(&s, two);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 1);
    scene_close(&s);
}

/* --- one fill for many --- */

static void many_wait_for_one_fill(void **state)
{
    struct scene s;
    bool started = true;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "hello");
    put(&s, "root/b.txt", "there");
    struct site_fill *a = start(&s, "/a.txt"), *b = start(&s, "/b.txt");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(site_fill(&s.site, STR("/a.txt"), &started), a);
    assert_false(started);
    assert_int_equal(s.site.fill_count, 2);
    assert_null(site_find(&s.site, STR("/a.txt"), s.now_ms));

    run(&s, a);
    assert_content(a->found.entry, "hello");
    assert_ptr_equal(site_fill(&s.site, STR("/b.txt"), &started), b);
    run(&s, b);

    /* Over, and those who waited still to be told: who comes now does not wait with them. */
    s.now_ms += SITE_CHECK_MS + 1;
    struct site_fill *next = start(&s, "/a.txt");
    assert_ptr_not_equal(next, a);
    assert_ptr_equal(next->old, a->found.entry);
    site_fill_end(&s.site, a);
    run(&s, next);
    assert_content(next->found.entry, "hello");
    site_fill_end(&s.site, next);
    site_fill_end(&s.site, b);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 2);
    scene_close(&s);
}

/* In any order of its steps, each fill has its own answer. */
static void fills_do_not_mix(void **state)
{
    enum { FILES = 40 };
    struct scene s;
    struct site_fill *fills[FILES];
    int64_t results[FILES] = { 0 };
    uint64_t seed = seed_draw("fills");
    char path[16], text[16];

    (void)state;
    scene_open(&s, &plenty);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "root/%d", i);
        snprintf(text, sizeof text, "file %d", i);
        put(&s, path, text);
        fills[i] = start(&s, path + strlen("root"));
    }
    for (int left = FILES; left > 0;) {
        uint64_t i = seed_below(&seed, FILES);
        if (!fills[i])
            continue;
        if (site_fill_step(&s.site, fills[i], results[i], s.now_ms, s.now_unix)) {
            results[i] = carry(&s, &fills[i]->ask);
            continue;
        }
        snprintf(text, sizeof text, "file %d", (int)i);
        assert_content(fills[i]->found.entry, text);
        site_fill_end(&s.site, fills[i]);
        fills[i] = NULL;
        left--;
    }
    scene_close(&s);
}

/* A fill that is given up takes what it held with it. */
static void a_fill_given_up_leaves_nothing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, &plenty);
    put(&s, "root/a.txt", "hello");
    for (unsigned steps = 0; steps < 6; steps++) {
        struct site_fill *fill = start(&s, "/a.txt");
        int64_t result = 0;
        for (unsigned i = 0; i < steps; i++) {
            assert_true(site_fill_step(&s.site, fill, result, s.now_ms, s.now_unix));
            result = carry(&s, &fill->ask);
        }
        if (result > 0 &&
            fill->ask.kind == SITE_ASK_OPEN) { /* its outcome is known to nobody else */
            s.open[result] = false;
            close((int)result);
        }
        assert_false(site_fill_step(&s.site, fill, -ENOMEM, s.now_ms, s.now_unix));
        assert_int_equal(fill->found.status, 503);
        assert_null(fill->found.entry);
        site_fill_end(&s.site, fill);
        close_dead(&s);
        for (int fd = 0; fd < OPEN_MAX_HERE; fd++)
            assert_false(s.open[fd]);
    }
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 0);
    scene_close(&s);
}

/* --- letting go --- */

static void what_is_pinned_outlives_its_place(void **state)
{
    const struct room limits = { 1 << 20, 1, 1 };
    struct scene s;

    (void)state;
    scene_open(&s, &limits);
    put(&s, "root/a.txt", "first");
    put(&s, "root/b.txt", "second");
    struct site_found a = get(&s, "/a.txt"), b = get(&s, "/b.txt");
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 1);
    assert_null(site_find(&s.site, STR("/a.txt"), s.now_ms));
    assert_content(a.entry, "first");
    site_pin(a.entry);
    let_go(&s, a);
    assert_content(a.entry, "first");
    let_go(&s, a);
    let_go(&s, b);
    assert_serves(&s, "/b.txt", "second");
    scene_close(&s);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void a_descriptor_dies_with_its_last_pin(void **state)
{
    const struct room limits = { 1 << 20, 8, 1 };
    struct scene s;

    (void)state;
    scene_open(&s, &limits);
    put_large(&s, "root/a.bin");
    put_large(&s, "root/b.bin");
    struct site_found a = get(&s, "/a.bin"), b = get(&s, "/b.bin");
    int a_fd = a.entry->fd, b_fd = b.entry->fd;
    assert_int_equal(s.site.cache.shelves[CACHE_OPEN].entries, 1);
    assert_false(a.entry->cached);
    assert_int_equal(site_dead_fd(&s.site), -1);
    assert_true(is_open(a_fd));

    site_unpin(&s.site, a.entry);
    assert_int_equal(site_dead_fd(&s.site), a_fd);
    assert_int_equal(site_dead_fd(&s.site), -1);
    assert_true(is_open(a_fd)); /* the caller's to close */
    s.open[a_fd] = false;
    close(a_fd);

    site_unpin(&s.site, b.entry);
    assert_int_equal(site_dead_fd(&s.site), -1); /* cached */
    site_empty(&s.site);
    assert_int_equal(site_dead_fd(&s.site), b_fd);
    s.open[b_fd] = false;
    close(b_fd);
    scene_close(&s);
}

/* More of them than the list has room for at first. */
static void many_descriptors_die_once_each(void **state)
{
    enum { FILES = 40 };
    const struct room limits = { 1 << 20, FILES, FILES };
    struct scene s;
    char path[32];

    (void)state;
    scene_open(&s, &limits);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "root/%d.bin", i);
        put_large(&s, path);
        let_go(&s, get(&s, path + strlen("root")));
    }
    assert_int_equal(s.site.cache.shelves[CACHE_OPEN].entries, FILES);
    scene_close(&s);
}

static void what_is_too_big_to_hold_is_served_once(void **state)
{
    const struct room limits = { 8192, 8, 8 };
    static char text[3000];
    struct scene s;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    scene_open(&s, &limits);
    put(&s, "root/small.txt", "small");
    put(&s, "root/big.txt", text); /* more than a quarter of all there is */
    assert_serves(&s, "/small.txt", "small");
    assert_serves(&s, "/big.txt", text);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 1);
    assert_null(site_find(&s.site, STR("/big.txt"), s.now_ms));
    scene_close(&s);
}

/* While it was looked at again it was pushed out: it is still the answer, and gets its place back.
 */
static void what_was_pushed_out_meanwhile_comes_back(void **state)
{
    const struct room limits = { 1 << 20, 1, 1 };
    struct scene s;

    (void)state;
    scene_open(&s, &limits);
    put(&s, "root/a.txt", "first");
    put(&s, "root/b.txt", "second");
    assert_serves(&s, "/a.txt", "first");
    s.now_ms += SITE_CHECK_MS + 1;
    struct site_fill *fill = start(&s, "/a.txt");
    assert_serves(&s, "/b.txt", "second");
    assert_false(fill->old->cached);
    run(&s, fill);
    assert_int_equal(fill->found.status, 200);
    assert_ptr_equal(fill->found.entry, fill->old);
    site_fill_end(&s.site, fill);
    s.asks = 0;
    assert_serves(&s, "/a.txt", "first");
    assert_int_equal(s.asks, 0);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].entries, 1);
    scene_close(&s);
}

/* --- events --- */

/* What is served after something has happened, with no time passing. */
static void assert_turns(struct scene *s, const char *path, const char *text)
{
    if (text)
        assert_serves(s, path, text);
    else
        assert_int_equal(status_of(s, path), 404);
}

static void events_show_at_once(void **state)
{
    struct scene s;
    char name[NAME_MAX_HERE];

    (void)state;
    scene_make(&s, &plenty, true);
    put_directory(&s, "root/dir");
    put(&s, "root/dir/a.txt", "first");
    assert_serves(&s, "/dir/a.txt", "first");
    put(&s, "root/dir/a.txt", "in place"); /* written in place */
    assert_turns(&s, "/dir/a.txt", "in place");
    put(&s, "root/dir/new", "renamed");
    rename_over(&s, "root/dir/new", "root/dir/a.txt");
    assert_turns(&s, "/dir/a.txt", "renamed");
    drop(&s, "root/dir/a.txt");
    assert_turns(&s, "/dir/a.txt", NULL);
    put(&s, "root/dir/a.txt", "back");
    assert_turns(&s, "/dir/a.txt", "back");

    assert_int_equal(status_of(&s, "/dir/"), 404);
    put(&s, "root/dir/index.html", "index");
    assert_turns(&s, "/dir/", "index");
    drop(&s, "root/dir/index.html");
    assert_turns(&s, "/dir/", NULL);

    put_directory(&s, "root/other"); /* a directory moved away, and another into its place */
    put(&s, "root/other/a.txt", "other");
    rename_over(&s, "root/dir", "root/gone");
    assert_turns(&s, "/dir/a.txt", NULL);
    rename_over(&s, "root/other", "root/dir");
    assert_turns(&s, "/dir/a.txt", "other");
    assert_turns(&s, "/gone/a.txt", "back");

    assert_int_equal(status_of(&s, "/not/yet/there.txt"), 404);
    put_directory(&s, "root/not");
    put_directory(&s, "root/not/yet");
    put(&s, "root/not/yet/there.txt", "now");
    assert_turns(&s, "/not/yet/there.txt", "now");

    assert_int_equal(status_of(&s, "/dir"), 301);
    rename_over(&s, "root/dir", "root/gone2");
    put(&s, "root/dir", "a file");
    assert_turns(&s, "/dir", "a file");
    full(&s, "root/dir", name);
    assert_int_equal(chmod(name, 0600), 0);
    listen_to(&s);
    assert_null(site_find(&s.site, STR("/dir"), s.now_ms));
    scene_close(&s);
}

static void links_show_at_once(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    put_directory(&s, "root/one");
    put_directory(&s, "root/two");
    put(&s, "root/one/a.txt", "one");
    put(&s, "root/two/a.txt", "two");
    put_link(&s, "root/..data", "one"); /* as Kubernetes does */
    put_link(&s, "root/a.txt", "..data/a.txt");
    put_link(&s, "root/folder", "one/../one");
    assert_serves(&s, "/a.txt", "one");
    assert_serves(&s, "/folder/a.txt", "one");
    put_link(&s, "root/..next", "two");
    rename_over(&s, "root/..next", "root/..data");
    assert_turns(&s, "/a.txt", "two");
    put(&s, "root/two/a.txt", "two again");
    assert_turns(&s, "/a.txt", "two again");
    put_link(&s, "root/next", "two");
    rename_over(&s, "root/next", "root/folder");
    assert_turns(&s, "/folder/a.txt", "two again");
    drop(&s, "root/a.txt");
    put_link(&s, "root/a.txt", "/etc/hostname");
    assert_turns(&s, "/a.txt", NULL);
    drop(&s, "root/a.txt");
    put_link(&s, "root/a.txt", "one/a.txt");
    assert_turns(&s, "/a.txt", "one");
    scene_close(&s);
}

/* A directory is surveyed once for all that lie in it, and a hit asks nothing. */
static void one_survey_serves_a_directory(void **state)
{
    struct scene s;
    char path[32];

    (void)state;
    scene_make(&s, &plenty, true);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "root/%d", i);
        put(&s, path, path);
        assert_serves(&s, path + strlen("root"), path);
    }
    assert_int_equal(status_of(&s, "/missing"), 404);
    assert_int_equal(s.surveys, 1);
    s.asks = 0;
    s.now_ms += SITE_WATCHED_MS - 1; /* events tell, so there is time */
    assert_serves(&s, "/7", "root/7");
    assert_int_equal(status_of(&s, "/missing"), 404);
    assert_int_equal(s.asks, 0);
    s.now_ms += 2;
    assert_serves(&s, "/7", "root/7");
    assert_true(s.asks > 0);
    assert_int_equal(s.surveys, 1);
    scene_close(&s);
}

/* Under another name it can be changed unseen. */
static void two_names_are_looked_at_each_second(void **state)
{
    struct scene s;
    char one[NAME_MAX_HERE], two[NAME_MAX_HERE];

    (void)state;
    scene_make(&s, &plenty, true);
    put(&s, "root/a.txt", "first");
    full(&s, "root/a.txt", one);
    full(&s, "elsewhere.txt", two);
    assert_int_equal(link(one, two), 0);
    assert_serves(&s, "/a.txt", "first");
    put(&s, "elsewhere.txt", "second!");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_serves(&s, "/a.txt", "second!");
    scene_close(&s);
}

/* It changes after it was opened: those who wait have their answer, nobody else, and it is not
 * held. Who comes later has a fill of his own. */
static void a_change_during_a_fill_detaches_it(void **state)
{
    bool started;

    (void)state;
    for (unsigned steps = 0; steps < 6; steps++) {
        struct scene s;
        int64_t result = 0;

        scene_make(&s, &plenty, true);
        put(&s, "root/a.txt", "first");
        struct site_fill *fill = start(&s, "/a.txt");
        for (unsigned i = 0; i <= steps; i++) {
            assert_true(site_fill_step(&s.site, fill, result, s.now_ms, s.now_unix));
            result = carry(&s, &fill->ask);
        }
        put(&s, "root/new", "second");
        rename_over(&s, "root/new", "root/a.txt");
        listen_to(&s);
        struct site_fill *later = site_fill(&s.site, STR("/a.txt"), &started);
        assert_int_equal(started, steps > 0); /* before the way is known anything is possible */
        if (started) {
            run(&s, later);
            assert_content(later->found.entry, "second");
            site_fill_end(&s.site, later);
        }
        while (site_fill_step(&s.site, fill, result, s.now_ms, s.now_unix))
            result = carry(&s, &fill->ask);
        assert_int_equal(fill->found.status, 200);
        site_fill_end(&s.site, fill);
        assert_serves(&s, "/a.txt", "second");
        scene_close(&s);
    }
}

static void lost_events_make_all_be_looked_at(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    put(&s, "root/a.txt", "first");
    assert_serves(&s, "/a.txt", "first");
    listen_to(&s);
    put(&s, "root/a.txt", "second");
    char bytes[4096];
    while (read(s.inotify, bytes, sizeof bytes) > 0)
        continue; /* lost */
    site_changed(&s.site, -1, IN_Q_OVERFLOW, STR(""));
    assert_serves(&s, "/a.txt", "second");
    put(&s, "root/a.txt", "third"); /* and watched again */
    assert_serves(&s, "/a.txt", "third");
    scene_close(&s);
}

/* What nobody needs is not watched for ever. */
static void watches_are_let_go(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    for (int round = 0; round < 20; round++) {
        put_directory(&s, "root/dir");
        put(&s, "root/dir/a.txt", "text");
        assert_serves(&s, "/dir/a.txt", "text");
        assert_true(s.site.routes.watches.count <= 2);
        assert_true(s.site.routes.count <= 2);
        drop(&s, "root/dir/a.txt");
        drop(&s, "root/dir");
        assert_int_equal(status_of(&s, "/dir/a.txt"), 404);
    }
    scene_close(&s);
}

/* More directories than there may be routes. */
static void routes_are_bounded(void **state)
{
    struct scene s;
    char path[32];

    (void)state;
    scene_make(&s, &plenty, true);
    for (int i = 0; i < ROUTES_MAX + 50; i++) {
        snprintf(path, sizeof path, "/%d/a.txt", i);
        assert_int_equal(status_of(&s, path), 404);
        assert_true(s.site.routes.count <= ROUTES_MAX);
    }
    put_directory(&s, "root/0");
    put(&s, "root/0/a.txt", "there");
    assert_serves(&s, "/0/a.txt", "there");
    scene_close(&s);
}

/* --- anything in any order --- */

enum { FILES = 12, PINS = 6, STEPS = 3000, GONE = 0 };

/* A version of a file is its size; versions of large files are beyond SITE_WHOLE_MAX. */
struct model {
    struct scene scene;
    uint64_t late_ms; /* for how long what is gone may still be served */
    uint64_t seed;
    size_t now[FILES];               /* on disk; GONE if it is not there */
    uint64_t until_ms[FILES][STEPS]; /* when the version of that number was last on disk */
    unsigned version[FILES];
    size_t sizes[FILES][STEPS];
    struct site_found pinned[PINS];
    size_t pinned_size[PINS];
};

static void write_version(struct model *m, uint64_t file)
{
    static const char bytes[LARGE + STEPS];
    char name[16];
    unsigned version = ++m->version[file];

    assert_true(version < STEPS);
    m->until_ms[file][version - 1] = m->scene.now_ms;
    size_t size = version + (seed_once_in(&m->seed, 5) ? LARGE - 1 : 0);
    snprintf(name, sizeof name, "root/%d", (int)file);
    if (seed_once_in(&m->seed, 2)) {
        put_bytes(&m->scene, "root/new", bytes, size);
        rename_over(&m->scene, "root/new", name);
    } else {
        put_bytes(&m->scene, name, bytes, size);
    }
    m->sizes[file][version] = m->now[file] = size;
}

static void delete_file(struct model *m, uint64_t file)
{
    char name[16];

    if (m->now[file] == GONE)
        return;
    snprintf(name, sizeof name, "root/%d", (int)file);
    drop(&m->scene, name);
    unsigned version = ++m->version[file];
    m->until_ms[file][version - 1] = m->scene.now_ms;
    m->sizes[file][version] = m->now[file] = GONE;
}

/* Was this on disk at some time since late_ms ago? */
static bool was_there(const struct model *m, uint64_t file, size_t size)
{
    for (unsigned version = m->version[file];; version--) {
        if (m->sizes[file][version] == size)
            return true;
        if (version == 0 || m->until_ms[file][version - 1] + m->late_ms < m->scene.now_ms)
            return false;
    }
}

static void ask_for(struct model *m, uint64_t file)
{
    char path[16];
    uint64_t place = seed_below(&m->seed, PINS);

    snprintf(path, sizeof path, "/%d", (int)file);
    struct site_found found = get(&m->scene, path);
    assert_true(found.status == (found.entry ? 200 : 404));
    size_t size = found.entry ? found.entry->size : GONE;
    assert_true(was_there(m, file, size));
    if (m->pinned[place].entry)
        assert_int_equal(m->pinned[place].entry->size, m->pinned_size[place]);
    let_go(&m->scene, m->pinned[place]);
    m->pinned[place] = found;
    m->pinned_size[place] = size;
}

static void random_changes(bool watched)
{
    const struct room limits = { 8192, 6, 2 };
    struct model *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->seed = seed_draw("site");
    m->late_ms = watched ? 0 : SITE_CHECK_MS;
    scene_make(&m->scene, &limits, watched);
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t file = seed_below(&m->seed, FILES);
        switch (seed_below(&m->seed, 10)) {
        case 0:
            write_version(m, file);
            break;
        case 1:
            delete_file(m, file);
            break;
        case 2:
            m->scene.now_ms += seed_below(&m->seed, SITE_CHECK_MS);
            break;
        default:
            ask_for(m, file);
        }
        const struct cache_shelf *shelves = m->scene.site.cache.shelves;
        assert_true(shelves[CACHE_WHOLE].bytes <= limits.bytes);
        assert_true(shelves[CACHE_WHOLE].entries <= limits.entries);
        assert_true(shelves[CACHE_NEGATIVE].entries <= limits.entries);
        assert_true(shelves[CACHE_OPEN].entries <= limits.descriptors);
    }
    for (int i = 0; i < PINS; i++)
        let_go(&m->scene, m->pinned[i]);
    scene_close(&m->scene);
    free(m);
}

static void never_serves_what_is_long_gone(void **state)
{
    (void)state;
    random_changes(false);
}

static void never_serves_what_is_gone(void **state)
{
    (void)state;
    random_changes(true);
}

/* --- what answers for a directory --- */

static void indexes_are_tried_in_order(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    s.site.config.index = STR("one.html,two.txt");
    put_directory(&s, "root/dir");
    assert_int_equal(status_of(&s, "/dir/"), 404);
    put(&s, "root/dir/two.txt", "two");
    assert_turns(&s, "/dir/", "two");
    struct site_found found = get(&s, "/dir/");
    assert_true(str_starts(found.entry->type, STR("text/plain")));
    let_go(&s, found);
    put(&s, "root/dir/one.html", "one");
    assert_turns(&s, "/dir/", "one");
    put(&s, "root/dir/two.txt", "later");
    assert_turns(&s, "/dir/", "one");
    drop(&s, "root/dir/one.html");
    assert_turns(&s, "/dir/", "later");
    put_directory(&s, "root/dir/one.html"); /* a directory of that name is no page */
    assert_turns(&s, "/dir/", "later");
    drop(&s, "root/dir/two.txt");
    assert_turns(&s, "/dir/", NULL);
    s.site.config.index = STR("");
    put(&s, "root/dir/index.html", "no index");
    s.now_ms += SITE_WATCHED_MS + 1;
    assert_int_equal(status_of(&s, "/dir/"), 404);
    assert_int_equal(status_of(&s, "/"), 404);
    assert_int_equal(status_of(&s, "/none/"), 404);
    scene_close(&s);
}

/* A link that leads nowhere is passed over; what it leads to later is seen within a second. */
static void an_index_behind_a_link(void **state)
{
    struct scene s;
    char name[NAME_MAX_HERE];

    (void)state;
    scene_make(&s, &plenty, true);
    s.site.config.index = STR("one.html,two.html");
    put(&s, "root/two.html", "two");
    full(&s, "root/one.html", name);
    assert_int_equal(symlink("target/page.html", name), 0);
    assert_turns(&s, "/", "two");
    put_directory(&s, "root/target");
    put(&s, "root/target/page.html", "one");
    s.now_ms += SITE_CHECK_MS + 1;
    assert_turns(&s, "/", "one");
    scene_close(&s);
}

static struct site_found get_listing(struct scene *s, const char *path, unsigned form)
{
    char space[256];
    struct text key = text_in(space, sizeof space);

    listing_key(&key, str_from(path), listing_form_of(form));
    return get_key(s, text_str(&key));
}

/* Every form of the listing has the text, or none has. */
static void assert_lists(struct scene *s, const char *path, const char *text, bool there)
{
    for (unsigned i = 0; i < LISTING_FORMS; i++) {
        struct site_found found = get_listing(s, path, i);
        assert_int_equal(found.status, 200);
        const char *at = memmem(found.entry->bytes, found.entry->size, text, strlen(text));
        if ((at != NULL) != there)
            fail_msg("%s in %.*s", text, (int)found.entry->size, found.entry->bytes);
        let_go(s, found);
    }
}

static void listings_are_held_and_follow(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    s.site.config.listing = true;
    put_directory(&s, "root/dir");
    put(&s, "root/dir/a.txt", "first");
    assert_lists(&s, "/dir/", "./a.txt", true);
    s.asks = 0;
    assert_lists(&s, "/dir/", "./a.txt", true);
    assert_int_equal(s.asks, 0);

    put(&s, "root/dir/b.txt", "");
    assert_lists(&s, "/dir/", "./b.txt", true);
    put(&s, "root/dir/b.txt", "1234567");
    assert_lists(&s, "/dir/", "7", true);
    rename_over(&s, "root/dir/b.txt", "root/dir/c.txt");
    assert_lists(&s, "/dir/", "./b.txt", false);
    assert_lists(&s, "/dir/", "./c.txt", true);
    drop(&s, "root/dir/c.txt");
    assert_lists(&s, "/dir/", "./c.txt", false);
    assert_lists(&s, "/", "./dir/", true);
    rename_over(&s, "root/dir", "root/moved");
    assert_int_equal(get_listing(&s, "/dir/", 0).status, 404);
    assert_lists(&s, "/", "./moved/", true);
    assert_lists(&s, "/moved/", "./a.txt", true);
    scene_close(&s);
}

/* --- variants --- */

/* Which variants the file is known to have, and what one of them is: NULL for not there. */
static void assert_variants(struct scene *s, const char *path, unsigned codings, const char *br)
{
    char space[VARIANT_KEY_MAX];
    struct site_found file = get(s, path);
    struct str key = variant_key(str_from(path), file.entry->index, HTTP_BR, space);
    struct site_found variant = get_key(s, key);

    assert_int_equal(file.status, 200);
    assert_int_equal(file.entry->codings, codings);
    assert_int_equal(variant.status, br ? 200 : 404);
    if (br)
        assert_content(variant.entry, br);
    let_go(s, file);
    let_go(s, variant);
}

/* Whatever becomes of a variant, and of a file that is a link, whose way is another one. */
static void variants_are_never_stale(struct scene *s, const char *path, const char *br,
                                     const char *gz, unsigned wait_ms)
{
    assert_variants(s, path, 0, NULL);
    put(s, br, "first");
    s->now_ms += wait_ms;
    assert_variants(s, path, 1u << HTTP_BR, "first");
    put(s, "root/new", "second");
    rename_over(s, "root/new", br);
    s->now_ms += wait_ms;
    assert_variants(s, path, 1u << HTTP_BR, "second");
    put(s, gz, "other");
    s->now_ms += wait_ms;
    assert_variants(s, path, 1u << HTTP_BR | 1u << HTTP_GZIP, "second");
    drop(s, br);
    s->now_ms += wait_ms;
    assert_variants(s, path, 1u << HTTP_GZIP, NULL);
    drop(s, gz);
    s->now_ms += wait_ms;
    assert_variants(s, path, 0, NULL);
}

static void variants_come_and_go(void **state)
{
    struct scene s;

    (void)state;
    for (int watched = 0; watched < 2; watched++) {
        unsigned wait_ms = watched ? 0 : SITE_CHECK_MS + 1;
        scene_make(&s, &plenty, watched);
        put_directory(&s, "root/d");
        put(&s, "root/a.js", "file");
        put(&s, "root/d/index.html", "index");
        put_link(&s, "root/link.js", "a.js");
        variants_are_never_stale(&s, "/a.js", "root/a.js.br", "root/a.js.gz", wait_ms);
        variants_are_never_stale(&s, "/d/", "root/d/index.html.br", "root/d/index.html.gz",
                                 wait_ms);
        variants_are_never_stale(&s, "/link.js", "root/link.js.br", "root/link.js.gz", wait_ms);
        scene_close(&s);
    }
}

/* The way to the directory is forgotten; the link's own is not. */
static void a_link_learns_of_its_variants_by_its_own_way(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    put(&s, "root/a.js", "file");
    put_link(&s, "root/link.js", "a.js");
    assert_variants(&s, "/link.js", 0, NULL);
    struct site_route *way = routes_find(&s.site.routes, STR("/"), site_hash(&s.site, STR("/")));
    assert_non_null(way);
    routes_kill(&s.site.routes, way);
    put(&s, "root/link.js.br", "first");
    assert_variants(&s, "/link.js", 1u << HTTP_BR, "first");
    scene_close(&s);
}

static void a_variant_by_its_own_name_is_a_file(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    put(&s, "root/a.js", "file");
    put(&s, "root/a.js.br", "variant");
    assert_variants(&s, "/a.js", 1u << HTTP_BR, "variant");
    struct site_found found = get(&s, "/a.js.br");
    assert_content(found.entry, "variant");
    assert_true(str_equal(found.entry->type, STR("application/octet-stream")));
    assert_true(found.entry->literal);
    let_go(&s, found);
    scene_close(&s);
}

/* What is filled while a variant comes is told to those who wait, and not held. */
static void a_variant_that_comes_meanwhile(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    put(&s, "root/a.js", "file");
    struct site_fill *fill = start(&s, "/a.js");
    int64_t result = 0;
    while (site_fill_step(&s.site, fill, result, s.now_ms, s.now_unix)) {
        bool reads = fill->ask.kind == SITE_ASK_READ;
        result = carry(&s, &fill->ask);
        if (reads) {
            put(&s, "root/a.js.br", "variant");
            listen_to(&s);
        }
    }
    assert_int_equal(fill->found.entry->codings, 0);
    site_fill_end(&s.site, fill);
    close_dead(&s);
    assert_variants(&s, "/a.js", 1u << HTTP_BR, "variant");
    scene_close(&s);
}

/* Of two that could answer for a directory one does, and only that one's variants are its own. */
static void an_index_has_its_own_variants(void **state)
{
    struct scene s;

    (void)state;
    scene_make(&s, &plenty, true);
    s.site.config.index = STR("one.html,two.html");
    put_directory(&s, "root/d");
    put(&s, "root/d/two.html", "two");
    put(&s, "root/d/one.html.br", "variant of nothing");
    assert_variants(&s, "/d/", 0, NULL);
    put(&s, "root/d/two.html.br", "variant of two");
    assert_variants(&s, "/d/", 1u << HTTP_BR, "variant of two");
    put(&s, "root/d/one.html", "one");
    assert_variants(&s, "/d/", 1u << HTTP_BR, "variant of nothing");
    drop(&s, "root/d/one.html");
    assert_variants(&s, "/d/", 1u << HTTP_BR, "variant of two");
    scene_close(&s);
}

/* --- what is made of a file --- */

static const struct entry_rules no_rules;

static void compressing_scene(struct scene *s, size_t room)
{
    const struct room whole = { room, 64, 16 };
    char text[2000];

    scene_make(s, &whole, true);
    s->site.config.form.compress = true;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    put(s, "root/a.txt", text);
}

/* A long text is held whole where it is to be compressed, and only there. */
static void long_texts_are_held_to_be_compressed(void **state)
{
    static const struct {
        const char *name;
        size_t size;
        bool whole;
    } rows[] = {
        { "a.txt", SITE_WHOLE_MAX + 1, true },
        { "b.txt", SITE_TEXT_MAX, true },
        { "c.txt", SITE_TEXT_MAX + 1, false },
        { "a.png", SITE_WHOLE_MAX + 1, false },
    };
    char *bytes = calloc(1, SITE_TEXT_MAX + 1);
    struct scene s;

    (void)state;
    assert_non_null(bytes);
    compressing_scene(&s, 8 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[32], path[32];
        snprintf(name, sizeof name, "root/%s", rows[i].name);
        snprintf(path, sizeof path, "/%s", rows[i].name);
        put_bytes(&s, name, bytes, rows[i].size);
        struct site_found file = get(&s, path);
        assert_int_equal(file.entry->bytes != NULL, rows[i].whole);
        assert_int_equal(file.entry->unmade, rows[i].whole ? COMPRESS_CODINGS : 0);
        let_go(&s, file);
    }
    scene_close(&s);
    free(bytes);
}

static void what_is_made_is_counted_and_goes_with_its_file(void **state)
{
    struct scene s;

    (void)state;
    compressing_scene(&s, 1 << 20);
    struct site_found file = get(&s, "/a.txt");
    assert_int_equal(file.entry->unmade, COMPRESS_CODINGS);
    assert_true(str_starts(file.entry->shared, STR("Vary: Accept-Encoding\r\n")));
    size_t before = s.site.cache.shelves[CACHE_WHOLE].bytes;
    site_add_made(&s.site, file.entry, HTTP_BR, STR("made"), &no_rules, s.now_unix);
    struct site_entry *made = file.entry->made[HTTP_BR];
    assert_content(made, "made");
    assert_true(str_ends(made->validators.etag, STR("-br\"")));
    assert_int_equal(file.entry->codings, COMPRESS_CODINGS);
    assert_int_equal(file.entry->unmade, COMPRESS_CODINGS & ~(1 << HTTP_BR));
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].bytes, before + made->held);

    site_pin(made); /* being sent */
    put(&s, "root/a.txt", "new");
    listen_to(&s);
    assert_int_equal(s.site.cache.shelves[CACHE_WHOLE].bytes, 0);
    assert_null(file.entry->made[HTTP_BR]);
    assert_int_equal(file.entry->codings, 0);
    assert_content(made, "made");
    site_unpin(&s.site, made);
    site_add_made(&s.site, file.entry, HTTP_GZIP, STR("late"), &no_rules, s.now_unix);
    assert_null(file.entry->made[HTTP_GZIP]);
    let_go(&s, file);
    scene_close(&s);
}

static void what_saves_nothing_is_not_tried_again(void **state)
{
    struct scene s;

    (void)state;
    compressing_scene(&s, 1 << 20);
    struct site_found file = get(&s, "/a.txt");
    site_add_made(&s.site, file.entry, HTTP_BR, STR(""), &no_rules, s.now_unix);
    assert_int_equal(file.entry->codings, COMPRESS_CODINGS & ~(1 << HTTP_BR));
    assert_int_equal(file.entry->unmade, file.entry->codings);
    let_go(&s, file);
    scene_close(&s);
}

/* A large part of the room is for no file alone, nor for what was made of it. */
static void what_is_made_needs_room(void **state)
{
    struct scene s;

    (void)state;
    compressing_scene(&s, 4 * 4096);
    struct site_found file = get(&s, "/a.txt");
    assert_true(file.entry->cached);
    char text[1900];
    memset(text, 'y', sizeof text);
    site_add_made(&s.site, file.entry, HTTP_BR, str_of(text, sizeof text), &no_rules, s.now_unix);
    assert_null(file.entry->made[HTTP_BR]);
    let_go(&s, file);
    scene_close(&s);
}

static void what_lies_beside_is_not_made(void **state)
{
    struct scene s;

    (void)state;
    compressing_scene(&s, 1 << 20);
    put(&s, "root/a.txt.br", "br");
    struct site_found file = get(&s, "/a.txt");
    assert_int_equal(file.entry->beside, 1 << HTTP_BR);
    assert_int_equal(file.entry->unmade, COMPRESS_CODINGS & ~(1 << HTTP_BR));
    let_go(&s, file);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexes_are_tried_in_order),
        cmocka_unit_test(an_index_behind_a_link),
        cmocka_unit_test(listings_are_held_and_follow),
        cmocka_unit_test(a_hit_asks_nothing),
        cmocka_unit_test(other_rules_make_everything_anew),
        cmocka_unit_test(each_path_has_its_answer),
        cmocka_unit_test(a_large_file_comes_as_a_descriptor),
        cmocka_unit_test(what_could_not_be_held_comes_as_a_descriptor),
        cmocka_unit_test(only_regular_files_are_served),
        cmocka_unit_test(links_stay_inside),
        cmocka_unit_test(a_link_that_turns_elsewhere_shows),
        cmocka_unit_test(what_is_not_there_is_remembered),
        cmocka_unit_test(missing_names_push_out_each_other_only),
        cmocka_unit_test(a_cache_of_nothing_holds_nothing),
        cmocka_unit_test(memory_is_shared_out),
        cmocka_unit_test(what_keeps_changing_is_not_held),
        cmocka_unit_test(looks_again_after_a_while),
        cmocka_unit_test(changes_show),
        cmocka_unit_test(changes_in_disguise_show),
        cmocka_unit_test(young_files_are_read_again),
        cmocka_unit_test(many_wait_for_one_fill),
        cmocka_unit_test(fills_do_not_mix),
        cmocka_unit_test(a_fill_given_up_leaves_nothing),
        cmocka_unit_test(what_is_pinned_outlives_its_place),
        cmocka_unit_test(a_descriptor_dies_with_its_last_pin),
        cmocka_unit_test(many_descriptors_die_once_each),
        cmocka_unit_test(what_is_too_big_to_hold_is_served_once),
        cmocka_unit_test(what_was_pushed_out_meanwhile_comes_back),
        cmocka_unit_test(events_show_at_once),
        cmocka_unit_test(links_show_at_once),
        cmocka_unit_test(one_survey_serves_a_directory),
        cmocka_unit_test(two_names_are_looked_at_each_second),
        cmocka_unit_test(a_change_during_a_fill_detaches_it),
        cmocka_unit_test(lost_events_make_all_be_looked_at),
        cmocka_unit_test(watches_are_let_go),
        cmocka_unit_test(routes_are_bounded),
        cmocka_unit_test(variants_come_and_go),
        cmocka_unit_test(long_texts_are_held_to_be_compressed),
        cmocka_unit_test(what_is_made_is_counted_and_goes_with_its_file),
        cmocka_unit_test(what_saves_nothing_is_not_tried_again),
        cmocka_unit_test(what_is_made_needs_room),
        cmocka_unit_test(what_lies_beside_is_not_made),
        cmocka_unit_test(a_link_learns_of_its_variants_by_its_own_way),
        cmocka_unit_test(a_variant_by_its_own_name_is_a_file),
        cmocka_unit_test(a_variant_that_comes_meanwhile),
        cmocka_unit_test(an_index_has_its_own_variants),
        cmocka_unit_test(never_serves_what_is_long_gone),
        cmocka_unit_test(never_serves_what_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a path stands for, found out step by step on a file system made up for each test. */
#include "site/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    ROOT = 50,
    NAME = 100,
    OPENED = 101,
    NOW = 1700000000,
    LONG_AGO = NOW - 1000,
    ASKS_MAX = 40,
    HASH = 77,
};

/* One name on the file system, and what happens to it before which ask. */
struct world {
    struct statx facts;  /* of what the name stands for */
    struct statx opened; /* of what was opened for reading */
    char content;        /* the byte that the file is full of */
    size_t short_by;     /* how many bytes a read comes back without */
    struct entry_form form;
    unsigned beside; /* the codings of the variants that lie beside it */
    uint64_t hashed; /* bytes that a digest was asked for */
    unsigned asks;
    enum site_ask_kind kinds[ASKS_MAX];
    unsigned fail_at; /* the ask that fails, from 1; or 0 */
    int error;
    void (*before)(struct world *, unsigned ask); /* or NULL; asks are counted from 1 */
    const char *file;                             /* what should be asked for */
    const char *last_bytes;                       /* where the last read went */
};

static struct statx regular(uint64_t size)
{
    return (struct statx){ .stx_mode = S_IFREG | 0644,
                           .stx_size = size,
                           .stx_ino = 11,
                           .stx_dev_major = 8,
                           .stx_dev_minor = 1,
                           .stx_mtime = { .tv_sec = LONG_AGO },
                           .stx_ctime = { .tv_sec = LONG_AGO } };
}

static struct world world_with(struct statx facts)
{
    return (struct world){
        .facts = facts, .content = 'a', .file = "a", .form.whole_max = SITE_WHOLE_MAX
    };
}

static int64_t open_it(struct world *w, const struct site_ask *ask)
{
    bool as_name = ask->how.flags & O_PATH;

    assert_int_equal(ask->fd, ROOT);
    assert_string_equal(ask->path, w->file);
    assert_int_equal(ask->how.mode, 0);
    assert_int_equal(ask->how.resolve, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (as_name) {
        assert_int_equal(ask->how.flags, O_PATH);
        return NAME;
    }
    assert_int_equal(ask->how.flags, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    w->opened = w->facts;
    return OPENED;
}

static int64_t look_at_it(const struct world *w, const struct site_ask *ask)
{
    assert_true(ask->fd == NAME || ask->fd == OPENED);
    *ask->statx = ask->fd == NAME ? w->facts : w->opened;
    return 0;
}

static int64_t read_it(struct world *w, const struct site_ask *ask)
{
    assert_int_equal(ask->fd, OPENED);
    assert_true(S_ISREG(w->opened.stx_mode));
    assert_true(ask->len <= SITE_WHOLE_MAX);
    memset(ask->bytes, w->content, ask->len); /* as much room as it says, or the sanitizer tells */
    w->last_bytes = ask->bytes;
    size_t there = w->opened.stx_size < ask->len ? w->opened.stx_size : ask->len;
    return (int64_t)(there > w->short_by ? there - w->short_by : 0);
}

/* The digest of a file is the byte that it is full of, again and again. */
static int64_t hash_it(struct world *w, const struct site_ask *ask)
{
    assert_int_equal(ask->digest->fd, OPENED);
    w->hashed = ask->digest->size;
    memset(ask->digest->text, w->content, DIGEST_LEN);
    ask->digest->size -= w->short_by;
    return 0;
}

static int64_t carry(struct world *w, const struct site_ask *ask)
{
    assert_true(w->asks < ASKS_MAX);
    w->kinds[w->asks++] = ask->kind;
    if (w->before)
        w->before(w, w->asks);
    if (w->asks == w->fail_at)
        return -w->error;
    switch (ask->kind) {
    case SITE_ASK_OPEN:
        return open_it(w, ask);
    case SITE_ASK_STAT:
        return look_at_it(w, ask);
    case SITE_ASK_SURVEY: /* the site's, not the fill's */
    case SITE_ASK_FOLDER:
        fail();
        break;
    case SITE_ASK_DIGEST:
        return hash_it(w, ask);
    case SITE_ASK_VARIANTS:
        assert_int_equal(ask->variants->root, ROOT);
        assert_string_equal(ask->variants->file, w->file);
        ask->variants->found = w->beside;
        return 0;
    case SITE_ASK_READ:
        break;
    }
    return read_it(w, ask);
}

static struct site_fill *make_fill(const char *path)
{
    struct site_fill *fill = fill_make(str_from(path), HASH, STR("index.html"));

    assert_non_null(fill);
    return fill;
}

static void run(struct world *w, struct site_fill *fill)
{
    int64_t result = 0;

    while (fill_step(fill, result, ROOT, w->form, NOW))
        result = carry(w, &fill->ask);
}

static void discard_entry(struct site_entry *entry)
{
    if (!entry)
        return;
    entry->fd = -1;
    entry->pins = 0;
    entry_free(entry);
}

static void discard(struct site_fill *fill)
{
    discard_entry(fill->made);
    discard_entry(fill->old);
    fill->made = fill->old = NULL;
    fill->name_fd = fill->fd = -1;
    fill_free(fill);
}

static struct site_fill *fill_of(struct world *w, const char *path)
{
    struct site_fill *fill = make_fill(path);

    run(w, fill);
    return fill;
}

static unsigned count_of(const struct world *w, enum site_ask_kind kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < w->asks; i++)
        count += w->kinds[i] == kind;
    return count;
}

/* The answer is this file, whole, full of `content`. */
static void assert_whole(const struct site_fill *fill, uint64_t size, char content)
{
    const struct site_entry *entry = fill->found.entry;

    assert_int_equal(fill->found.status, 200);
    assert_ptr_equal(entry, fill->made);
    assert_int_equal(entry->pins, 1);
    assert_int_equal(entry->fd, -1);
    assert_int_equal(entry->size, size);
    assert_int_equal(entry->hash, HASH);
    assert_true(str_equal(entry->path, fill->path));
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(entry->bytes[i], content);
}

/* The answer is this file by its descriptor, which the entry has taken over. */
static void assert_by_descriptor(const struct site_fill *fill, uint64_t size)
{
    const struct site_entry *entry = fill->found.entry;

    assert_int_equal(fill->found.status, 200);
    assert_ptr_equal(entry, fill->made);
    assert_int_equal(entry->fd, OPENED);
    assert_int_equal(fill->fd, -1);
    assert_null(entry->bytes);
    assert_int_equal(entry->size, size);
}

static void assert_refused(const struct site_fill *fill, int status)
{
    assert_int_equal(fill->found.status, status);
    assert_null(fill->found.entry);
}

/* --- what is there --- */

static void a_small_file_is_read(void **state)
{
    static const uint64_t sizes[] = { 0, 1, 5000, SITE_WHOLE_MAX };
    static const enum site_ask_kind kinds[] = { SITE_ASK_OPEN, SITE_ASK_STAT, SITE_ASK_OPEN,
                                                SITE_ASK_STAT, SITE_ASK_READ, SITE_ASK_STAT };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct world w = world_with(regular(sizes[i]));
        struct site_fill *fill = fill_of(&w, "/a");

        assert_whole(fill, sizes[i], 'a');
        assert_true(fill->made->settled);
        assert_int_equal(w.asks, sizeof kinds / sizeof kinds[0]);
        assert_memory_equal(w.kinds, kinds, sizeof kinds);
        assert_int_equal(fill->name_fd, NAME);
        assert_int_equal(fill->fd, OPENED);
        discard(fill);
    }
}

static void a_large_file_is_held_open(void **state)
{
    static const uint64_t sizes[] = { SITE_WHOLE_MAX + 1, 1ull << 42 };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct world w = world_with(regular(sizes[i]));
        struct site_fill *fill = fill_of(&w, "/a");

        assert_by_descriptor(fill, sizes[i]);
        assert_true(fill->made->settled);
        assert_int_equal(count_of(&w, SITE_ASK_READ), 0);
        discard(fill);
    }
}

static void paths_become_names(void **state)
{
    static const struct {
        const char *path, *file;
    } cases[] = {
        { "/a", "a" },
        { "/a/b.c", "a/b.c" },
        { "/", "index.html" },
        { "/d/", "d/index.html" },
        { "/d/e/", "d/e/index.html" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_with(regular(3));
        w.file = cases[i].file;
        struct site_fill *fill = fill_of(&w, cases[i].path);
        bool html = str_ends(fill->path, STR("/"));
        assert_whole(fill, 3, 'a');
        assert_int_equal(str_equal(fill->made->type, STR("text/html; charset=utf-8")), html);
        assert_true(str_equal(fill->path, str_from(cases[i].path)));
        discard(fill);
    }
}

static void the_longest_path_fits(void **state)
{
    char path[HTTP_PATH_MAX], file[HTTP_PATH_MAX + 16];

    (void)state;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 2] = '/';
    path[sizeof path - 1] = '\0';
    snprintf(file, sizeof file, "%sindex.html", path + 1);
    struct world w = world_with(regular(3));
    w.file = file;
    struct site_fill *fill = fill_of(&w, path);
    assert_whole(fill, 3, 'a');
    discard(fill);
}

/* --- what is no file --- */

static void directories_are_not_opened(void **state)
{
    static const struct {
        const char *path, *file;
        int status;
    } cases[] = {
        { "/a", "a", 301 },
        { "/a/b", "a/b", 301 },
        { "/a/", "a/index.html", 404 }, /* a directory of that name is no page */
        { "/", "index.html", 404 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_with(regular(4096));
        w.facts.stx_mode = S_IFDIR | 0755;
        w.file = cases[i].file;
        struct site_fill *fill = fill_of(&w, cases[i].path);
        assert_refused(fill, cases[i].status);
        assert_int_equal(w.asks, 2);
        discard(fill);
    }
}

static const uint16_t odd_modes[] = { S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK, S_IFLNK, 0 };

static void only_regular_files_are_opened(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_modes / sizeof odd_modes[0]; i++) {
        struct world w = world_with(regular(10));
        w.facts.stx_mode = (uint16_t)(odd_modes[i] | 0644);
        struct site_fill *fill = fill_of(&w, "/a");
        assert_refused(fill, 404);
        assert_int_equal(count_of(&w, SITE_ASK_OPEN), 1);
        assert_int_equal(w.asks, 2);
        discard(fill);
    }
}

/* Until it is looked at, before it is opened for reading. */
enum { BEFORE_OPENING = 3, BEFORE_READING = 5, AFTER_READING = 6 };

static void become_fifo(struct world *w, unsigned ask)
{
    if (ask == BEFORE_OPENING)
        w->facts.stx_mode = S_IFIFO | 0644;
}

static void become_directory(struct world *w, unsigned ask)
{
    if (ask == BEFORE_OPENING)
        w->facts.stx_mode = S_IFDIR | 0755;
}

static void what_takes_its_place_is_not_read(void **state)
{
    void (*const becoming[])(struct world *, unsigned) = { become_fifo, become_directory };

    (void)state;
    for (size_t i = 0; i < sizeof becoming / sizeof becoming[0]; i++) {
        struct world w = world_with(regular(10));
        w.before = becoming[i];
        struct site_fill *fill = fill_of(&w, "/a");
        assert_refused(fill, 404);
        assert_int_equal(count_of(&w, SITE_ASK_READ), 0);
        assert_int_equal(fill->fd, OPENED); /* still to be closed */
        discard(fill);
    }
}

static void become_another(struct world *w, unsigned ask)
{
    if (ask != BEFORE_OPENING)
        return;
    w->facts = regular(20);
    w->facts.stx_ino = 12;
    w->content = 'b';
}

static void the_file_that_was_opened_counts(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.before = become_another;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_whole(fill, 20, 'b');
    assert_int_equal(fill->made->inode, 12);
    discard(fill);
}

/* --- errors --- */

static const struct {
    int error, status;
} errors[] = {
    { ENOENT, 404 }, { ENOTDIR, 404 }, { ELOOP, 404 },  { EXDEV, 404 },  { ENAMETOOLONG, 404 },
    { ENXIO, 404 },  { ENODEV, 404 },  { EACCES, 403 }, { EPERM, 403 },  { EMFILE, 503 },
    { ENFILE, 503 }, { ENOMEM, 503 },  { EIO, 500 },    { ESTALE, 500 }, { EBADF, 500 },
};

/* After any ask: no more of them, and what is open is left to be closed. */
static void each_error_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        for (unsigned ask = 1; ask <= AFTER_READING; ask++) {
            struct world w = world_with(regular(10));
            w.fail_at = ask;
            w.error = errors[i].error;
            struct site_fill *fill = fill_of(&w, "/a");
            assert_refused(fill, errors[i].status);
            assert_int_equal(w.asks, ask);
            assert_int_equal(fill->name_fd, ask > 1 ? NAME : -1);
            assert_int_equal(fill->fd, ask > 3 ? OPENED : -1);
            discard(fill);
        }
}

/* openat2(2) says so when something is renamed while it follows a "..". */
static void what_was_disturbed_is_opened_again(void **state)
{
    (void)state;
    for (unsigned ask = 1; ask <= 3; ask += 2) {
        struct world w = world_with(regular(10));
        w.fail_at = ask;
        w.error = EAGAIN;
        struct site_fill *fill = fill_of(&w, "/a");
        assert_whole(fill, 10, 'a');
        assert_int_equal(w.kinds[ask], SITE_ASK_OPEN);
        discard(fill);
    }
}

static void what_is_always_disturbed_is_given_up(void **state)
{
    struct site_fill *fill = make_fill("/a");
    unsigned asks = 0;

    (void)state;
    bool more = fill_step(fill, 0, ROOT, (struct entry_form){ .whole_max = 100 }, LONG_AGO);
    while (more && asks < 1000) {
        asks++;
        more = fill_step(fill, -EAGAIN, ROOT, (struct entry_form){ .whole_max = 100 }, LONG_AGO);
    }
    assert_int_equal(asks, FILL_AGAIN_MAX + 1);
    assert_refused(fill, 503);
    discard(fill);
}

static void giving_up_at_once_asks_nothing(void **state)
{
    struct site_fill *fill = make_fill("/a");

    (void)state;
    assert_false(fill_step(fill, -ENOMEM, ROOT, (struct entry_form){ 0 }, NOW));
    assert_refused(fill, 503);
    discard(fill);
}

/* --- rules --- */

static const struct entry_rules some_rules = { STR_INIT("a/b"), STR_INIT("X: y\r\n"),
                                               STR_INIT("Cache-Control: z\r\n"), true };

static void rules_go_into_what_is_made(void **state)
{
    struct world w = world_with(regular(10));
    struct site_fill *fill = make_fill("/a");

    (void)state;
    w.form.edition = 3;
    assert_true(fill_set_rules(fill, &some_rules));
    run(&w, fill);
    assert_whole(fill, 10, 'a');
    assert_true(str_equal(fill->made->type, some_rules.type));
    assert_true(str_starts(fill->made->shared, STR("X: y\r\nCache-Control: z\r\n")));
    assert_int_equal(fill->made->edition, 3);
    assert_false(fill->made->literal);
    discard(fill);
}

/* The file is the same, but what is said of it is not. */
static void what_other_rules_made_is_made_anew(void **state)
{
    struct world w = world_with(regular(10));
    struct site_fill *first = fill_of(&w, "/a"), *again = make_fill("/a");

    (void)state;
    again->old = first->made;
    first->made = NULL;
    w.form.edition++;
    run(&w, again);
    assert_whole(again, 10, 'a');
    assert_ptr_not_equal(again->found.entry, again->old);
    discard(first);
    discard(again);
}

/* --- files that change while they are read --- */

static void change_once(struct world *w, unsigned ask)
{
    if (ask != AFTER_READING)
        return;
    w->opened.stx_mtime.tv_nsec = 1;
    w->content = 'b';
}

static void what_changed_is_read_again(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.before = change_once;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_whole(fill, 10, 'b');
    assert_int_equal(count_of(&w, SITE_ASK_READ), 2);
    assert_int_equal(count_of(&w, SITE_ASK_OPEN), 2);
    assert_ptr_equal(w.last_bytes, fill->made->bytes);
    discard(fill);
}

/* Same time, another size: the room must be another, too. */
static void grow_once(struct world *w, unsigned ask)
{
    if (ask == AFTER_READING)
        w->opened.stx_size = 5000;
}

static void what_has_grown_gets_more_room(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.before = grow_once;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_whole(fill, 5000, 'a');
    discard(fill);
}

static void shrink_once(struct world *w, unsigned ask)
{
    if (ask == BEFORE_READING)
        w->opened.stx_size = 3;
}

static void what_has_shrunk_is_read_again(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.before = shrink_once;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_whole(fill, 3, 'a');
    assert_int_equal(count_of(&w, SITE_ASK_READ), 2);
    discard(fill);
}

static void outgrow(struct world *w, unsigned ask)
{
    if (ask == AFTER_READING)
        w->opened.stx_size = SITE_WHOLE_MAX + 1;
}

static void what_has_become_large_is_held_open(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.before = outgrow;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_by_descriptor(fill, SITE_WHOLE_MAX + 1);
    assert_int_equal(count_of(&w, SITE_ASK_READ), 1);
    discard(fill);
}

static void keep_changing(struct world *w, unsigned ask)
{
    if (ask > BEFORE_READING)
        w->opened.stx_size++;
}

static void what_keeps_changing_is_held_open(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.before = keep_changing;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_by_descriptor(fill, w.opened.stx_size);
    assert_int_equal(count_of(&w, SITE_ASK_READ), FILL_TRIES_MAX);
    discard(fill);
}

/* Unchanged to look at, and yet shorter than it says: it is not made longer than it is. */
static void a_short_read_is_never_taken_for_whole(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.short_by = 1;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_by_descriptor(fill, 10);
    assert_int_equal(count_of(&w, SITE_ASK_READ), FILL_TRIES_MAX);
    discard(fill);
}

/* --- with something held already --- */

static struct site_entry *old_entry(const struct statx *facts, bool settled)
{
    struct site_entry *old =
        entry_make(STR("/a"), facts, true, (struct entry_form){ 0 }, INT64_MAX);

    assert_non_null(old);
    old->settled = settled;
    return old;
}

static void what_is_unchanged_is_kept(void **state)
{
    struct world w = world_with(regular(10));
    struct site_fill *fill = make_fill("/a");

    (void)state;
    fill->old = old_entry(&w.facts, true);
    run(&w, fill);
    assert_int_equal(fill->found.status, 200);
    assert_ptr_equal(fill->found.entry, fill->old);
    assert_null(fill->made);
    assert_int_equal(w.asks, 2);
    discard(fill);
}

/* --- with variants --- */

static void variants_are_looked_for_before_it_is_opened(void **state)
{
    struct world w = world_with(regular(10));

    (void)state;
    w.form.variants = true;
    w.beside = 1u << HTTP_GZIP;
    w.file = "d/index.html";
    struct site_fill *fill = fill_of(&w, "/d/");
    assert_whole(fill, 10, 'a');
    assert_int_equal(fill->made->codings, w.beside);
    assert_int_equal(w.kinds[BEFORE_OPENING - 1], SITE_ASK_VARIANTS);
    assert_int_equal(count_of(&w, SITE_ASK_VARIANTS), 1);
    discard(fill);
}

static void a_variant_is_a_file_of_its_own(void **state)
{
    static const struct {
        const char *path, *index, *file;
    } cases[] = { { "/a.js", "", "a.js.zst" }, { "/d/", "x.js", "d/x.js.zst" } };
    char space[VARIANT_KEY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w = world_with(regular(10));
        w.form.variants = true;
        w.file = cases[i].file;
        struct site_fill *fill = fill_make(
            variant_key(str_from(cases[i].path), str_from(cases[i].index), HTTP_ZSTD, space), HASH,
            STR("index.html"));
        assert_non_null(fill);
        run(&w, fill);
        assert_whole(fill, 10, 'a');
        assert_int_equal(count_of(&w, SITE_ASK_VARIANTS), 0);
        assert_true(str_starts(fill->made->type, STR("text/javascript")));
        discard(fill);
    }
}

/* What is unchanged itself may have got a variant, or lost one. */
static void what_has_other_variants_is_made_anew(void **state)
{
    for (unsigned had = 0; had < 2; had++)
        for (unsigned has = 0; has < 2; has++) {
            struct world w = world_with(regular(10));
            struct site_fill *fill = make_fill("/a");
            w.form.variants = true;
            w.beside = has << HTTP_BR;
            fill->old = entry_make(STR("/a"), &w.facts, true,
                                   (struct entry_form){ .codings = had << HTTP_BR }, INT64_MAX);
            fill->old->settled = true;
            run(&w, fill);
            assert_int_equal(fill->found.status, 200);
            assert_int_equal(fill->found.entry == fill->old, had == has);
            assert_int_equal(fill->found.entry->codings, has << HTTP_BR);
            discard(fill);
        }
    (void)state;
}

/* Its times may be those of an earlier content, too. */
static void what_was_young_is_read_again(void **state)
{
    struct world w = world_with(regular(10));
    struct site_fill *fill = make_fill("/a");

    (void)state;
    fill->old = old_entry(&w.facts, false);
    run(&w, fill);
    assert_whole(fill, 10, 'a');
    discard(fill);
}

static void what_has_changed_is_made_anew(void **state)
{
    struct world w = world_with(regular(10));
    struct site_fill *fill = make_fill("/a");

    (void)state;
    fill->old = old_entry(&w.facts, true);
    w.facts.stx_ctime.tv_nsec++;
    run(&w, fill);
    assert_whole(fill, 10, 'a');
    assert_non_null(fill->old);
    discard(fill);
}

static void what_is_gone_is_not_found(void **state)
{
    struct world w = world_with(regular(10));
    struct site_fill *fill = make_fill("/a");

    (void)state;
    fill->old = old_entry(&w.facts, true);
    w.fail_at = 1;
    w.error = ENOENT;
    run(&w, fill);
    assert_refused(fill, 404);
    discard(fill);
}

/* --- how far times are trusted --- */

static bool settles(int64_t modified, int64_t changed, uint64_t size)
{
    struct world w = world_with(regular(size));

    w.facts.stx_mtime.tv_sec = modified;
    w.facts.stx_ctime.tv_sec = changed;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_int_equal(fill->found.status, 200);
    bool settled = fill->made->settled;
    discard(fill);
    return settled;
}

/* The next change could come within the same tick of the file system's clock, which may be as
 * coarse as two seconds. A time of modification can be set by anybody; that of the last change
 * can't. */
static void young_files_are_not_trusted(void **state)
{
    static const uint64_t sizes[] = { 10, SITE_WHOLE_MAX + 1 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(settles(LONG_AGO, LONG_AGO, sizes[i]));
        assert_true(settles(NOW - 3, NOW - 3, sizes[i]));
        assert_false(settles(NOW - 2, NOW - 2, sizes[i]));
        assert_false(settles(NOW, NOW, sizes[i]));
        assert_false(settles(NOW + 100, NOW + 100, sizes[i]));
        assert_false(settles(INT64_MAX, INT64_MAX, sizes[i])); /* tmpfs takes such a time */
        assert_false(settles(NOW, LONG_AGO, sizes[i]));
        assert_false(settles(LONG_AGO, NOW, sizes[i]));
        assert_false(settles(LONG_AGO, NOW - 2, sizes[i]));
        assert_true(settles(LONG_AGO, NOW - 3, sizes[i]));
    }
}

/* --- tags made of the bytes --- */

static struct world hashing(uint64_t size)
{
    struct world w = world_with(regular(size));

    w.form.etag = ENTRY_ETAG_HASH;
    return w;
}

static void the_digest_of_what_was_read(void **state)
{
    struct world w = hashing(10);
    char digest[DIGEST_LEN];

    (void)state;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_whole(fill, 10, 'a');
    digest_of(STR("aaaaaaaaaa"), digest);
    assert_memory_equal(fill->made->validators.etag.at + 1, digest, DIGEST_LEN);
    assert_int_equal(count_of(&w, SITE_ASK_DIGEST), 0); /* it is in memory */
    discard(fill);
}

static void a_large_file_is_hashed_elsewhere(void **state)
{
    struct world w = hashing(SITE_WHOLE_MAX + 1);

    (void)state;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_int_equal(fill->found.status, 200);
    assert_int_equal(fill->made->fd, OPENED);
    assert_int_equal(w.hashed, SITE_WHOLE_MAX + 1);
    assert_true(
        str_equal(fill->made->validators.etag, STR("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"")));
    assert_true(fill->steady);
    discard(fill);
}

enum { AFTER_HASHING = 6 }; /* name, look, open, measure, hash, and then to agree */

static void touch_once(struct world *w, unsigned ask)
{
    if (ask == AFTER_HASHING) {
        w->opened.stx_mtime.tv_sec++;
        w->content = 'b';
    }
}

static void what_changed_while_hashed_is_hashed_again(void **state)
{
    struct world w = hashing(SITE_WHOLE_MAX + 1);

    (void)state;
    w.before = touch_once;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_int_equal(count_of(&w, SITE_ASK_DIGEST), 2);
    assert_int_equal(fill->made->validators.etag.at[1], 'b');
    assert_int_equal(fill->made->modified.tv_sec, w.opened.stx_mtime.tv_sec);
    discard(fill);
}

static void what_is_never_hashed_whole_has_no_tag(void **state)
{
    struct world w = hashing(SITE_WHOLE_MAX + 1);

    (void)state;
    w.short_by = 1;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_int_equal(count_of(&w, SITE_ASK_DIGEST), FILL_TRIES_MAX);
    assert_int_equal(fill->found.status, 200);
    assert_int_equal(fill->made->fd, OPENED);
    assert_null(fill->made->validators.etag.at);
    assert_false(fill->steady);
    discard(fill);

    w = hashing(DIGEST_FILE_MAX + 1);
    fill = fill_of(&w, "/a");
    assert_int_equal(count_of(&w, SITE_ASK_DIGEST), 0);
    assert_int_equal(fill->found.status, 200);
    assert_null(fill->made->validators.etag.at);
    discard(fill);
}

static void a_file_that_cant_be_hashed(void **state)
{
    struct world w = hashing(SITE_WHOLE_MAX + 1);

    (void)state;
    w.fail_at = AFTER_HASHING - 1;
    w.error = EIO;
    struct site_fill *fill = fill_of(&w, "/a");
    assert_int_equal(fill->found.status, 500);
    assert_null(fill->found.entry);
    discard(fill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_file_is_read),
        cmocka_unit_test(a_large_file_is_held_open),
        cmocka_unit_test(paths_become_names),
        cmocka_unit_test(the_longest_path_fits),
        cmocka_unit_test(directories_are_not_opened),
        cmocka_unit_test(only_regular_files_are_opened),
        cmocka_unit_test(what_takes_its_place_is_not_read),
        cmocka_unit_test(the_file_that_was_opened_counts),
        cmocka_unit_test(each_error_has_its_status),
        cmocka_unit_test(what_was_disturbed_is_opened_again),
        cmocka_unit_test(what_is_always_disturbed_is_given_up),
        cmocka_unit_test(rules_go_into_what_is_made),
        cmocka_unit_test(what_other_rules_made_is_made_anew),
        cmocka_unit_test(giving_up_at_once_asks_nothing),
        cmocka_unit_test(what_changed_is_read_again),
        cmocka_unit_test(what_has_grown_gets_more_room),
        cmocka_unit_test(what_has_shrunk_is_read_again),
        cmocka_unit_test(what_has_become_large_is_held_open),
        cmocka_unit_test(what_keeps_changing_is_held_open),
        cmocka_unit_test(a_short_read_is_never_taken_for_whole),
        cmocka_unit_test(what_is_unchanged_is_kept),
        cmocka_unit_test(variants_are_looked_for_before_it_is_opened),
        cmocka_unit_test(a_variant_is_a_file_of_its_own),
        cmocka_unit_test(what_has_other_variants_is_made_anew),
        cmocka_unit_test(what_was_young_is_read_again),
        cmocka_unit_test(what_has_changed_is_made_anew),
        cmocka_unit_test(what_is_gone_is_not_found),
        cmocka_unit_test(young_files_are_not_trusted),
        cmocka_unit_test(the_digest_of_what_was_read),
        cmocka_unit_test(a_large_file_is_hashed_elsewhere),
        cmocka_unit_test(what_changed_while_hashed_is_hashed_again),
        cmocka_unit_test(what_is_never_hashed_whole_has_no_tag),
        cmocka_unit_test(a_file_that_cant_be_hashed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

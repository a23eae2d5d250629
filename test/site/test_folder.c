/* A directory on disk, read and made into the entry of its listing. */
#include "site/folder.h"

#include "site/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { HTML_BY_NAME = LISTING_HTML, JSON_BY_NAME = LISTING_JSON, PATH_ROOM = 512 };

struct scene {
    char top[64]; /* the root is the directory "site" in it */
    int root;
};

static int place(const struct scene *s, const char *name, char path[PATH_ROOM])
{
    return snprintf(path, PATH_ROOM, "%s/site/%s", s->top, name);
}

static void put(const struct scene *s, const char *name, size_t size)
{
    char path[PATH_ROOM];

    place(s, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static void put_directory(const struct scene *s, const char *name)
{
    char path[PATH_ROOM];

    place(s, name, path);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void put_link(const struct scene *s, const char *target, const char *name)
{
    char path[PATH_ROOM];

    place(s, name, path);
    assert_int_equal(symlink(target, path), 0);
}

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    const char *tmp = getenv("TMPDIR");
    char path[PATH_ROOM];

    assert_non_null(s);
    snprintf(s->top, sizeof s->top, "%.40s/ringlet-folder-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(s->top));
    put_directory(s, "");
    place(s, "", path);
    s->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->root >= 0);
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

static int close_scene(void **state)
{
    struct scene *s = *state;

    close(s->root);
    assert_int_equal(nftw(s->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(s);
    return 0;
}

/* The listing of a directory. What is different from the usual is set in `folder`. */
static struct site_entry *list(const struct scene *s, const char *path, unsigned form,
                               struct folder folder)
{
    char space[PATH_ROOM], name[PATH_ROOM];
    struct text key = text_in(space, sizeof space);

    listing_key(&key, str_from(path), listing_form_of(form));
    snprintf(name, sizeof name, ".%s", path);
    folder.root = s->root;
    folder.fd = openat(s->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder.key = text_str(&key);
    assert_true(folder.fd >= 0);
    folder_run(&folder);
    close(folder.fd);
    assert_int_equal(folder.error, 0);
    assert_non_null(folder.made);
    assert_true(str_equal(folder.made->path, folder.key));
    return folder.made;
}

static void discard(struct site_entry *entry)
{
    assert_int_equal(entry->pins, 1);
    entry->pins = 0;
    entry_free(entry);
}

static void assert_holds(const struct site_entry *entry, const char *text, bool there)
{
    const char *at = memmem(entry->bytes, entry->size, text, strlen(text));

    if ((at != NULL) != there)
        fail_msg("%s: %.*s", text, (int)entry->size, entry->bytes);
}

static void forms_are_what_they_say(void **state)
{
    struct scene *s = *state;

    put(s, "a.txt", 10);
    struct site_entry *page = list(s, "/", HTML_BY_NAME, (struct folder){ .now_unix = 1 });
    struct site_entry *json = list(s, "/", JSON_BY_NAME, (struct folder){ .now_unix = 1 });
    assert_true(str_equal(page->type, STR("text/html; charset=utf-8")));
    assert_true(str_equal(json->type, STR("application/json")));
    assert_int_equal(page->status, 200);
    assert_true(str_starts(page->shared, STR("Cache-Control: no-cache\r\nVary: Accept\r\n")));
    assert_null(memmem(page->fields.at, page->fields.len, "Last-Modified", 13));
    assert_true(page->validators.undated);
    assert_int_equal(page->validators.etag.len, DIGEST_LEN + 2);
    assert_false(str_equal(page->validators.etag, json->validators.etag));
    assert_holds(page, "<!DOCTYPE html>", true);
    assert_holds(json, "\"size\":10,", true);
    discard(page);
    discard(json);
}

static void tags_tell_content(void **state)
{
    struct scene *s = *state;

    put(s, "a.txt", 10);
    struct site_entry *one = list(s, "/", JSON_BY_NAME, (struct folder){ 0 });
    struct site_entry *same = list(s, "/", JSON_BY_NAME, (struct folder){ .now_unix = 9 });
    put(s, "a.txt", 11);
    struct site_entry *other = list(s, "/", JSON_BY_NAME, (struct folder){ 0 });
    struct site_entry *none =
        list(s, "/", JSON_BY_NAME, (struct folder){ .form.etag = ENTRY_ETAG_OFF });
    assert_true(str_equal(one->validators.etag, same->validators.etag));
    assert_false(str_equal(one->validators.etag, other->validators.etag));
    assert_null(none->validators.etag.at);
    discard(one);
    discard(same);
    discard(other);
    discard(none);
}

static void what_is_left_out(void **state)
{
    static const char *const shown[] = { "./file\"", "./sub/\"", "./link\"", "./up\"",
                                         "./linked/\"" };
    static const char *const left_out[] = { "./.hidden",    "./.sub", "./fifo",     "./dangling",
                                            "./loop",       "./out",  "./absolute", "./_headers",
                                            "./_redirects", "\"./\"", "\"./../\"" };
    struct scene *s = *state;
    char path[PATH_ROOM];

    put(s, "file", 1);
    put(s, ".hidden", 1);
    put(s, "_headers", 1);
    put(s, "_redirects", 1);
    put_directory(s, "sub");
    put_directory(s, ".sub");
    put(s, "sub/_headers", 1);
    put_link(s, "file", "link");
    put_link(s, "sub", "linked");
    put_link(s, "sub/../file", "up");
    put_link(s, "nowhere", "dangling");
    put_link(s, "loop", "loop");
    put_link(s, "../", "out");
    put_link(s, s->top, "absolute");
    place(s, "fifo", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    struct site_entry *json = list(s, "/", JSON_BY_NAME, (struct folder){ 0 });
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        assert_holds(json, shown[i], true);
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        assert_holds(json, left_out[i], false);
    discard(json);
    json = list(s, "/", JSON_BY_NAME, (struct folder){ .dotfiles = true });
    assert_holds(json, "./.hidden", true);
    assert_holds(json, "./.sub/", true);
    discard(json);
    json = list(s, "/sub/", JSON_BY_NAME, (struct folder){ 0 });
    assert_holds(json, "./_headers", true);
    discard(json);
}

/* A link is followed from where it lies. */
static void links_in_a_directory(void **state)
{
    struct scene *s = *state;

    put_directory(s, "sub");
    put(s, "file", 77);
    put_link(s, "../file", "sub/inside");
    put_link(s, "../../site/file", "sub/outside");
    struct site_entry *json = list(s, "/sub/", JSON_BY_NAME, (struct folder){ 0 });
    assert_holds(json, "\"./inside\",\"type\":\"file\",\"size\":77", true);
    assert_holds(json, "outside", false);
    discard(json);
}

static void what_can_not_be_read(void **state)
{
    struct scene *s = *state;
    char space[64];
    struct text key = text_in(space, sizeof space);

    listing_key(&key, STR("/"), listing_form_of(0));
    struct folder folder = { .root = s->root, .fd = s->root, .key = text_str(&key) };
    folder_run(&folder); /* open as a name only */
    assert_int_equal(folder.error, -EBADF);
    assert_null(folder.made);
}

/* Long names fill it sooner than many do. */
static void the_first_of_many(void **state)
{
    enum { NAME_LEN = 250, FITTING = LISTING_BYTES_MAX / NAME_LEN };
    struct scene *s = *state;
    char name[NAME_LEN + 1], text[64];

    put(s, "file", 0);
    put_directory(s, "sub");
    int sub = openat(s->root, "sub", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(sub >= 0);
    for (int i = 0; i <= FITTING; i++) {
        snprintf(name, sizeof name, "%0*d", NAME_LEN, i);
        assert_int_equal(linkat(s->root, "file", sub, name, 0), 0);
    }
    close(sub);
    struct site_entry *json = list(s, "/sub/", JSON_BY_NAME, (struct folder){ 0 });
    assert_holds(json, "],\"truncated\":true}", true);
    discard(json);
    struct site_entry *page = list(s, "/sub/", HTML_BY_NAME, (struct folder){ 0 });
    snprintf(text, sizeof text, "the first %d names", FITTING);
    assert_holds(page, text, true);
    discard(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forms_are_what_they_say, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(tags_tell_content, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(what_is_left_out, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(links_in_a_directory, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(what_can_not_be_read, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(the_first_of_many, open_scene, close_scene),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

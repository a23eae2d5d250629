/* One file held ready: its fields to the letter, its validator, and when it is another file. */
#include "http/date.h"
#include "seed.h"
#include "site/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WHEN = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

static struct statx file_of(uint64_t size)
{
    return (struct statx){ .stx_mode = S_IFREG | 0644,
                           .stx_size = size,
                           .stx_ino = 11,
                           .stx_dev_major = 8,
                           .stx_dev_minor = 1,
                           .stx_mtime = { .tv_sec = WHEN },
                           .stx_ctime = { .tv_sec = WHEN + 5, .tv_nsec = 6 } };
}

static struct site_entry *make(const char *path, const struct statx *facts, bool whole)
{
    struct site_entry *entry =
        entry_make(str_from(path), facts, whole, (struct entry_form){ 0 }, INT64_MAX);

    assert_non_null(entry);
    return entry;
}

static void discard(struct site_entry *entry)
{
    entry->pins = 0;
    entry->fd = -1;
    entry_free(entry);
}

static void assert_str(struct str s, const char *expected)
{
    if (!str_equal(s, str_from(expected)))
        fail_msg("\"%.*s\" should be \"%s\"", (int)s.len, s.at, expected);
}

static void fields_are_exact(void **state)
{
    struct statx facts = file_of(5);
    struct site_entry *entry = make("/a/page.html", &facts, true);

    (void)state;
    assert_str(entry->path, "/a/page.html");
    assert_str(entry->fields, "Content-Length: 5\r\n"
                              "Content-Type: text/html; charset=utf-8\r\n"
                              "Accept-Ranges: bytes\r\n"
                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                              "ETag: \"2ebc98a1-5\"\r\n"
                              "\r\n");
    discard(entry);

    facts.stx_size = 300000;
    facts.stx_mtime.tv_nsec = 999999999;
    entry = make("/noextension", &facts, false);
    assert_str(entry->fields, "Content-Length: 300000\r\n"
                              "Content-Type: application/octet-stream\r\n"
                              "Accept-Ranges: bytes\r\n"
                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                              "ETag: \"2ebc98a1.3b9ac9ff-493e0\"\r\n"
                              "\r\n");
    discard(entry);

    facts.stx_mtime.tv_nsec = 1;
    entry = make("/noextension", &facts, false);
    assert_true(str_ends(entry->fields, STR("ETag: \"2ebc98a1.1-493e0\"\r\n\r\n")));
    discard(entry);
}

/* What other answers take of the fields. */
static void ends_of_the_fields_stand_alone(void **state)
{
    struct statx facts = file_of(5);
    struct site_entry *entry = make("/a/page.html", &facts, true);

    (void)state;
    assert_str(entry->typed, "Content-Type: text/html; charset=utf-8\r\n"
                             "Accept-Ranges: bytes\r\n"
                             "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                             "ETag: \"2ebc98a1-5\"\r\n"
                             "\r\n");
    assert_str(entry->shared, "Accept-Ranges: bytes\r\n"
                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                              "ETag: \"2ebc98a1-5\"\r\n"
                              "\r\n");
    assert_str(entry->type, "text/html; charset=utf-8");
    struct http_byteranges form = entry_byteranges(entry, STR("b"));
    assert_str(form.type, "text/html; charset=utf-8");
    assert_str(form.boundary, "b");
    assert_int_equal(form.size, 5);
    discard(entry);
}

/* RFC 9110 8.8.2.1: the time of a file from the future is when we saw it, and tells nothing. */
static void validators_are_those_of_the_fields(void **state)
{
    static const struct {
        int64_t now, modified;
        bool strong;
    } cases[] = { { WHEN + 100, WHEN, true },
                  { WHEN, WHEN, true },
                  { WHEN - 1, WHEN - 1, false },
                  { WHEN - 5000, WHEN - 5000, false } };
    struct statx facts = file_of(5);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct site_entry *entry =
            entry_make(STR("/a"), &facts, true, (struct entry_form){ 0 }, cases[i].now);
        char line[64];
        char date[HTTP_DATE_LEN];

        assert_non_null(entry);
        assert_str(entry->validators.etag, "\"2ebc98a1-5\"");
        assert_int_equal(entry->validators.modified, cases[i].modified);
        assert_int_equal(entry->validators.modified_strong, cases[i].strong);
        http_date_write(date, cases[i].modified);
        int len = snprintf(line, sizeof line, "Last-Modified: %.29s\r\n", date);
        assert_non_null(memmem(entry->fields.at, entry->fields.len, line, (size_t)len));
        discard(entry);
    }
}

static void a_form_may_say_otherwise(void **state)
{
    const struct statx facts = file_of(5);
    const struct entry_form form = { .type = STR("a/b"),
                                     .lines = STR("X: y\r\n"),
                                     .undated = true };
    struct site_entry *entry = entry_make(STR("/page.html"), &facts, true, form, INT64_MAX);

    (void)state;
    assert_non_null(entry);
    assert_str(entry->fields, "Content-Length: 5\r\n"
                              "Content-Type: a/b\r\n"
                              "X: y\r\n"
                              "Accept-Ranges: bytes\r\n"
                              "ETag: \"2ebc98a1-5\"\r\n\r\n");
    assert_true(str_starts(entry->shared, STR("X: y\r\n")));
    assert_true(entry->validators.undated);
    assert_false(entry->validators.modified_strong);
    discard(entry);
}

static void begins_as_it_should(void **state)
{
    const struct statx facts = file_of(1);
    struct site_entry *entry = make("/a", &facts, false);

    (void)state;
    assert_int_equal(entry->pins, 1);
    assert_int_equal(entry->fd, -1);
    assert_false(entry->cached || entry->used || entry->settled);
    assert_true(list_empty(&entry->age));
    assert_int_equal(entry->size, 1);
    discard(entry);
}

/* The path and the facts are the caller's again at once; the bytes lie right behind the fields. */
static void holds_small_files_whole(void **state)
{
    static const uint64_t sizes[] = { 0, 1, 7, 4096, SITE_WHOLE_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char path[] = "/file.txt";
        struct statx facts = file_of(sizes[i]);
        struct site_entry *entry = make(path, &facts, true);

        memset(path, '#', sizeof path);
        memset(&facts, 0xee, sizeof facts);
        memset(entry_room(entry), 'b', sizes[i]);
        assert_str(entry->path, "/file.txt");
        assert_non_null(entry->bytes);
        assert_ptr_equal(entry->bytes, entry_room(entry));
        assert_ptr_equal(entry->bytes, entry->fields.at + entry->fields.len);
        assert_true(str_ends(entry->fields, STR("\r\n\r\n")));
        assert_int_equal(entry->held,
                         sizeof *entry + entry->path.len + entry->fields.len + sizes[i]);
        discard(entry);
    }
}

/* What is short enough to be copied, and is what its target says. */
static void tells_what_is_sent_at_once(void **state)
{
    const struct {
        const char *path;
        uint64_t size;
        bool whole, at_once;
    } cases[] = {
        { "/a.txt", 0, true, true },
        { "/a.txt", 1000, true, true },
        { "/a.txt", 1000, false, false },
        { "/a%20b.txt", 1000, true, false },
        { "/a.txt", ENTRY_AT_ONCE_MAX, true, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct statx facts = file_of(cases[i].size);
        struct site_entry *entry = make(cases[i].path, &facts, cases[i].whole);
        size_t both = entry->fields.len + cases[i].size;

        assert_int_equal(entry->at_once, cases[i].at_once ? both : 0);
        discard(entry);
    }
    size_t most = 0;
    for (uint64_t size = ENTRY_AT_ONCE_MAX - ENTRY_FIELDS_MAX; size <= ENTRY_AT_ONCE_MAX; size++) {
        const struct statx facts = file_of(size);
        struct site_entry *entry = make("/a.txt", &facts, true);
        if (entry->at_once > 0)
            most = entry->at_once;
        discard(entry);
    }
    assert_int_equal(most, ENTRY_AT_ONCE_MAX);
}

static void holds_large_files_without_bytes(void **state)
{
    const struct statx facts = file_of(1ull << 40);
    struct site_entry *entry = make("/film.mp4", &facts, false);

    (void)state;
    assert_null(entry->bytes);
    assert_int_equal(entry->size, 1ull << 40);
    assert_int_equal(entry->held, sizeof *entry + entry->path.len + entry->fields.len);
    discard(entry);
}

/* --- the validator --- */

static void tags_by_form(void **state)
{
    struct statx facts = { .stx_size = 5, .stx_mtime = { .tv_sec = 784111777 } };
    static const char digest[] = "0123456789abcdef0123456789abcdef";

    (void)state;
    struct site_entry *entry = entry_make(
        STR("/a"), &facts, true, (struct entry_form){ .etag = ENTRY_ETAG_HASH }, INT64_MAX);
    entry_set_digest(entry, digest);
    assert_str(entry->validators.etag, "\"0123456789abcdef0123456789abcdef\"");
    assert_non_null(memmem(entry->shared.at, entry->shared.len, digest, DIGEST_LEN));
    discard(entry);

    entry = entry_make(STR("/a"), &facts, true, (struct entry_form){ .etag = ENTRY_ETAG_OFF },
                       INT64_MAX);
    assert_null(entry->validators.etag.at);
    assert_null(memmem(entry->fields.at, entry->fields.len, "ETag", 4));
    assert_true(str_ends(entry->fields, STR(" GMT\r\n\r\n")));
    discard(entry);
}

static struct str etag_of(const struct site_entry *entry)
{
    const struct str name = STR("\r\nETag: ");
    const char *at = memmem(entry->fields.at, entry->fields.len, name.at, name.len);

    assert_non_null(at);
    at += name.len;
    const char *end = memchr(at, '\r', (size_t)(entry->fields.at + entry->fields.len - at));
    assert_non_null(end);
    struct str etag = str_of(at, (size_t)(end - at));
    assert_true(etag.len > 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"');
    return etag;
}

/* A copy of the file on another machine has the same validator under another name. */
static void etag_is_that_of_any_copy(void **state)
{
    const struct statx facts = file_of(5);
    struct statx copy = facts;

    (void)state;
    copy.stx_ino = 99;
    copy.stx_dev_major = 253;
    copy.stx_dev_minor = 7;
    copy.stx_ctime.tv_sec += 100000;
    copy.stx_mode = S_IFREG | 0400;
    struct site_entry *one = make("/one.txt", &facts, true), *two = make("/two.txt", &copy, false);
    assert_true(str_equal(etag_of(one), etag_of(two)));
    discard(one);
    discard(two);
}

enum { TAGS = 12, ROUNDS = 300 };

static uint64_t near_or_far(uint64_t *seed)
{
    return seed_once_in(seed, 2) ? seed_below(seed, 40) : seed_below(seed, 1u << 30) * 37;
}

/* Times and sizes that look alike when written one behind the other, too. */
static void etag_tells_times_and_sizes_apart(void **state)
{
    uint64_t seed = seed_draw("entry");

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct site_entry *entries[TAGS];

        for (int i = 0; i < TAGS; i++) {
            struct statx facts = file_of(near_or_far(&seed));
            facts.stx_mtime.tv_sec = (int64_t)near_or_far(&seed);
            if (seed_once_in(&seed, 4))
                facts.stx_mtime.tv_sec = -facts.stx_mtime.tv_sec;
            facts.stx_mtime.tv_nsec =
                seed_once_in(&seed, 2) ? (uint32_t)(near_or_far(&seed) % 1000000000) : 0;
            entries[i] = make("/a", &facts, false);
            for (int j = 0; j < i; j++) {
                bool same = entries[i]->size == entries[j]->size &&
                            entries[i]->modified.tv_sec == entries[j]->modified.tv_sec &&
                            entries[i]->modified.tv_nsec == entries[j]->modified.tv_nsec;
                assert_int_equal(str_equal(etag_of(entries[i]), etag_of(entries[j])), same);
            }
        }
        for (int i = 0; i < TAGS; i++)
            discard(entries[i]);
    }
}

/* etagc of RFC 9110 8.8.3: nothing that would end it early. */
static void extreme_facts_are_written(void **state)
{
    struct statx facts = file_of(UINT64_MAX);

    (void)state;
    facts.stx_mtime.tv_sec = INT64_MIN;
    facts.stx_mtime.tv_nsec = UINT32_MAX;
    struct site_entry *entry = make("/a", &facts, false);
    assert_str(etag_of(entry), "\"8000000000000000.ffffffff-ffffffffffffffff\"");
    discard(entry);
}

/* --- media types of the operator's own --- */

enum { TYPE_MAX = 700 };

static struct http_mime *table_with_type(char type[TYPE_MAX + 1], size_t len)
{
    char line[TYPE_MAX + 16];

    memset(type, 'y', len);
    memcpy(type, "x/", 2);
    type[len] = '\0';
    int written = snprintf(line, sizeof line, "%s odd\n", type);
    struct http_mime *mime = http_mime_parse(str_of(line, (size_t)written));
    assert_non_null(mime);
    return mime;
}

/* Whole or not at all, and the other fields whatever its length. */
static void a_type_too_long_is_left_out(void **state)
{
    const struct statx facts = file_of(5);
    unsigned whole = 0, left_out = 0;

    (void)state;
    for (size_t len = 3; len < TYPE_MAX; len++) {
        char type[TYPE_MAX + 1], expected[TYPE_MAX + 256];
        struct http_mime *mime = table_with_type(type, len);
        struct site_entry *entry =
            entry_make(STR("/a.odd"), &facts, true, (struct entry_form){ .mime = mime }, INT64_MAX);
        bool fits = memmem(entry->fields.at, entry->fields.len, type, len) != NULL;

        snprintf(expected, sizeof expected,
                 "Content-Length: 5\r\nContent-Type: %s\r\nAccept-Ranges: bytes\r\n"
                 "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"2ebc98a1-5\"\r\n\r\n",
                 fits ? type : "application/octet-stream");
        assert_str(entry->fields, expected);
        assert_true(fits || len > 127); /* RFC 6838 4.2 allows 127 */
        assert_true(!fits || left_out == 0);
        whole += fits;
        left_out += !fits;
        discard(entry);
        http_mime_free(mime);
    }
    assert_true(whole > 0 && left_out > 0);
}

/* --- still the same file? --- */

struct change {
    const char *what;
    void (*make)(struct statx *);
};

static void touch_size(struct statx *x)
{
    x->stx_size++;
}

static void touch_inode(struct statx *x)
{
    x->stx_ino++;
}

static void touch_major(struct statx *x)
{
    x->stx_dev_major++;
}

static void touch_minor(struct statx *x)
{
    x->stx_dev_minor++;
}

static void touch_modified(struct statx *x)
{
    x->stx_mtime.tv_sec--;
}

static void touch_modified_a_little(struct statx *x)
{
    x->stx_mtime.tv_nsec++;
}

static void touch_changed(struct statx *x)
{
    x->stx_ctime.tv_sec++;
}

static void touch_changed_a_little(struct statx *x)
{
    x->stx_ctime.tv_nsec--;
}

static const struct change changes[] = {
    { "size", touch_size },
    { "inode", touch_inode },
    { "major", touch_major },
    { "minor", touch_minor },
    { "mtime seconds", touch_modified },
    { "mtime nanoseconds", touch_modified_a_little },
    { "ctime seconds", touch_changed },
    { "ctime nanoseconds", touch_changed_a_little },
};

static void every_fact_tells(void **state)
{
    const struct statx facts = file_of(5);
    struct site_entry *entry = make("/a", &facts, true);

    (void)state;
    assert_true(entry_matches(entry, &facts));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct statx other = facts;
        changes[i].make(&other);
        if (entry_matches(entry, &other))
            fail_msg("a change of %s goes unnoticed", changes[i].what);
    }
    discard(entry);
}

/* Being read, linked to or looked at changes nothing. */
static void other_facts_do_not_tell(void **state)
{
    const struct statx facts = file_of(5);
    struct statx other = facts;
    struct site_entry *entry = make("/a", &facts, true);

    (void)state;
    other.stx_atime.tv_sec = WHEN + 1000;
    other.stx_nlink = 3;
    other.stx_blocks = 64;
    assert_true(entry_matches(entry, &other));
    discard(entry);
}

/* What rules add is said of the file and of the knowledge that it has not changed; Cache-Control is
 * not said of its content under another status. */
static void rules_add_fields(void **state)
{
    const struct entry_form form = {
        .rules = { STR("a/b"), STR("X-A: 1\r\nX-B: 2\r\n"), STR("Cache-Control: c\r\n"), true },
        .edition = 7,
        .etag = ENTRY_ETAG_OFF,
    };
    struct statx facts = file_of(5);
    struct site_entry *entry = entry_make(STR("/a.html"), &facts, true, form, INT64_MAX);

    (void)state;
    assert_non_null(entry);
    assert_str(entry->page, "Content-Length: 5\r\nContent-Type: a/b\r\nX-A: 1\r\nX-B: 2\r\n");
    assert_str(entry->shared, "X-A: 1\r\nX-B: 2\r\nCache-Control: c\r\nAccept-Ranges: bytes\r\n"
                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    assert_str(entry->type, "a/b");
    assert_int_equal(entry->edition, 7);
    assert_false(entry->literal);
    discard(entry);
}

/* A variant has the type of the file it stands for, and a tag that no other form of it has. */
static void variants_have_fields_of_their_own(void **state)
{
    char space[VARIANT_KEY_MAX];
    struct str key = variant_key(STR("/a.html"), STR(""), HTTP_BR, space);
    struct statx facts = file_of(5);
    struct entry_form form = { .etag = ENTRY_ETAG_HASH };
    struct site_entry *entry = entry_make(key, &facts, true, form, INT64_MAX);

    (void)state;
    assert_non_null(entry);
    assert_true(str_equal(entry->path, key));
    entry_set_digest(entry, "0123456789abcdef0123456789abcdef");
    assert_str(entry->fields, "Content-Length: 5\r\n"
                              "Content-Type: text/html; charset=utf-8\r\n"
                              "Content-Encoding: br\r\n"
                              "Vary: Accept-Encoding\r\n"
                              "Accept-Ranges: bytes\r\n"
                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                              "ETag: \"0123456789abcdef0123456789abcdef-br\"\r\n"
                              "\r\n");
    assert_true(str_starts(entry->typed, STR("Content-Type: ")));
    assert_true(str_starts(entry->shared, STR("Vary: ")));
    assert_str(entry->type, "text/html; charset=utf-8\r\nContent-Encoding: br");
    discard(entry);

    form.etag = ENTRY_ETAG_TIME;
    entry = entry_make(variant_key(STR("/d/"), STR("i.html"), HTTP_GZIP, space), &facts, true, form,
                       INT64_MAX);
    assert_str(entry->validators.etag, "\"2ebc98a1-5-gzip\"");
    discard(entry);
}

/* What was made of a file has its type and its times; its tag is made of the file's digest. */
static void what_was_made_follows_its_file(void **state)
{
    const struct entry_form form = { .etag = ENTRY_ETAG_HASH, .codings = 1u << HTTP_GZIP };
    struct statx facts = file_of(5);
    struct site_entry *file = entry_make(STR("/a.html"), &facts, true, form, INT64_MAX);

    (void)state;
    entry_set_digest(file, "0123456789abcdef0123456789abcdef");
    struct site_entry *made = entry_make_variant(file, STR("abc"), HTTP_BR, form, INT64_MAX);
    assert_non_null(made);
    assert_str(made->fields, "Content-Length: 3\r\n"
                             "Content-Type: text/html; charset=utf-8\r\n"
                             "Content-Encoding: br\r\n"
                             "Vary: Accept-Encoding\r\n"
                             "Accept-Ranges: bytes\r\n"
                             "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                             "ETag: \"0123456789abcdef0123456789abcdef-br\"\r\n"
                             "\r\n");
    assert_str(str_of(made->bytes, made->size), "abc");
    assert_int_equal(made->codings, 0);
    discard(made);
    discard(file);
}

static void a_file_with_variants_says_so(void **state)
{
    const struct entry_form form = { .codings = 1u << HTTP_BR };
    struct statx facts = file_of(5);
    struct site_entry *entry = entry_make(STR("/a"), &facts, true, form, INT64_MAX);

    (void)state;
    assert_int_equal(entry->codings, 1u << HTTP_BR);
    assert_true(str_starts(entry->shared, STR("Vary: Accept-Encoding\r\n")));
    assert_str(entry->validators.etag, "\"2ebc98a1-5\"");
    discard(entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_have_fields_of_their_own),
        cmocka_unit_test(a_file_with_variants_says_so),
        cmocka_unit_test(what_was_made_follows_its_file),
        cmocka_unit_test(tags_by_form),
        cmocka_unit_test(rules_add_fields),
        cmocka_unit_test(fields_are_exact),
        cmocka_unit_test(ends_of_the_fields_stand_alone),
        cmocka_unit_test(validators_are_those_of_the_fields),
        cmocka_unit_test(a_form_may_say_otherwise),
        cmocka_unit_test(begins_as_it_should),
        cmocka_unit_test(holds_small_files_whole),
        cmocka_unit_test(tells_what_is_sent_at_once),
        cmocka_unit_test(holds_large_files_without_bytes),
        cmocka_unit_test(etag_is_that_of_any_copy),
        cmocka_unit_test(etag_tells_times_and_sizes_apart),
        cmocka_unit_test(extreme_facts_are_written),
        cmocka_unit_test(a_type_too_long_is_left_out),
        cmocka_unit_test(every_fact_tells),
        cmocka_unit_test(other_facts_do_not_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The names of variants, and which lie beside a file. */
#include "site/variants.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void keys_are_taken_apart_again(void **state)
{
    static const char *const paths[] = { "/", "/a.js", "/d/", "/a.js.br" };
    char space[VARIANT_KEY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (int wanted = HTTP_IDENTITY + 1; wanted < HTTP_CODINGS; wanted++) {
            struct str path = str_from(paths[i]);
            struct str index = str_ends(path, STR("/")) ? STR("index.html") : STR("");
            struct str key = variant_key(path, index, (enum http_coding)wanted, space);
            struct variant variant = variant_of_key(key);
            assert_true(str_equal(variant.path, path));
            assert_true(str_equal(variant.index, index));
            assert_int_equal(variant.coding, wanted);
        }
}

static void other_keys_stand_for_themselves(void **state)
{
    static const struct str keys[] = { STR_INIT("/a"), STR_INIT("/"), STR_INIT("/a\0"),
                                       STR_INIT("/\0.html.name"), STR_INIT("/\0b") };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct variant variant = variant_of_key(keys[i]);
        assert_true(str_equal(variant.path, keys[i]));
        assert_int_equal(variant.coding, HTTP_IDENTITY);
    }
}

static void the_longest_path_has_keys(void **state)
{
    char path[HTTP_PATH_MAX], index[NAME_MAX], space[VARIANT_KEY_MAX];

    (void)state;
    memset(path, 'x', sizeof path);
    memset(index, 'x', sizeof index);
    assert_int_equal(
        variant_key(str_of(path, sizeof path), str_of(index, sizeof index), HTTP_ZSTD, space).len,
        VARIANT_KEY_MAX);
}

static void names_tell_what_they_lie_beside(void **state)
{
    static const struct {
        const char *name, *file; /* NULL: none */
    } rows[] = {
        { "a.br", "a" },   { "a.js.gz", "a.js" }, { "a.js.zst", "a.js" }, { "a.br.gz", "a.br" },
        { "a.js", NULL },  { ".br", NULL },       { "br", NULL },         { "", NULL },
        { "a.brx", NULL }, { "a.BR", NULL },      { "a.zstd", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str file;
        bool is_one = variant_has_name(str_from(rows[i].name), &file);
        assert_int_equal(is_one, rows[i].file != NULL);
        assert_true(!is_one || str_equal(file, str_from(rows[i].file)));
    }
}

/* --- on disk --- */

static int enter_directory(void **state)
{
    char path[] = "/tmp/ringlet-variants-XXXXXX";

    assert_non_null(mkdtemp(path));
    *state = strdup(path);
    return *state ? chdir(path) : -1;
}

static int leave_directory(void **state)
{
    static const char *const names[] = { "a.br", "a.gz", "a.zst" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(names[i]);
    int failed = chdir("/") | rmdir(*state);
    free(*state);
    return failed;
}

static unsigned found_beside(const char *file)
{
    int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct variants variants = { .root = root, .file = file };

    assert_true(root >= 0);
    variants_run(&variants);
    close(root);
    return variants.found;
}

static void put(const char *name)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
}

static void files_and_links_count(void **state)
{
    (void)state;
    assert_int_equal(found_beside("a"), 0);
    put("a.br");
    assert_int_equal(found_beside("a"), 1u << HTTP_BR);
    put("a.gz");
    assert_int_equal(found_beside("a"), 1u << HTTP_BR | 1u << HTTP_GZIP);
    assert_int_equal(symlink("elsewhere", "a.zst"), 0);
    assert_int_equal(found_beside("a"), 1u << HTTP_BR | 1u << HTTP_GZIP | 1u << HTTP_ZSTD);
    assert_int_equal(found_beside("b"), 0);
}

static void nothing_else_counts(void **state)
{
    char name[5000];

    (void)state;
    assert_int_equal(mkdir("a.br", 0755), 0);
    assert_int_equal(mkfifo("a.gz", 0644), 0);
    put("a.zst");
    assert_int_equal(truncate("a.zst", 0), 0);
    assert_int_equal(found_beside("a"), 0);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(found_beside(name), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_taken_apart_again),
        cmocka_unit_test(other_keys_stand_for_themselves),
        cmocka_unit_test(the_longest_path_has_keys),
        cmocka_unit_test(names_tell_what_they_lie_beside),
        cmocka_unit_test_setup_teardown(files_and_links_count, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(nothing_else_counts, enter_directory, leave_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

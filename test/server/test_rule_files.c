/* The files of rules in a directory of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rule_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ringlet-rules-XXXXXX";
static int root;

static void write_file(const char *name, const char *text, size_t len)
{
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static void put(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void look_again(struct rule_look *look, const struct rule_files *files)
{
    rule_look_begin(look, files);
    rule_look_run(look, root);
}

/* Look, and take it over. */
static bool look(struct rule_files *files)
{
    struct rule_look look;

    look_again(&look, files);
    return rule_files_take(files, &look);
}

static void files_come_change_and_go(void **state)
{
    struct rule_files files = { .stamps = { { .there = false } } };

    (void)state;
    assert_false(look(&files));
    put("_headers", "/*\n X: 1\n");
    put("_redirects", "/a /b\n/c /d\n");
    assert_true(look(&files));
    assert_int_equal(files.headers.count, 1);
    assert_int_equal(files.redirects.count, 2);
    assert_false(look(&files));
    put("_headers", "/*\n X: 1\n"); /* the same again */
    assert_false(look(&files));
    put("_headers", "/*\n X: 2\n");
    assert_true(look(&files));
    assert_true(str_equal(files.headers.rules[0].lines, STR("X: 2\r\n")));
    unlinkat(root, "_headers", 0);
    assert_true(look(&files));
    assert_int_equal(files.headers.count, 0);
    assert_int_equal(files.redirects.count, 2);
    put("_redirects", "");
    assert_true(look(&files));
    assert_int_equal(files.redirects.count, 0);
    unlinkat(root, "_redirects", 0);
    assert_true(look(&files));
    rule_files_release(&files);
}

static void what_is_wrong_is_told_once_and_changes_nothing(void **state)
{
    struct rule_files files = { .stamps = { { .there = false } } };
    struct rule_look seen;
    struct sentence why;
    uint64_t version, again;

    (void)state;
    put("_redirects", "/a /b\n");
    assert_true(look(&files));
    put("_redirects", "/a /b\n/c /d\n/e\n");
    look_again(&seen, &files);
    assert_false(rule_look_complaint(&seen, RULE_HEADERS, &why, &version));
    assert_true(rule_look_complaint(&seen, RULE_REDIRECTS, &why, &version));
    assert_string_equal(why.text, "_redirects line 3: TO is missing; a rule is FROM TO [STATUS]");

    struct rule_files other = { .stamps = { { .there = false } } };
    struct rule_look same;
    look_again(&same, &other);
    assert_true(rule_look_complaint(&same, RULE_REDIRECTS, &why, &again));
    assert_true(version == again && version != 0);

    assert_false(rule_files_take(&files, &seen));
    assert_int_equal(files.redirects.count, 1);
    look_again(&seen, &files);
    assert_false(rule_look_complaint(&seen, RULE_REDIRECTS, &why, &version));
    assert_false(rule_files_take(&files, &seen));
    put("_redirects", "/c /d\n/e /f\n");
    assert_true(look(&files));
    assert_int_equal(files.redirects.count, 2);
    unlinkat(root, "_redirects", 0);
    rule_files_release(&files);
}

static void assert_complaint(const char *wanted)
{
    struct rule_files files = { .stamps = { { .there = false } } };
    struct rule_look seen;
    struct sentence why = { "" };
    uint64_t version;

    for (int i = 0; i < 2; i++) { /* the second time it is known */
        look_again(&seen, &files);
        assert_int_equal(rule_look_complaint(&seen, RULE_HEADERS, &why, &version), i == 0);
        assert_false(rule_files_take(&files, &seen));
        assert_string_equal(why.text, wanted);
    }
    rule_files_release(&files);
}

static void what_is_no_file_of_rules(void **state)
{
    static char large[FIELD_RULES_FILE_MAX + 1];

    (void)state;
    memset(large, '\n', sizeof large);
    write_file("_headers", large, sizeof large);
    assert_complaint("_headers: more than 1 MiB");
    unlinkat(root, "_headers", 0);
    assert_int_equal(mkdirat(root, "_headers", 0755), 0);
    assert_complaint("_headers: it is no file");
    unlinkat(root, "_headers", AT_REMOVEDIR);
    assert_int_equal(mkfifoat(root, "_headers", 0644), 0);
    assert_complaint("_headers: it is no file");
    unlinkat(root, "_headers", 0);
    assert_int_equal(symlinkat("/etc/passwd", root, "_headers"), 0);
    assert_complaint("_headers: Invalid cross-device link");
    unlinkat(root, "_headers", 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    close(root);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_change_and_go),
        cmocka_unit_test(what_is_wrong_is_told_once_and_changes_nothing),
        cmocka_unit_test(what_is_no_file_of_rules),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "http/path.h"

#include <stdio.h>

struct path_case {
    struct str path;
    int status; /* 200, or of the refusal */
    struct str normalised;
};

#define SAME(text)                                                                                 \
    {                                                                                              \
        STR_INIT(text), 200, STR_INIT(text)                                                        \
    }
#define TO(text, other)                                                                            \
    {                                                                                              \
        STR_INIT(text), 200, STR_INIT(other)                                                       \
    }
#define NOT(text, code)                                                                            \
    {                                                                                              \
        STR_INIT(text), code, STR_INIT("")                                                         \
    }

static const struct path_case cases[] = {
    SAME("/"),
    SAME("/a"),
    SAME("/a/"),
    SAME("/small.txt"),
    SAME("/a/b/c.tar.gz"),
    SAME("/a-long-name/with-many-parts/that-takes/several-blocks/of-sixteen.html"),
    SAME("/\xc3\xa9"),
    SAME("/a.b./c../d"),
    SAME("/a\\b"),
    SAME("/ !\"#$&'()*+,-:;<=>?@[]^_`{|}~"),
    SAME("/.a"),
    SAME("/..."),
    SAME("/..a/.b./"),
    SAME("/.well-known/acme"),
    TO("//", "/"),
    TO("///", "/"),
    TO("//a", "/a"),
    TO("/a//b", "/a/b"),
    TO("/a//", "/a/"),
    TO("/.", "/"),
    TO("/./", "/"),
    TO("/./a", "/a"),
    TO("/a/.", "/a/"),
    TO("/a/./", "/a/"),
    TO("/a/./b", "/a/b"),
    TO("/a/..", "/"),
    TO("/a/../", "/"),
    TO("/a/../b", "/b"),
    TO("/a/b/..", "/a/"),
    TO("/a/b/../c", "/a/c"),
    TO("/a/b/../../c", "/c"),
    TO("/a//../b", "/b"),
    TO("/a/.//./../b/", "/b/"),
    TO("/%61", "/a"),
    TO("/%41%5a%7E", "/AZ~"),
    TO("/%c3%A9", "/\xc3\xa9"),
    TO("/%2e", "/"),
    TO("/%2E/a", "/a"),
    TO("/a/%2e%2e/b", "/b"),
    TO("/a/.%2e", "/"),
    TO("/a/%2e./b", "/b"),
    TO("/%25", "/%"),
    TO("/%252e%252e/", "/%2e%2e/"),
    TO("/%20%09%0d%0a%7f", "/ \t\r\n\x7f"),
    TO("/%5c", "/\\"),
    TO("/%3f%23", "/?#"),
    NOT("/a%", 400),
    NOT("/%", 400),
    NOT("/%4", 400),
    NOT("/%zz", 400),
    NOT("/%4g", 400),
    NOT("/%g4", 400),
    NOT("/% 41", 400),
    NOT("/%%", 400),
    NOT("/a%2", 400),
    NOT("/%/a", 400),
    NOT("/%4/1", 400),
    NOT("/%00", 400),
    NOT("/a%00b", 400),
    NOT("/a\0b", 400),
    NOT("/..", 400),
    NOT("/../", 400),
    NOT("/../a", 400),
    NOT("/a/../..", 400),
    NOT("/a/../../b", 400),
    NOT("//..", 400),
    NOT("/./..", 400),
    NOT("/%2e%2e", 400),
    NOT("/.%2e/etc/passwd", 400),
    NOT("/a/%2E./%2e%2E/b", 400),
    NOT("/%2f", 404),
    NOT("/a%2Fb", 404),
    NOT("/..%2f..", 404),
    NOT("/%2f%00", 404),
    NOT("/%00%2f", 400),
    NOT("", 400),
    NOT("a", 400),
    NOT("*", 400),
    NOT("%2fa", 400),
};

static void check_path(struct guard guard, struct str path, int status, struct str wanted)
{
    char *out = guard.first;
    char *copy = guard_at_end(guard, path.at, path.len);

    memset(out, 0x5a, HTTP_PATH_MAX);
    ssize_t got = http_path_normalise(str_of(copy, path.len), out);
    if (got != (status == 200 ? (ssize_t)wanted.len : -status))
        fail_msg("%.*s: got %zd", (int)path.len, path.at, got);
    if (got < 0)
        return;
    assert_memory_equal(out, wanted.at, wanted.len);
    assert_int_equal(out[wanted.len], '\0');
}

static void test_normalise(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_path(guard, cases[i].path, cases[i].status, cases[i].normalised);
    guard_free(guard);
}

/* `out` flush against the end of memory, and paths of lengths around the limit. */
static void test_limit(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    char *out = guard.first + GUARD_MAX - HTTP_PATH_MAX;
    char path[3 * HTTP_PATH_MAX];

    for (size_t len = HTTP_PATH_MAX - 40; len < HTTP_PATH_MAX + 40; len++) {
        ssize_t wanted = len < HTTP_PATH_MAX ? (ssize_t)len : -414;
        memset(path, 'a', sizeof path);
        path[0] = '/';
        assert_int_equal(http_path_normalise(str_of(path, len), out), wanted);
        path[len - 1] = '/';
        assert_int_equal(http_path_normalise(str_of(path, len), out), wanted);
        memcpy(path + 1, "%62", 3);
        wanted = len - 2 < HTTP_PATH_MAX ? (ssize_t)len - 2 : -414;
        assert_int_equal(http_path_normalise(str_of(path, len), out), wanted);
        memset(path, '/', len);
        path[len - 1] = 'a';
        assert_int_equal(http_path_normalise(str_of(path, len), out), 2);
    }
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = "/a/."[i % 4];
    assert_int_equal(http_path_normalise(str_of(path, 8192), out), -414);
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = "/a/.."[i % 5];
    assert_int_equal(http_path_normalise(str_of(path, 10000), out), 1);
    guard_free(guard);
}

static void test_hidden(void **state)
{
    (void)state;
    const char *const hidden[] = { "/.a",
                                   "/.",
                                   "/a/.b",
                                   "/a/.b/c",
                                   "/.git/config",
                                   "/.well-know",
                                   "/.well-knowns",
                                   "/a/.well-known",
                                   "/.well-known/.a",
                                   "/.well-known.txt",
                                   "/..." };
    const char *const open[] = {
        "/",       "/a",           "/a.b",          "/a./b",
        "/a.",     "/.well-known", "/.well-known/", "/.well-known/acme/a.b",
        "/a/b.c.d"
    };

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (!http_path_is_hidden(str_from(hidden[i])))
            fail_msg("%s is hidden", hidden[i]);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        if (http_path_is_hidden(str_from(open[i])))
            fail_msg("%s is not hidden", open[i]);
}

static void check_encoded(struct str path, struct str wanted)
{
    char memory[256];
    struct text t = text_in(memory, sizeof memory);

    http_path_encode(&t, path);
    assert_false(t.cut);
    assert_true(str_equal(text_str(&t), wanted));
}

static void test_encode(void **state)
{
    (void)state;
    check_encoded(STR("/"), STR("/"));
    check_encoded(STR("/a/b.c"), STR("/a/b.c"));
    check_encoded(STR("/azAZ09-._~!$&'()*+,;=:@/"), STR("/azAZ09-._~!$&'()*+,;=:@/"));
    check_encoded(STR("/ %?#[]\"<>\\^`{|}"), STR("/%20%25%3F%23%5B%5D%22%3C%3E%5C%5E%60%7B%7C%7D"));
    check_encoded(STR("/\\evil.example"), STR("/%5Cevil.example"));
    check_encoded(STR("/\xc3\xa9\r\n"), STR("/%C3%A9%0D%0A"));
}

/* Every byte that a path can hold comes back through its encoding. */
static void test_there_and_back(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char path[] = { '/', 'a', (char)byte, 'b' };
        char memory[16], out[HTTP_PATH_MAX];
        struct text t = text_in(memory, sizeof memory);
        if (byte == '/')
            continue;
        http_path_encode(&t, str_of(path, sizeof path));
        assert_int_equal(http_path_normalise(text_str(&t), out), sizeof path);
        assert_memory_equal(out, path, sizeof path);
    }
}

/* What does not fit is said to be cut, and nothing is written beyond. */
static void test_encode_little_room(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 12; cap++) {
        char memory[16];
        struct text t = text_in(memory, cap);
        memset(memory, 0x5a, sizeof memory);
        http_path_encode(&t, STR("/a b c"));
        assert_int_equal(t.cut, cap < 10);
        for (size_t i = cap; i < sizeof memory; i++)
            assert_int_equal(memory[i], 0x5a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),      cmocka_unit_test(test_limit),
        cmocka_unit_test(test_hidden),         cmocka_unit_test(test_encode),
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_encode_little_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

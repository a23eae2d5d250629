/* The writer works in blocks that lie over each other, so it is held against one that knows no
 * blocks, for every length around theirs, with fields that end at a page that can't be read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "server/access_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MARGIN = 64 };

static const char date[] = "06/Nov/1994:08:49:37 +0000";

static void add_expected(struct text *out, struct str field, size_t max)
{
    if (field.len == 0)
        text_add(out, STR("-"));
    for (size_t i = 0; i < field.len && i < max; i++) {
        unsigned char c = (unsigned char)field.at[i];
        char one[8];
        bool plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
        int len = snprintf(one, sizeof one, plain ? "%c" : "\\x%02X", c);
        text_add(out, str_of(one, (size_t)len));
    }
    if (field.len > max)
        text_add(out, STR("..."));
}

static struct str write_expected(char *space, size_t cap, const struct access_line *line)
{
    struct text out = text_in(space, cap);

    add_expected(&out, line->peer, ACCESS_PEER_MAX);
    text_add(&out, STR(" - - ["));
    text_add(&out, str_from(date));
    text_add(&out, STR("] \""));
    add_expected(&out, line->method, ACCESS_METHOD_MAX);
    if (line->method.len > 0) {
        text_add(&out, STR(" "));
        add_expected(&out, line->target, ACCESS_TARGET_MAX);
        text_add(&out, STR(" HTTP/1."));
        text_add_number(&out, (unsigned)line->minor);
    }
    text_add(&out, STR("\" "));
    text_add_number(&out, (unsigned)line->status);
    text_add(&out, STR(" "));
    text_add_number(&out, line->bytes);
    text_add(&out, STR(" \""));
    add_expected(&out, line->referer, ACCESS_FIELD_MAX);
    text_add(&out, STR("\" \""));
    add_expected(&out, line->user_agent, ACCESS_FIELD_MAX);
    text_add(&out, STR("\"\n"));
    assert_false(out.cut);
    return text_str(&out);
}

/* The same, with nothing that is not on all machines. */
size_t plain_c_access_line_write(char *out, const struct access_line *line,
                                 const char date_of_line[HTTP_LOG_DATE_LEN]);

typedef size_t write_function(char *out, const struct access_line *line,
                              const char date_of_line[HTTP_LOG_DATE_LEN]);

static void assert_written_by(write_function *write_line, const struct access_line *line)
{
    static char got[ACCESS_LINE_MAX + MARGIN], wanted[ACCESS_LINE_MAX];

    memset(got, 0x5a, sizeof got);
    size_t len = write_line(got, line, date);
    struct str expected = write_expected(wanted, sizeof wanted, line);
    if (!str_equal(str_of(got, len), expected))
        fail_msg("%.*s is not %.*s", (int)len, got, (int)expected.len, expected.at);
    for (size_t i = ACCESS_LINE_MAX; i < sizeof got; i++)
        assert_int_equal(got[i], 0x5a);
}

static void assert_written(const struct access_line *line)
{
    assert_written_by(access_line_write, line);
    assert_written_by(plain_c_access_line_write, line);
}

/* `len` bytes at the end of a page that is followed by one without access. */
static char *at_the_edge(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    assert_true(len <= page);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    return pages + page - len;
}

static void leave_the_edge(char *at, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    assert_int_equal(munmap(at + len - page, 2 * page), 0);
}

static struct access_line plain_line(void)
{
    return (struct access_line){
        .peer = STR("::1"), .method = STR("GET"), .target = STR("/"), .minor = 1, .status = 200
    };
}

static void a_line_is_in_the_combined_format(void **state)
{
    char got[ACCESS_LINE_MAX];
    struct access_line line = plain_line();

    (void)state;
    line.bytes = 13;
    line.referer = STR("http://a.example/");
    size_t len = access_line_write(got, &line, date);
    assert_true(str_equal(str_of(got, len),
                          STR("::1 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 13 "
                              "\"http://a.example/\" \"-\"\n")));
}

static void every_length_at_the_edge_of_a_page(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 70; len++) {
        char *field = at_the_edge(len);
        struct access_line line = plain_line();
        for (size_t i = 0; i < len; i++)
            field[i] = (char)('!' + 1 + (i * 7) % 50 + 1); /* harmless, and each place its own */
        line.user_agent = str_of(field, len);
        assert_written(&line);
        line.peer = line.method = line.target = line.referer = line.user_agent;
        assert_written(&line);
        for (size_t i = 0; i < len; i++) {
            char kept = field[i];
            field[i] = '\n';
            assert_written(&line);
            field[i] = kept;
        }
        leave_the_edge(field, len);
    }
}

static void every_byte(void **state)
{
    static const size_t lengths[] = { 1, 7, 15, 16, 17, 33 };

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            char field[40];
            struct access_line line = plain_line();
            memset(field, 'a', sizeof field);
            field[0] = (char)c;
            line.referer = str_of(field, lengths[i]);
            assert_written(&line);
            field[0] = 'a';
            field[lengths[i] - 1] = (char)c;
            assert_written(&line);
        }
    }
}

static void fields_are_cut_at_their_limits(void **state)
{
    static char much[ACCESS_TARGET_MAX + 1];

    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        memset(much, odd ? 0x80 : 'm', sizeof much);
        for (size_t more = 0; more < 2; more++) {
            struct access_line line = plain_line();
            line.peer = str_of(much, ACCESS_PEER_MAX + more);
            line.method = str_of(much, ACCESS_METHOD_MAX + more);
            line.target = str_of(much, ACCESS_TARGET_MAX + more);
            line.referer = line.user_agent = str_of(much, ACCESS_FIELD_MAX + more);
            line.bytes = UINT64_MAX;
            assert_written(&line);
        }
    }
}

static void numbers_of_every_length(void **state)
{
    (void)state;
    for (uint64_t power = 1, before = 0; power > before; before = power, power *= 10) {
        struct access_line line = plain_line();
        for (int around = -1; around <= 1; around++) {
            line.bytes = power + (uint64_t)around;
            assert_written(&line);
        }
        if (power > UINT64_MAX / 10)
            break;
    }

    struct access_line line = plain_line();
    line.bytes = UINT64_MAX;
    line.minor = 0;
    line.status = 599;
    assert_written(&line);
}

static void every_outcome(void **state)
{
    (void)state;
    for (int minor = 0; minor < 10; minor++) {
        for (int status = 100; status < 600; status++) {
            struct access_line line = plain_line();
            line.minor = minor;
            line.status = status;
            assert_written(&line);
        }
    }
}

static void what_is_missing_is_a_dash(void **state)
{
    const struct access_line line = { .status = 400 };

    (void)state;
    assert_written(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_in_the_combined_format),
        cmocka_unit_test(every_length_at_the_edge_of_a_page),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(fields_are_cut_at_their_limits),
        cmocka_unit_test(numbers_of_every_length),
        cmocka_unit_test(every_outcome),
        cmocka_unit_test(what_is_missing_is_a_dash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

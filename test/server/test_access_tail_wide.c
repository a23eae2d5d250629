/* What is better than the way of any processor is held against one byte at a time, with fields that
 * lie against a page that can't be read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "tail.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEN_MIN = 16, LEN_MAX = 140, SPACE = 2 * LEN_MAX + 8, MARGIN = 64 };

/* Two fields, each at the end of a page that is followed by one without access. */
struct fields {
    char *pages;
    size_t page;
};

static struct fields make_fields(void)
{
    struct fields f = { .page = (size_t)sysconf(_SC_PAGESIZE) };

    f.pages = mmap(NULL, 4 * f.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(f.pages != MAP_FAILED);
    assert_int_equal(mprotect(f.pages + f.page, f.page, PROT_NONE), 0);
    assert_int_equal(mprotect(f.pages + 3 * f.page, f.page, PROT_NONE), 0);
    return f;
}

/* `len` bytes, each place its own. */
static char *field_of(const struct fields *f, int number, size_t len)
{
    char *at = f->pages + (size_t)(2 * number + 1) * f->page - len;

    for (size_t i = 0; i < len; i++)
        at[i] = (char)('a' + (i * 7 + (size_t)number) % 26);
    return at;
}

static bool may_stay(struct str field)
{
    for (size_t i = 0; i < field.len; i++) {
        unsigned char c = (unsigned char)field.at[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            return false;
    }
    return true;
}

static void check(struct str referer, struct str user_agent)
{
    char got[SPACE + MARGIN], space[SPACE];
    struct text wanted = text_in(space, sizeof space);

    if (!tail_takes(referer, user_agent))
        return;
    memset(got, 0x5a, sizeof got);
    char *end = tail_write(got, referer, user_agent);
    text_add(&wanted, referer.len ? referer : STR("-"));
    text_add(&wanted, STR("\" \""));
    text_add(&wanted, user_agent);
    text_add(&wanted, STR("\"\n"));
    assert_false(wanted.cut);
    assert_true((end != NULL) == (may_stay(referer) && may_stay(user_agent)));
    const size_t len = text_str(&wanted).len;
    if (end)
        assert_true(str_equal(text_str(&wanted), str_of(got, (size_t)(end - got))));
    for (size_t i = len; i < sizeof got; i++)
        assert_int_equal(got[i], 0x5a);
}

static void any_lengths(void **state)
{
    struct fields f = make_fields();

    (void)state;
    for (size_t first = 0; first <= LEN_MAX; first++) {
        char *referer = field_of(&f, 0, first);
        for (size_t second = 0; second <= LEN_MAX; second++)
            check(str_of(referer, first), str_of(field_of(&f, 1, second), second));
    }
    assert_int_equal(munmap(f.pages, 4 * f.page), 0);
}

/* At each place of fields of each length. */
static void any_byte_anywhere(void **state)
{
    struct fields f = make_fields();

    (void)state;
    for (size_t len = LEN_MIN; len <= LEN_MAX; len += len < 70 ? 1 : 23) {
        char *at[] = { field_of(&f, 0, len), field_of(&f, 1, len) };
        for (size_t i = 0; i < 2 * len; i++) {
            char *place = &at[i % 2][i / 2];
            const char kept = *place;
            for (unsigned c = 0; c < 256; c++) {
                *place = (char)c;
                check(str_of(at[0], len), str_of(at[1], len));
            }
            *place = kept;
        }
    }
    assert_int_equal(munmap(f.pages, 4 * f.page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_lengths),
        cmocka_unit_test(any_byte_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

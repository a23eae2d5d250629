#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "site/digest.h"

enum { SIZE = 3 * DIGEST_PIECE + 17 };

/* A file in memory with these bytes. */
static int file_of(const char *bytes, size_t len)
{
    int fd = memfd_create("digest", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    return fd;
}

/* The values are those that xxhsum -H2 gives. */
static void test_known(void **state)
{
    char text[DIGEST_LEN];

    (void)state;
    digest_of(STR(""), text);
    assert_memory_equal(text, "99aa06d3014798d86001c324468d497f", DIGEST_LEN);
}

static void test_a_file_is_its_bytes(void **state)
{
    const size_t sizes[] = { 0, 1, DIGEST_PIECE - 1, DIGEST_PIECE, DIGEST_PIECE + 1, SIZE };
    char *bytes = malloc(SIZE);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 255);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct digest digest = { .fd = file_of(bytes, sizes[i]), .size = sizes[i] };
        char text[DIGEST_LEN];

        digest_run(&digest);
        digest_of(str_of(bytes, sizes[i]), text);
        assert_int_equal(digest.error, 0);
        assert_int_equal(digest.size, sizes[i]);
        assert_memory_equal(digest.text, text, DIGEST_LEN);
        close(digest.fd);
    }
    free(bytes);
}

static void test_every_byte_counts(void **state)
{
    char bytes[600] = { 0 }, before[DIGEST_LEN], after[DIGEST_LEN];

    (void)state;
    digest_of(str_of(bytes, sizeof bytes), before);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        digest_of(str_of(bytes, sizeof bytes), after);
        assert_memory_not_equal(before, after, DIGEST_LEN);
        bytes[i] = 0;
    }
}

static void test_a_shorter_file(void **state)
{
    struct digest digest = { .fd = file_of("abc", 3), .size = 10 };

    (void)state;
    digest_run(&digest);
    assert_int_equal(digest.error, 0);
    assert_int_equal(digest.size, 3);
    close(digest.fd);
}

static void test_errors(void **state)
{
    struct digest digest = { .fd = -1, .size = 10 };

    (void)state;
    digest_run(&digest);
    assert_int_equal(digest.error, -EBADF);
    assert_int_equal(digest.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_a_file_is_its_bytes),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_a_shorter_file),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "io/file_range.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEN = 600 * 1000, LOOK = FILE_RANGE_LOOK };

static int make_file(void)
{
    char name[] = "file_range.XXXXXX";
    int fd = mkstemp(name);
    char *bytes = calloc(1, LEN);

    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, bytes, LEN), LEN);
    free(bytes);
    return fd;
}

/* Some file systems can't tell; then nothing is resident, and that is all there is to test. */
static bool can_tell(int fd)
{
    return file_range_resident(fd, 0, 1) == 1;
}

static void what_was_written_is_there(void **state)
{
    int fd = make_file();

    (void)state;
    if (!can_tell(fd))
        skip();
    assert_int_equal(file_range_resident(fd, 0, 100), 100);
    assert_int_equal(file_range_resident(fd, 4000, 50000), 50000);
    assert_int_equal(file_range_resident(fd, 0, LEN), LOOK);
    assert_in_range(file_range_resident(fd, LEN - 10, 100), 10, 100);
    assert_int_equal(file_range_resident(fd, LEN, 100), 0);
    close(fd);
}

static void what_is_there_can_be_read(void **state)
{
    int fd = make_file();
    char bytes[100];

    (void)state;
    if (!can_tell(fd))
        skip();
    assert_int_equal(pwrite(fd, "xy", 2, 4095), 2);
    assert_int_equal(file_range_read(fd, 4095, 100, bytes), 100);
    assert_memory_equal(bytes, "xy", 3);
    assert_int_equal(file_range_read(fd, LEN - 10, 100, bytes), 10);
    assert_int_equal(file_range_read(fd, LEN, 100, bytes), 0);
    assert_int_equal(file_range_read(-1, 0, 100, bytes), -EBADF);
    close(fd);
}

/* The first page is there and the rest is not; a look does not read ahead. */
static void a_hole_in_memory_ends_it(void **state)
{
    int fd = make_file();
    char byte;

    (void)state;
    if (!can_tell(fd))
        skip();
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (file_range_resident(fd, 0, LEN) != -EAGAIN)
        skip(); /* it lives in memory */
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    assert_in_range(file_range_resident(fd, 0, LEN), 4096, LOOK - 1);
    assert_in_range(file_range_resident(fd, 100, LEN), 3996, LOOK - 1);
    assert_int_equal(file_range_resident(fd, LOOK, LEN), -EAGAIN);
    close(fd);
}

static void what_was_dropped_is_not(void **state)
{
    int fd = make_file();

    (void)state;
    if (!can_tell(fd))
        skip();
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ssize_t there = file_range_resident(fd, 0, LEN);
    assert_true(there == -EAGAIN || there == LOOK); /* LOOK where the file system lives in memory */
    close(fd);
}

static void errors_are_results(void **state)
{
    (void)state;
    assert_int_equal(file_range_resident(-1, 0, 10), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_there), cmocka_unit_test(what_is_there_can_be_read),
        cmocka_unit_test(a_hole_in_memory_ends_it),  cmocka_unit_test(what_was_dropped_is_not),
        cmocka_unit_test(errors_are_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

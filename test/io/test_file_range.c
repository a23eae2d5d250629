#include "io/file_range.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* As if nothing had been seen before. */
static ssize_t look(int fd, off_t at, size_t len)
{
    struct file_looks looks = { 0 };

    return file_range_resident(&looks, fd, at, len);
}

/* Some file systems can't tell; then nothing is resident, and that is all there is to test. */
static bool can_tell(int fd)
{
    return look(fd, 0, 1) == 1;
}

static void what_was_written_is_there(void **state)
{
    int fd = make_file();

    (void)state;
    if (!can_tell(fd))
        skip();
    assert_int_equal(look(fd, 0, 100), 100);
    assert_int_equal(look(fd, 4000, 50000), 50000);
    assert_int_equal(look(fd, 0, LEN), LOOK);
    assert_in_range(look(fd, LEN - 10, 100), 10, 100);
    assert_int_equal(look(fd, LEN, 100), 0);
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

/* Where the first page begins that is not in memory, by mincore(2); LOOK when all are that a look
 * goes through. */
static off_t first_hole(int fd)
{
    unsigned char pages[LOOK / FILE_RANGE_PAGE];
    void *mapped = mmap(NULL, LOOK, PROT_READ, MAP_SHARED, fd, 0);
    int i = 0;

    assert_true(mapped != MAP_FAILED);
    assert_int_equal(mincore(mapped, LOOK, pages), 0);
    munmap(mapped, LOOK);
    while (i < LOOK / FILE_RANGE_PAGE && (pages[i] & 1))
        i++;
    return (off_t)i * FILE_RANGE_PAGE;
}

/* Let go of the file but for its first page. The kernel keeps pages that it has under way: then
 * once more. Returns where what is gone begins, LOOK when it keeps all it has. */
static off_t make_hole(int fd)
{
    off_t hole = LOOK;
    char byte;

    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* a look may begin to read */
    for (int i = 0; i < 100 && hole == LOOK; i++) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        assert_int_equal(pread(fd, &byte, 1, 0), 1);
        hole = first_hole(fd);
    }
    return hole;
}

/* A look makes the kernel begin to read, and a disk may be as quick as the look: what it finds then
 * is there indeed. It is not so quick every time. */
static void a_hole_in_memory_ends_it(void **state)
{
    enum { TRIES = 50 };
    int fd = make_file(), ended = 0;

    (void)state;
    if (!can_tell(fd))
        skip();
    for (int i = 0; i < TRIES && ended == 0; i++) {
        off_t hole = make_hole(fd);
        if (hole == LOOK)
            skip(); /* it lives in memory */
        ssize_t there = look(fd, 100, LEN);
        assert_in_range(there, 3996, LOOK);
        ended += there == hole - 100;
    }
    assert_int_equal(ended, 1);
    close(fd);
}

/* From now on a look at this descriptor is -ESPIPE, where there is one at all. */
static void make_unreadable(int fd)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[0], fd), fd);
    close(ends[0]);
    close(ends[1]);
}

/* A look is good for a while, for its file, and for what it saw. */
static void what_was_seen_is_remembered(void **state)
{
    struct file_looks looks = { .now_ms = 1000 };
    int fd = make_file();

    (void)state;
    if (!can_tell(fd))
        skip();
    assert_int_equal(file_range_resident(&looks, fd, 100, 100000), 100000);
    make_unreadable(fd);
    looks.now_ms += FILE_LOOK_MS - 1;
    assert_int_equal(file_range_resident(&looks, fd, 100, 100000), 100000);
    assert_int_equal(file_range_resident(&looks, fd, 70000, 30000), 30000);
    assert_in_range(file_range_resident(&looks, fd, 100, 200000), 100000, 102400);
    assert_int_equal(file_range_resident(&looks, fd, 0, 100), -ESPIPE);
    assert_int_equal(file_range_resident(&looks, fd, 200000, 10), -ESPIPE);
    looks.now_ms++;
    assert_int_equal(file_range_resident(&looks, fd, 70000, 30000), -ESPIPE);
    close(fd);
}

static void another_file_of_the_same_number(void **state)
{
    struct file_looks looks = { .now_ms = 1000 };
    int fd = make_file();

    (void)state;
    if (!can_tell(fd))
        skip();
    assert_int_equal(file_range_resident(&looks, fd, 0, LEN), LOOK);
    file_looks_forget(&looks, fd);
    make_unreadable(fd);
    assert_int_equal(file_range_resident(&looks, fd, 0, LEN), -ESPIPE);
    close(fd);
}

static void errors_are_results(void **state)
{
    (void)state;
    assert_int_equal(look(-1, 0, 10), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_there),
        cmocka_unit_test(what_is_there_can_be_read),
        cmocka_unit_test(a_hole_in_memory_ends_it),
        cmocka_unit_test(what_was_seen_is_remembered),
        cmocka_unit_test(another_file_of_the_same_number),
        cmocka_unit_test(errors_are_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

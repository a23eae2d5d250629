/* What is peculiar to files and watches on the ring. */
#include "uring_bench.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

enum { LEN = 300 * 1000 };

static const struct io_engine *engine = &io_uring_engine;

static int cold_file(int flags)
{
    char name[] = "uring_tasks.XXXXXX", *bytes = malloc(LEN);
    int fd = mkstemp(name);

    memset(bytes, 'x', LEN);
    assert_int_equal(write(fd, bytes, LEN), LEN);
    free(bytes);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    fd = open(name, O_RDONLY | O_CLOEXEC | flags);
    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

/* A descriptor opened with O_NONBLOCK must not make a read fail that would have to wait. */
static void cold_files_are_read_whole(void **state)
{
    static const int flags[] = {0, O_NONBLOCK};
    struct io *io = bench_open();
    char *bytes = malloc(LEN + 1);

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct io_file_op op = {
            .kind = IO_FILE_READ, .fd = cold_file(flags[i]), .bytes = bytes, .len = LEN + 1};

        engine->file(io, &op);
        assert_int_equal(bench_await(io, IO_FILE_DONE).result, LEN);
        assert_true(bytes[0] == 'x' && bytes[LEN - 1] == 'x');
        close(op.fd);
    }
    free(bytes);
    engine->free(io);
}

static void a_watch_outlives_its_shots(void **state)
{
    struct io *io = bench_open();
    struct io_watch watch = {.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    eventfd_t value;

    (void)state;
    engine->watch(io, &watch);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(eventfd_write(watch.fd, 1), 0);
        assert_ptr_equal(bench_await(io, IO_READY).watch, &watch);
        assert_int_equal(eventfd_read(watch.fd, &value), 0);
    }
    engine->unwatch(io, &watch);
    assert_ptr_equal(bench_await(io, IO_UNWATCHED).watch, &watch);
    close(watch.fd);
    engine->free(io);
}

static void what_cannot_be_watched_says_so(void **state)
{
    struct io *io = bench_open();
    struct io_watch watch = {.fd = -1};

    (void)state;
    engine->watch(io, &watch);
    assert_int_equal(bench_await(io, IO_READY).result, -EBADF);
    engine->unwatch(io, &watch);
    bench_await(io, IO_UNWATCHED);
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cold_files_are_read_whole),
        cmocka_unit_test(a_watch_outlives_its_shots),
        cmocka_unit_test(what_cannot_be_watched_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

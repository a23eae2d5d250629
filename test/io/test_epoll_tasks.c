/* What is peculiar to watches on epoll: edges, and descriptors that epoll does not take. */
#include "epoll_bench.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

static const struct io_engine *engine = &io_epoll_engine;

static void a_watch_tells_every_edge(void **state)
{
    struct io *io = bench_open();
    struct io_watch watch = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
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
    FILE *file = tmpfile();
    struct io *io = bench_open();
    struct io_watch watch = { .fd = fileno(file) };

    (void)state;
    engine->watch(io, &watch);
    assert_int_equal(bench_await(io, IO_READY).result, -EPERM);
    engine->unwatch(io, &watch);
    bench_await(io, IO_UNWATCHED);
    fclose(file);
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_tells_every_edge),
        cmocka_unit_test(what_cannot_be_watched_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

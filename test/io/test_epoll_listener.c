/* What is peculiar to a listener on epoll: it may be one that can't be watched. */
#include "epoll_bench.h"

#include <arpa/inet.h>
#include <errno.h>

static const struct io_engine *engine = &io_epoll_engine;

static int listen_on(struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *addr;

    *addr =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)addr, sizeof *addr), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

static void what_cannot_be_watched_stops_at_once(void **state)
{
    struct io *io = bench_open();

    (void)state;
    engine->accept(io, -1);
    assert_int_equal(bench_await(io, IO_ACCEPT_STOPPED).result, -EBADF);
    engine->free(io);
}

static void it_goes_on_after_a_stop(void **state)
{
    struct io *io = bench_open();
    struct sockaddr_in addr;
    int listener = listen_on(&addr);

    (void)state;
    for (int round = 0; round < 3; round++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);

        engine->accept(io, listener);
        assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
        close(bench_await(io, IO_ACCEPTED).result);
        engine->stop_accept(io, listener);
        assert_int_equal(bench_await(io, IO_ACCEPT_STOPPED).result, 0);
        close(client);
    }
    close(listener);
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_watched_stops_at_once),
        cmocka_unit_test(it_goes_on_after_a_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

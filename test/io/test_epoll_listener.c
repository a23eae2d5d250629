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

/* Connect, and have it accepted from the listener that it went to. */
static void check_accepts(struct io *io, int listener, const struct sockaddr_in *addr)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(client, (const struct sockaddr *)addr, sizeof *addr), 0);
    struct io_event event = bench_await(io, IO_ACCEPTED);
    assert_int_equal(event.listener, listener);
    close(event.result);
    close(client);
}

static void check_stops(struct io *io, int listener)
{
    engine->stop_accept(io, listener);
    struct io_event event = bench_await(io, IO_ACCEPT_STOPPED);
    assert_int_equal(event.listener, listener);
    assert_int_equal(event.result, 0);
}

static void two_listeners_know_nothing_of_each_other(void **state)
{
    struct io *io = bench_open();
    struct sockaddr_in first_addr = { 0 }, second_addr = first_addr;
    int first = listen_on(&first_addr), second = listen_on(&second_addr);

    (void)state;
    engine->accept(io, first);
    engine->accept(io, second);
    for (int round = 0; round < 3; round++) {
        check_accepts(io, second, &second_addr);
        check_accepts(io, first, &first_addr);
        check_stops(io, first);
        check_accepts(io, second, &second_addr);
        engine->accept(io, first);
        check_stops(io, second);
        check_accepts(io, first, &first_addr);
        engine->accept(io, second);
    }
    check_stops(io, first);
    check_stops(io, second);
    engine->free(io);
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_watched_stops_at_once),
        cmocka_unit_test(it_goes_on_after_a_stop),
        cmocka_unit_test(two_listeners_know_nothing_of_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

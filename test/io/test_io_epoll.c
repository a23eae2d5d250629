/* What is peculiar to the turn on epoll: when the kernel is asked. */
#include "epoll_bench.h"

static const struct io_engine *engine = &io_epoll_engine;

/* The descriptors are not asked while there are events without them, and asked the next time. */
static void events_at_hand_are_not_waited_for_in_the_kernel(void **state)
{
    struct io *io = bench_open();
    struct io_sock sock = { 0 };
    struct iovec iov = { (char[]){ "answer" }, 6 };
    struct io_event events[IO_EVENTS_MIN];
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    engine->attach(io, &sock, pair[0]);
    assert_int_equal(engine->wait(io, events, IO_EVENTS_MIN, 0), 0);
    assert_int_equal(engine->wait(io, events, IO_EVENTS_MIN, 0), 0);

    uint64_t waits = engine->stats(io).waits;
    engine->send(io, &sock, &iov, 1);
    assert_int_equal(engine->wait(io, events, IO_EVENTS_MIN, -1), 1);
    assert_int_equal(engine->stats(io).waits, waits);
    engine->send(io, &sock, &iov, 1);
    assert_int_equal(engine->wait(io, events, IO_EVENTS_MIN, -1), 1);
    assert_int_equal(engine->stats(io).waits, waits + 1);

    engine->close(io, &sock, IO_CLOSE_RESET);
    bench_await(io, IO_CLOSED);
    close(pair[1]);
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_at_hand_are_not_waited_for_in_the_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

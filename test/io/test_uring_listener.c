/* What is peculiar to a listener on the ring: an accept that is armed holds it. */
#include "uring_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

static const struct io_engine *engine = &io_uring_engine;

/* Listen on `port`, or on any when it is 0. Returns the listener or -errno; the port is in `addr`.
 */
static int listen_on(struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *addr;

    assert_true(fd >= 0);
    if (bind(fd, (struct sockaddr *)addr, sizeof *addr) < 0 || listen(fd, 16) < 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

static void an_engine_freed_while_accepting_lets_go(void **state)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct io *io = bench_open();
        struct io_event events[IO_EVENTS_MIN];
        int listener = listen_on(&addr);

        assert_true(listener >= 0);
        engine->accept(io, listener);
        assert_int_equal(engine->wait(io, events, IO_EVENTS_MIN, 0), 0);
        engine->free(io);
        close(listener);
    }
}

static void accept_right_after_stop_goes_on(void **state)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct io *io = bench_open();
    struct io_event events[IO_EVENTS_MIN];
    int listener = listen_on(&addr), client = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    engine->accept(io, listener);
    assert_int_equal(engine->wait(io, events, IO_EVENTS_MIN, 0), 0);
    engine->stop_accept(io, listener);
    engine->accept(io, listener);
    assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
    close(bench_await(io, IO_ACCEPTED).result);
    engine->stop_accept(io, listener);
    assert_int_equal(bench_await(io, IO_ACCEPT_STOPPED).result, 0);
    engine->free(io);
    close(client);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_freed_while_accepting_lets_go),
        cmocka_unit_test(accept_right_after_stop_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

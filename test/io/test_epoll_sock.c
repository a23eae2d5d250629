/* What is peculiar to sockets on epoll: how little is asked of epoll_ctl(2), and what is owed. The
 * linker hands every call of it to the count here. */
#include "epoll_bench.h"

#include <sys/epoll.h>

enum { ROUNDS = 100 };

static unsigned adds, others;

int __real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    if (op == EPOLL_CTL_ADD)
        adds++;
    else
        others++;
    return __real_epoll_ctl(epoll_fd, op, fd, event);
}

static const struct io_engine *engine = &io_epoll_engine;

static void one_add_in_a_connections_life(void **state)
{
    struct io *io = bench_open();
    struct io_sock sock = { 0 };
    struct iovec iov = { (char[]){ "answer" }, 6 };
    char bytes[8];
    int pair[2];

    (void)state;
    adds = 0;
    others = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    engine->attach(io, &sock, pair[0]);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(write(pair[1], "question", 8), 8);
        bench_await(io, IO_RECEIVED);
        engine->send(io, &sock, &iov, 1);
        bench_await(io, IO_SENT);
        assert_int_equal(read(pair[1], bytes, 6), 6);
    }
    assert_int_equal(adds, 1);
    engine->close(io, &sock, IO_CLOSE_LINGER);
    close(pair[1]);
    bench_await(io, IO_CLOSED);
    assert_int_equal(adds, 1);
    assert_int_equal(others, 0);
    engine->free(io);
}

/* Request and FIN are there when it is attached: nothing is ever waited for. */
static void no_add_where_nothing_is_waited_for(void **state)
{
    struct io *io = bench_open();
    struct io_sock sock = { 0 };
    char question[4096] = "", answer[] = "answer";
    struct iovec iov = { answer, 6 };
    int pair[2];

    (void)state;
    adds = 0;
    others = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(write(pair[1], question, sizeof question), sizeof question);
    shutdown(pair[1], SHUT_WR);
    engine->attach(io, &sock, pair[0]);
    bench_await(io, IO_ENDED);
    engine->send(io, &sock, &iov, 1);
    engine->close(io, &sock, IO_CLOSE_LINGER);
    bench_await(io, IO_CLOSED);
    assert_int_equal(read(pair[1], question, sizeof question), 6);
    assert_int_equal(adds + others, 0);
    close(pair[1]);
    engine->free(io);
}

/* Those that are closed before they were told hear only that; the others keep their order. */
static void a_close_takes_back_what_was_owed(void **state)
{
    enum { SOCKS = 8 };
    struct io *io = bench_open();
    struct io_sock socks[SOCKS] = { 0 };
    struct iovec iov = { (char[]){ "answer" }, 6 };
    struct io_event events[IO_EVENTS_MIN];
    bool told[SOCKS] = { false };
    int pairs[SOCKS][2], closed = 0, last = -1;

    (void)state;
    for (int i = 0; i < SOCKS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pairs[i]), 0);
        engine->attach(io, &socks[i], pairs[i][0]);
        engine->send(io, &socks[i], &iov, 1);
    }
    engine->close(io, &socks[7], IO_CLOSE_RESET);
    engine->close(io, &socks[0], IO_CLOSE_RESET);
    engine->close(io, &socks[4], IO_CLOSE_RESET);
    for (int sent = 0; sent + closed < SOCKS;) {
        int count = engine->wait(io, events, IO_EVENTS_MIN, BENCH_PATIENCE_MS);

        assert_true(count > 0);
        for (int i = 0; i < count; i++) {
            int which = (int)(events[i].sock - socks);

            assert_false(told[which]);
            told[which] = true;
            closed += events[i].kind == IO_CLOSED;
            if (events[i].kind != IO_SENT)
                continue;
            assert_true(which > last);
            last = which;
            sent++;
        }
    }
    assert_int_equal(closed, 3);
    for (int i = 0; i < SOCKS; i++) {
        if (socks[i].generation == 0) {
            engine->close(io, &socks[i], IO_CLOSE_RESET);
            bench_await(io, IO_CLOSED);
        }
        close(pairs[i][1]);
    }
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_add_in_a_connections_life),
        cmocka_unit_test(no_add_where_nothing_is_waited_for),
        cmocka_unit_test(a_close_takes_back_what_was_owed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

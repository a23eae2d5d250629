/* What is peculiar to sockets on the ring: a multishot receive that outruns its owner. */
#include "uring_bench.h"

#include <sys/socket.h>

static const struct io_engine *engine = &io_uring_engine;

static void fill(int fd)
{
    char bytes[1024] = "";

    while (write(fd, bytes, sizeof bytes) > 0)
        continue;
}

/* Hold every buffer that comes until none comes for a moment. Returns how many are held. */
static unsigned hold_all(struct io *io, int fd, int *leases)
{
    struct io_event events[BENCH_BUFFERS];
    unsigned held = 0;

    for (int count = 1; count > 0;) {
        fill(fd);
        count = engine->wait(io, events, BENCH_BUFFERS, 50);
        for (int i = 0; i < count; i++) {
            assert_int_equal(events[i].kind, IO_RECEIVED);
            leases[held++] = events[i].lease;
        }
    }
    return held;
}

static void a_flood_ends_within_the_socks_share(void **state)
{
    struct io *io = bench_open();
    struct io_sock sock = {0};
    int pair[2], leases[BENCH_BUFFERS];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    engine->attach(io, &sock, pair[0]);
    for (int round = 0; round < 5; round++) {
        unsigned held = hold_all(io, pair[1], leases);

        assert_in_range(held, IO_SOCK_LEASES_SOFT, IO_SOCK_LEASES_MAX);
        assert_int_equal(sock.leases, held);
        while (held > 0)
            engine->give_back(io, leases[--held]);
    }
    engine->close(io, &sock, IO_CLOSE_RESET);
    bench_await(io, IO_CLOSED);
    close(pair[1]);
    engine->free(io);
}

static void an_unsubmitted_life_ends_as_well(void **state)
{
    struct io *io = bench_open();
    struct io_sock sock = {0};
    char bytes[] = "bytes";
    struct iovec iov = {bytes, 5};

    (void)state;
    for (uint32_t life = 0; life < 50; life++) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(sock.generation, life);
        engine->attach(io, &sock, pair[0]);
        engine->pause(io, &sock);
        engine->resume(io, &sock);
        engine->send(io, &sock, &iov, 1);
        engine->close(io, &sock, life % 2 ? IO_CLOSE_RESET : IO_CLOSE_LINGER);
        engine->close(io, &sock, IO_CLOSE_RESET);
        bench_await(io, IO_CLOSED);
        close(pair[1]);
    }
    assert_int_equal(engine->stats(io).stale, 0);
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_ends_within_the_socks_share),
        cmocka_unit_test(an_unsubmitted_life_ends_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

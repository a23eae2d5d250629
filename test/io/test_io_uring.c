#include "uring_bench.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { SOCKS = 64, ROUNDS = 200 };

static const struct io_engine *engine = &io_uring_engine;

static void the_probe_names_what_it_found(void **state)
{
    char features[128] = "", cut[4] = "";

    (void)state;
    assert_true(io_uring_built_in());
    assert_true(strlen(io_uring_library()) > 0);
    if (io_uring_probe(features, sizeof features) < 0)
        exit(BENCH_SKIP);
    assert_true(strlen(features) > 0);
    assert_int_equal(io_uring_probe(cut, sizeof cut), 0);
    assert_true(strncmp(cut, features, 3) == 0 && cut[3] == '\0');
}

static void a_ring_that_cannot_be_had_is_an_error(void **state)
{
    const struct io_config config = {
        .socks_max = 16, .buffers = 128, .buffer_size = 1024, .helpers_max = 1};
    struct rlimit before, none = {.rlim_cur = 0};
    struct io *io = NULL;
    char features[16] = "x";

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int opened = engine->open(&io, &config);
    int probed = io_uring_probe(features, sizeof features);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(opened, -EMFILE);
    assert_int_equal(probed, -EMFILE);
    assert_null(io);
    assert_string_equal(features, "");
}

struct echo {
    struct io_sock sock;
    char bytes[64];
    unsigned answers;
};

static void answer(struct io *io, const struct io_event *event)
{
    struct echo *echo = CONTAINER_OF(event->sock, struct echo, sock);
    struct iovec iov = {echo->bytes, event->len};

    memcpy(echo->bytes, event->bytes, event->len);
    engine->give_back(io, event->lease);
    engine->send(io, &echo->sock, &iov, 1);
}

/* Returns how many answers were sent. */
static unsigned turn(struct io *io)
{
    struct io_event events[2 * SOCKS];
    int count = engine->wait(io, events, 2 * SOCKS, BENCH_PATIENCE_MS);
    unsigned sent = 0;

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        if (events[i].kind == IO_RECEIVED)
            answer(io, &events[i]);
        sent += events[i].kind == IO_SENT && events[i].result == 0;
    }
    return sent;
}

static void under_load_few_calls_and_nothing_lost(void **state)
{
    static struct echo echos[SOCKS];
    struct io *io = bench_open();
    int pair[SOCKS][2];
    char bytes[64];

    (void)state;
    for (int i = 0; i < SOCKS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]), 0);
        engine->attach(io, &echos[i].sock, pair[i][0]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SOCKS; i++)
            assert_int_equal(write(pair[i][1], &round, sizeof round), sizeof round);
        for (unsigned sent = 0; sent < SOCKS;)
            sent += turn(io);
        for (int i = 0; i < SOCKS; i++) {
            assert_int_equal(read(pair[i][1], bytes, sizeof bytes), sizeof round);
            assert_memory_equal(bytes, &round, sizeof round);
        }
    }
    struct io_stats stats = engine->stats(io);
    assert_int_equal(stats.stale, 0);
    assert_int_equal(stats.overflows, 0);
    assert_int_equal(stats.starved, 0);
    assert_true(stats.waits < ROUNDS * 8);
    for (int i = 0; i < SOCKS; i++) {
        engine->close(io, &echos[i].sock, IO_CLOSE_RESET);
        bench_await(io, IO_CLOSED);
        close(pair[i][1]);
    }
    engine->free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_probe_names_what_it_found),
        cmocka_unit_test(a_ring_that_cannot_be_had_is_an_error),
        cmocka_unit_test(under_load_few_calls_and_nothing_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

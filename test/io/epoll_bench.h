/* epoll_bench.h - an open epoll engine for the tests of its own files. */
#ifndef TEST_EPOLL_BENCH_H
#define TEST_EPOLL_BENCH_H

#include "io/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BENCH_PATIENCE_MS = 10000 };

static inline struct io *bench_open(void)
{
    const struct io_config config = {
        .socks_max = 8, .buffers = 128, .buffer_size = 4096, .helpers_max = 2
    };
    struct io *io = NULL;

    assert_int_equal(io_epoll_engine.open(&io, &config), 0);
    return io;
}

/* The next event of this kind; those of other kinds are passed over, and their buffers given back.
 */
static inline struct io_event bench_await(struct io *io, enum io_event_kind kind)
{
    struct io_event events[IO_EVENTS_MIN], found = { 0 };

    for (bool seen = false; !seen;) {
        int count = io_epoll_engine.wait(io, events, IO_EVENTS_MIN, BENCH_PATIENCE_MS);

        assert_true(count > 0);
        for (int i = 0; i < count; i++) {
            if (events[i].kind == IO_RECEIVED)
                io_epoll_engine.give_back(io, events[i].lease);
            if (events[i].kind != kind)
                continue;
            found = events[i];
            seen = true;
        }
    }
    return found;
}

#endif

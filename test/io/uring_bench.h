/* uring_bench.h - an open io_uring engine for the tests of its own files. */
#ifndef TEST_URING_BENCH_H
#define TEST_URING_BENCH_H

#include "io/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { BENCH_BUFFERS = 256, BENCH_PATIENCE_MS = 10000, BENCH_SKIP = 77 };

/* Ends the program, skipped, where rings are not allowed. */
static inline struct io *bench_open(void)
{
    const struct io_config config = {
        .socks_max = 128, .buffers = BENCH_BUFFERS, .buffer_size = 1024, .helpers_max = 2};
    struct io *io = NULL;

    if (io_uring_engine.open(&io, &config) < 0)
        exit(BENCH_SKIP);
    return io;
}

/* The next event of this kind; those of other kinds are passed over, and their buffers given back.
 */
static inline struct io_event bench_await(struct io *io, enum io_event_kind kind)
{
    struct io_event events[IO_EVENTS_MIN], found = {0};

    for (bool seen = false; !seen;) {
        int count = io_uring_engine.wait(io, events, IO_EVENTS_MIN, BENCH_PATIENCE_MS);

        assert_true(count > 0);
        for (int i = 0; i < count; i++) {
            if (events[i].kind == IO_RECEIVED)
                io_uring_engine.give_back(io, events[i].lease);
            if (events[i].kind != kind)
                continue;
            found = events[i];
            seen = true;
        }
    }
    return found;
}

#endif

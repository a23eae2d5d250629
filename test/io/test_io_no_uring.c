#include "io/io.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void it_says_that_there_is_none(void **state)
{
    struct io_config config = {
        .socks_max = 16, .buffers = 128, .buffer_size = 4096, .helpers_max = 1};
    struct io *io = NULL;
    char features[64] = "x";

    (void)state;
    assert_false(io_uring_built_in());
    assert_string_equal(io_uring_library(), "");
    assert_string_equal(io_uring_engine.name, "io_uring");
    assert_int_equal(io_uring_engine.open(&io, &config), -ENOSYS);
    assert_null(io);
    assert_int_equal(io_uring_probe(features, sizeof features), -ENOSYS);
    assert_string_equal(features, "");
}

static void the_other_engine_is_there(void **state)
{
    struct io_config config = {
        .socks_max = 16, .buffers = 128, .buffer_size = 4096, .helpers_max = 1};
    struct io *io = NULL;
    struct io_event events[IO_EVENTS_MIN];

    (void)state;
    assert_int_equal(io_epoll_engine.open(&io, &config), 0);
    assert_int_equal(io_epoll_engine.wait(io, events, IO_EVENTS_MIN, 0), 0);
    io_epoll_engine.free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_that_there_is_none),
        cmocka_unit_test(the_other_engine_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

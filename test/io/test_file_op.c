#include "io/file_op.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void a_file_is_opened_examined_read_and_closed(void **state)
{
    char name[] = "file_op.XXXXXX", bytes[20] = "";
    int fd = mkstemp(name);
    struct statx statx = {0};

    (void)state;
    assert_int_equal(write(fd, "0123456789", 10), 10);
    close(fd);

    struct io_file_op op = {
        .kind = IO_FILE_OPEN, .fd = AT_FDCWD, .path = name, .how = {.flags = O_RDONLY}};
    file_op_run(&op);
    assert_true(op.result >= 0);
    fd = op.result;
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);

    op = (struct io_file_op){.kind = IO_FILE_STAT, .fd = fd, .statx = &statx};
    file_op_run(&op);
    assert_int_equal(op.result, 0);
    assert_int_equal(statx.stx_size, 10);

    op = (struct io_file_op){
        .kind = IO_FILE_READ, .fd = fd, .bytes = bytes, .len = sizeof bytes, .offset = 3};
    file_op_run(&op);
    assert_int_equal(op.result, 7);
    assert_string_equal(bytes, "3456789");

    op = (struct io_file_op){.kind = IO_FILE_CLOSE, .fd = fd};
    file_op_run(&op);
    assert_int_equal(op.result, 0);
    file_op_run(&op);
    assert_int_equal(op.result, -EBADF);
    unlink(name);
}

static void openat2_keeps_beneath(void **state)
{
    struct io_file_op op = {.kind = IO_FILE_OPEN,
                            .fd = AT_FDCWD,
                            .path = "../../etc/passwd",
                            .how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH}};

    (void)state;
    file_op_run(&op);
    assert_int_equal(op.result, -EXDEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_opened_examined_read_and_closed),
        cmocka_unit_test(openat2_keeps_beneath),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/mime_file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/ringlet-mime-XXXXXX";
static int file;

static int make_file(void **state)
{
    (void)state;
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    file = mkstemp(path);
    return file < 0;
}

static int remove_file(void **state)
{
    (void)state;
    close(file);
    return unlink(path);
}

static void types_are_read(void **state)
{
    (void)state;
    assert_int_equal(write(file, "x/own txt\n", 10), 10);
    struct http_mime *mime = mime_file_read(path);
    assert_non_null(mime);
    assert_true(str_equal(http_mime_of(mime, STR("a.txt")), STR("x/own")));
    http_mime_free(mime);
}

static void an_empty_file_adds_none(void **state)
{
    (void)state;
    struct http_mime *mime = mime_file_read(path);
    assert_non_null(mime);
    http_mime_free(mime);
}

static void what_can_not_be_read(void **state)
{
    (void)state;
    assert_null(mime_file_read("/no/such/file"));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(ftruncate(file, MIME_FILE_MAX + 1), 0);
    assert_null(mime_file_read(path));
    assert_int_equal(errno, EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_are_read, make_file, remove_file),
        cmocka_unit_test_setup_teardown(an_empty_file_adds_none, make_file, remove_file),
        cmocka_unit_test_setup_teardown(what_can_not_be_read, make_file, remove_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The io room's answers are made up here, so that both builds and both fates of a ring are seen. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/io.h"
#include "server/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool built_in;
static int probe_result;

bool io_uring_built_in(void)
{
    return built_in;
}

const char *io_uring_library(void)
{
    return "2.3";
}

int io_uring_probe(char *features, size_t cap)
{
    if (probe_result == 0)
        snprintf(features, cap, "NO_IOWAIT");
    return probe_result;
}

/* The caller frees it. */
static char *written(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    version_write(out);
    fclose(out);
    return text;
}

static void both_engines(void **state)
{
    (void)state;
    built_in = true;
    probe_result = 0;

    char *text = written();
    assert_non_null(strstr(text, "ringlet 0."));
    assert_non_null(strstr(text, "engines: io_uring, epoll\n"));
    assert_non_null(strstr(text, "liburing: 2.3\n"));
    assert_non_null(strstr(text, "kernel: Linux "));
    assert_non_null(strstr(text, "io_uring here: yes; optional features: NO_IOWAIT\n"));
    free(text);
}

static void no_ring_to_be_had(void **state)
{
    (void)state;
    built_in = true;
    probe_result = -EPERM;

    char *text = written();
    assert_non_null(strstr(text, "io_uring here: no (Operation not permitted)"));
    free(text);
}

static void epoll_alone(void **state)
{
    (void)state;
    built_in = false;

    char *text = written();
    assert_non_null(strstr(text, "engines: epoll\n"));
    assert_null(strstr(text, "liburing"));
    assert_null(strstr(text, "io_uring here"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_engines),
        cmocka_unit_test(no_ring_to_be_had),
        cmocka_unit_test(epoll_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

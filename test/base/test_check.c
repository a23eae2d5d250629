#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_true_is_silent(void **state)
{
    (void)state;
    int count = 0;

    CHECK(++count == 1);
    assert_int_equal(count, 1);
}

/* In a process of its own that says on stderr, which is a pipe, what failed. */
static void fail_here(int err)
{
    const struct rlimit no_core = { 0, 0 };

    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    dup2(err, STDERR_FILENO);
    CHECK(1 + 1 == 3);
    _exit(0);
}

static void test_false_aborts_with_a_sentence(void **state)
{
    (void)state;
    int fds[2], status;
    char said[512] = { 0 };

    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fail_here(fds[1]);
    close(fds[1]);
    size_t len = 0;
    ssize_t got;
    while (len + 1 < sizeof said && (got = read(fds[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)got;
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(said, "1 + 1 == 3"));
    assert_non_null(strstr(said, "test_check.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_is_silent),
        cmocka_unit_test(test_false_aborts_with_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "io/buffers.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { COUNT = 8, SIZE = 64 };

static void every_buffer_is_taken_once(void **state)
{
    struct buffers b;
    bool seen[COUNT] = {false};

    (void)state;
    assert_int_equal(buffers_open(&b, COUNT, SIZE), 0);
    for (int i = 0; i < COUNT; i++) {
        int lease = buffers_take(&b);

        assert_in_range(lease, 0, COUNT - 1);
        assert_false(seen[lease]);
        seen[lease] = true;
        memset(buffers_at(&b, lease), lease, SIZE);
    }
    assert_int_equal(buffers_take(&b), -1);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(buffers_at(&b, i)[0], i);
        assert_int_equal(buffers_at(&b, i)[SIZE - 1], i);
        buffers_put(&b, i);
    }
    buffers_free(&b);
}

static void leases_are_counted_with_their_holder(void **state)
{
    struct buffers b;
    struct io_sock one = {0}, two = {0};

    (void)state;
    assert_int_equal(buffers_open(&b, COUNT, SIZE), 0);
    buffers_lend(&b, 3, &one);
    buffers_lend(&b, 5, &one);
    buffers_lend(&b, 4, &two);
    assert_int_equal(one.leases, 2);
    assert_int_equal(b.lent, 3);
    assert_ptr_equal(buffers_end(&b, 4), &two);
    assert_ptr_equal(buffers_end(&b, 3), &one);
    assert_int_equal(one.leases, 1);
    assert_int_equal(two.leases, 0);
    buffers_end(&b, 5);
    assert_int_equal(b.lent, 0);
    buffers_free(&b);
}

static void a_closed_socket_is_not_touched(void **state)
{
    struct buffers b;
    struct io_sock gone = {0}, other = {0};

    (void)state;
    assert_int_equal(buffers_open(&b, COUNT, SIZE), 0);
    buffers_lend(&b, 0, &gone);
    buffers_lend(&b, 1, &other);
    buffers_lend(&b, 7, &gone);
    buffers_orphan(&b, &gone);
    assert_int_equal(gone.leases, 0);
    memset(&gone, 0xff, sizeof gone);
    assert_ptr_equal(buffers_end(&b, 7), &b.nobody);
    assert_ptr_equal(buffers_end(&b, 0), &b.nobody);
    assert_ptr_equal(buffers_end(&b, 1), &other);
    assert_int_equal(gone.leases, UINT32_MAX);
    assert_int_equal(b.lent, 0);
    buffers_free(&b);
}

static void giving_back_twice_is_a_mistake(void **state)
{
    int status;

    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct buffers b;
        struct io_sock sock = {0};

        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        buffers_open(&b, COUNT, SIZE);
        buffers_lend(&b, 1, &sock);
        buffers_end(&b, 1);
        buffers_end(&b, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_buffer_is_taken_once),
        cmocka_unit_test(leases_are_counted_with_their_holder),
        cmocka_unit_test(a_closed_socket_is_not_touched),
        cmocka_unit_test(giving_back_twice_is_a_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

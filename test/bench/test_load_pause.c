#include "load/pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void only_at_a_rate_and_in_one_thread(void **state)
{
    struct options o = { .rate = 1, .threads = 1 };

    (void)state;
    assert_true(pause_is_possible(&o));
    o.threads = 2;
    assert_false(pause_is_possible(&o));
    o = (struct options){ .rate = 0, .threads = 1 };
    assert_false(pause_is_possible(&o));
}

/* Told to stop, it goes on until it takes that, and stops once. Exits with how far it came. */
static _Noreturn void be_told(void)
{
    pause_block();
    int fd = pause_open();
    struct pollfd news = { .fd = fd, .events = POLLIN };

    pause_take(fd); /* nothing was said */
    if (poll(&news, 1, 0) != 0)
        _exit(1);
    raise(SIGTSTP);
    if (poll(&news, 1, 0) != 1)
        _exit(2);
    pause_take(fd);
    pause_take(fd);
    _exit(poll(&news, 1, 0) == 0 ? 0 : 3);
}

static void it_stops_when_it_takes_what_it_was_told(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0)
        be_told();
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), SIGSTOP);
    assert_return_code(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_at_a_rate_and_in_one_thread),
        cmocka_unit_test(it_stops_when_it_takes_what_it_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

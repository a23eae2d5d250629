#include "server/spares.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static int open_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void holds_back_and_lets_go(void **state)
{
    struct spares spares = { .count = 0 };
    int before = open_files();

    (void)state;
    spares_fill(&spares, STDOUT_FILENO);
    assert_int_equal(spares.count, SPARES_MAX);
    assert_int_equal(open_files(), before + SPARES_MAX);
    for (int i = 0; i < SPARES_MAX; i++)
        assert_true(spares_spend(&spares));
    assert_false(spares_spend(&spares));
    assert_int_equal(open_files(), before);
    spares_fill(&spares, STDOUT_FILENO);
    spares_release(&spares);
    assert_int_equal(open_files(), before);
}

/* With no descriptors left it takes what there is, and one that is let go can be had by an open. */
static void makes_room_for_a_file(void **state)
{
    struct spares spares = { .count = 0 };
    struct rlimit old;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = fcntl(STDOUT_FILENO, F_DUPFD, 0);
    close(next);
    struct rlimit few = { (rlim_t)next + 2, old.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    spares_fill(&spares, STDOUT_FILENO);
    assert_int_equal(spares.count, 2);
    assert_true(open("/dev/null", O_RDONLY) < 0);
    assert_true(spares_spend(&spares));
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    close(fd);
    spares_release(&spares);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_back_and_lets_go),
        cmocka_unit_test(makes_room_for_a_file),
    };

    return cmocka_run_group_tests_name("spares", tests, NULL, NULL);
}

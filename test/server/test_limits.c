#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/limits.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void raises_to_the_hard_limit(void **state)
{
    struct rlimit before, after;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = { 64, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);

    assert_int_equal(limits_raise_files(), before.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(after.rlim_cur, before.rlim_max);
}

static void descriptors_are_shared_among_cores(void **state)
{
    static const struct {
        uint64_t files;
        unsigned cores, asked, conns;
    } cases[] = {
        { 1016 + 16, 1, 0, 750 },  /* 1,000 left, one in four for files */
        { 2032 + 16, 2, 0, 750 },
        { 1016 + 16, 1, 100, 100 },
        { 1016 + 16, 1, 5000, 5000 }, /* more than will do: accepting slows down then */
        { 64, 1, 0, 24 },
        { 54, 1, 0, 17 },  /* the fewest */
        { 53, 1, 0, 0 },
        { 53, 1, 1, 0 },
        { 16, 1, 0, 0 },   /* nothing beside the reserve */
        { 0, 1, 0, 0 },
        { 1073741816, 2, 0, LIMITS_CONNS_DEFAULT_MAX },
        { UINT64_MAX, 1024, 0, LIMITS_CONNS_DEFAULT_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sentence why = { "" };
        unsigned conns = limits_conns(cases[i].files, cases[i].cores, cases[i].asked, &why);
        if (conns != cases[i].conns)
            fail_msg("case %zu: %u connections, not %u", i, conns, cases[i].conns);
        assert_int_equal(why.text[0] != '\0', conns == 0);
    }
}

static void the_sentence_names_what_is_needed(void **state)
{
    struct sentence why;

    (void)state;
    assert_int_equal(limits_conns(60, 2, 0, &why), 0);
    assert_string_equal(why.text, "60 open files are too few for 2 cores, which take 92 at least; "
                                  "raise the limit (ulimit -n) or ask for fewer --cores");
    assert_int_equal(limits_conns(92, 2, 0, &why), 17);
}

static void a_closed_pipe_is_an_error_and_no_signal(void **state)
{
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    close(pipes[0]);
    limits_ignore_pipe();
    assert_int_equal(write(pipes[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raises_to_the_hard_limit),
        cmocka_unit_test(descriptors_are_shared_among_cores),
        cmocka_unit_test(the_sentence_names_what_is_needed),
        cmocka_unit_test(a_closed_pipe_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

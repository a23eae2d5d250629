/* What can't be undone is done in a child process, which reports by its exit status. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOMEBODY = 54321, SOMEGROUP = 54322 }; /* numbers that no account has */

/* 0 when `act` returned true in a process of its own. */
static void assert_in_child(bool (*act)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(act() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void finds_names_and_numbers(void **state)
{
    struct privileges found;
    struct sentence why;

    (void)state;
    assert_true(privileges_find("root", &found, &why));
    assert_int_equal(found.uid, 0);
    assert_int_equal(found.gid, 0);
    assert_string_equal(found.name, "root");

    assert_true(privileges_find("0", &found, &why));
    assert_string_equal(found.name, "root");

    assert_true(privileges_find("root:54322", &found, &why));
    assert_int_equal(found.uid, 0);
    assert_int_equal(found.gid, SOMEGROUP);

    assert_true(privileges_find("54321:54322", &found, &why));
    assert_int_equal(found.uid, SOMEBODY);
    assert_int_equal(found.gid, SOMEGROUP);
    assert_string_equal(found.name, "");

    assert_true(privileges_find("54321:root", &found, &why));
    assert_int_equal(found.gid, 0);
}

static void refuses_what_is_nobody(void **state)
{
    static const struct {
        const char *user, *sentence;
    } cases[] = {
        { "", "a user is a name" },
        { ":", "a user is a name" },
        { ":root", "a user is a name" },
        { "root:", "a user is a name" },
        { "no such user", "there is no such user" },
        { "root:no such group", "there is no group no such group" },
        { "54321", "no account has the number 54321, so name a group too" },
        { "4294967295:0", "there is no such user" }, /* -1 means "leave it" to setresuid */
        { "0:4294967295", "there is no group 4294967295" },
        { "-1:0", "there is no such user" },
        { "a123456789b123456789c123456789d123456789e123456789f123456789g123456789",
          "a user is a name" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct privileges found;
        struct sentence why = { "" };
        if (privileges_find(cases[i].user, &found, &why))
            fail_msg("\"%s\" was found", cases[i].user);
        if (strncmp(why.text, cases[i].sentence, strlen(cases[i].sentence)) != 0)
            fail_msg("\"%s\": %s", cases[i].user, why.text);
    }
}

static bool is_sealed(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool stay_who_we_are(void)
{
    struct sentence why;
    uid_t before = geteuid();

    return !is_sealed() && privileges_drop(NULL, &why) == 0 && is_sealed() && geteuid() == before;
}

static bool become_somebody(void)
{
    const struct privileges to = { .uid = SOMEBODY, .gid = SOMEGROUP };
    struct sentence why;
    uid_t uid[3];
    gid_t gid[3], groups[8];

    if (privileges_drop(&to, &why) < 0)
        return false;
    if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (uid[i] != SOMEBODY || gid[i] != SOMEGROUP)
            return false;
    if (getgroups(8, groups) != 1 || groups[0] != SOMEGROUP)
        return false;
    return setuid(0) < 0 && setgid(0) < 0 && is_sealed();
}

static bool become_an_account(void)
{
    struct privileges to;
    struct sentence why;

    return privileges_find("nobody", &to, &why) && privileges_drop(&to, &why) == 0 &&
           getuid() == to.uid && setuid(0) < 0;
}

static bool somebody_stays_somebody(void)
{
    const struct privileges same = { .uid = SOMEBODY, .gid = SOMEGROUP };
    const struct privileges other = { .uid = SOMEBODY + 1, .gid = SOMEGROUP };
    struct sentence why;

    return setresgid(SOMEGROUP, SOMEGROUP, SOMEGROUP) == 0 &&
           setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0 && privileges_drop(&same, &why) == 0 &&
           privileges_drop(&other, &why) == -EPERM &&
           strcmp(why.text, "only root can become user 54322 with group 54322, and this is user "
                            "54321; start as root, or leave --user out") == 0;
}

/* The way back is left open on purpose: root as the saved user is what the check looks for, and
 * setresuid closes it. */
static bool a_saved_root_is_closed(void)
{
    const struct privileges to = { .uid = SOMEBODY, .gid = SOMEGROUP };
    struct sentence why;

    return setresuid(SOMEBODY, 0, 0) == 0 && privileges_drop(&to, &why) == 0 &&
           seteuid(0) < 0;
}

static void seals_without_a_user(void **state)
{
    (void)state;
    assert_in_child(stay_who_we_are);
}

static void root_becomes_somebody_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_in_child(become_somebody);
    assert_in_child(become_an_account);
    assert_in_child(a_saved_root_is_closed);
}

static void only_root_becomes_another(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_in_child(somebody_stays_somebody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names_and_numbers),
        cmocka_unit_test(refuses_what_is_nobody),
        cmocka_unit_test(seals_without_a_user),
        cmocka_unit_test(root_becomes_somebody_for_good),
        cmocka_unit_test(only_root_becomes_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

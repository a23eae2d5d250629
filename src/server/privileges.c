#include "server/privileges.h"

#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The ids just below 2^32 mean "leave as it is" to the set*id calls. */
#define ID_MAX 0xfffffffdULL

static bool number_of(const char *text, unsigned *id)
{
    unsigned long long number;

    if (!str_number(str_from(text), ID_MAX, &number))
        return false;
    *id = (unsigned)number;
    return true;
}

/* The account and, when `with_group`, its own group. Called before any thread exists, so the
 * functions that return static memory will do. */
static bool find_account(const char *name, bool with_group, struct privileges *found,
                         struct sentence *why)
{
    const struct passwd *account = getpwnam(name);

    if (!account && number_of(name, &found->uid)) {
        account = getpwuid(found->uid);
        if (!account && with_group) {
            sentence_set(why, "no account has the number %s, so name a group too, as in %s:%s",
                         name, name, name);
            return false;
        }
        if (!account)
            return true;
    }
    if (!account) {
        sentence_set(why, "there is no such user; name an account or a number, as in www-data, "
                          "www-data:www-data or 1000:1000");
        return false;
    }
    if (strlen(account->pw_name) < sizeof found->name)
        memcpy(found->name, account->pw_name, strlen(account->pw_name) + 1);
    found->uid = account->pw_uid;
    found->gid = account->pw_gid;
    return true;
}

static bool find_group(const char *name, struct privileges *found, struct sentence *why)
{
    const struct group *group = getgrnam(name);

    if (group) {
        found->gid = group->gr_gid;
        return true;
    }
    if (number_of(name, &found->gid))
        return true;
    sentence_set(why, "there is no group %s; name a group or a number", name);
    return false;
}

bool privileges_find(const char *user, struct privileges *found, struct sentence *why)
{
    char name[PRIVILEGES_NAME_MAX];
    const char *colon = strchr(user, ':');
    size_t len = colon ? (size_t)(colon - user) : strlen(user);

    memset(found, 0, sizeof *found);
    if (len == 0 || len >= sizeof name || (colon && colon[1] == '\0')) {
        sentence_set(why, "a user is a name or a number, with or without a group, as in www-data "
                          "or www-data:www-data");
        return false;
    }
    memcpy(name, user, len);
    name[len] = '\0';
    if (!find_account(name, !colon, found, why))
        return false;
    return !colon || find_group(colon + 1, found, why);
}

/* Supplementary groups first, the user last: each step needs what the next one gives up. */
static int take(const struct privileges *to)
{
    int failed = to->name[0] != '\0' ? initgroups(to->name, to->gid) : setgroups(1, &to->gid);

    if (failed == 0)
        failed = setresgid(to->gid, to->gid, to->gid);
    if (failed == 0)
        failed = setresuid(to->uid, to->uid, to->uid);
    return failed == 0 ? 0 : -errno;
}

/* All three ids are those of `to`, and being root again is refused. */
static bool taken_for_good(const struct privileges *to)
{
    uid_t uid[3];
    gid_t gid[3];

    if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (uid[i] != to->uid || gid[i] != to->gid)
            return false;
    return to->uid == 0 || (setresuid((uid_t)-1, 0, (uid_t)-1) < 0 && setuid(0) < 0);
}

static int become(const struct privileges *to, struct sentence *why)
{
    if (geteuid() != 0) {
        if (to->uid == geteuid() && to->gid == getegid())
            return 0;
        sentence_set(why,
                     "only root can become user %u with group %u, and this is user %u; start "
                     "as root, or leave --user out",
                     to->uid, to->gid, geteuid());
        return -EPERM;
    }

    int result = take(to);
    if (result < 0) {
        sentence_set(why,
                     "can't become user %u with group %u: %s; root needs CAP_SETUID and "
                     "CAP_SETGID for it",
                     to->uid, to->gid, strerror(-result));
        return result;
    }
    if (!taken_for_good(to)) {
        sentence_set(why, "became user %u with group %u, but could become root again", to->uid,
                     to->gid);
        return -EPERM;
    }
    return 0;
}

int privileges_drop(const struct privileges *to, struct sentence *why)
{
    int result = to ? become(to, why) : 0;

    if (result < 0)
        return result;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        result = -errno;
        sentence_set(why, "can't refuse new privileges (PR_SET_NO_NEW_PRIVS): %s",
                     strerror(-result));
    }
    return result;
}

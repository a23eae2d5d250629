/* privileges.h - become somebody else for good: --user NAME[:GROUP].
 *
 * Called by main after listeners and log are open and before any thread or ring exists: a ring made
 * earlier would keep the old rights, and other threads their own. */
#ifndef SERVER_PRIVILEGES_H
#define SERVER_PRIVILEGES_H

#include "server/sentence.h"

#include <stdbool.h>
#include <sys/types.h>

enum { PRIVILEGES_NAME_MAX = 64 };

struct privileges {
    uid_t uid;
    gid_t gid;
    char name[PRIVILEGES_NAME_MAX]; /* for initgroups(3); "" for a number without an account */
};

/* Find "name", "name:group", or either as a number. A number without an account needs a group.
 * False with the reason in *why. */
bool privileges_find(const char *user, struct privileges *found, struct sentence *why);

/* Take the groups and ids of `to` (NULL: stay who we are), make sure that they can't be given
 * back, and refuse new privileges from any exec (PR_SET_NO_NEW_PRIVS). Not being root is fine
 * when `to` is who we are. 0, or -errno with the reason in *why; the process must end then. */
int privileges_drop(const struct privileges *to, struct sentence *why);

#endif

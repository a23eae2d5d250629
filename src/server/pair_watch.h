/* pair_watch.h - tells when the files of certificates and keys may have changed.
 *
 * By inotify(7), on every directory that a name leads through: where a file or a link on the way to
 * it can be put in place of another (current -> releases/42, ..data), entries are watched; of the
 * others only whether they are moved or deleted. Several files are seldom exchanged at once, so a
 * change is told when nothing more has happened for a while. */
#ifndef SERVER_PAIR_WATCH_H
#define SERVER_PAIR_WATCH_H

#include "server/config.h"

enum {
    PAIR_WATCH_CALM_MS = 300,  /* without a change, before it is told */
    PAIR_WATCH_MOST_MS = 2000, /* it is told then at the latest */
    PAIR_WATCH_LINKS_MAX = 40, /* followed in one name, as by the kernel (path_resolution(7)) */
};

struct pair_watch {
    int fd; /* to be polled for reading; -1: nothing is watched */
    bool stirred;
    uint64_t first_ms, last_ms; /* when, since it was told last */
};

/* Watch the files of the config as they lie now, in place of what was watched. 0 or -errno; then
 * nothing is watched. Directories that can't be are left out. */
int pair_watch_start(struct pair_watch *watch, const struct config *config);

/* The descriptor has become readable. */
void pair_watch_stir(struct pair_watch *watch, uint64_t now_ms);

/* How long until a change is to be told; -1: there is none. */
int pair_watch_wait_ms(const struct pair_watch *watch, uint64_t now_ms);

/* Is it time? Then watch anew before looking at the files: links may lead elsewhere. */
bool pair_watch_is_due(const struct pair_watch *watch, uint64_t now_ms);

/* Nothing is watched any more. */
void pair_watch_stop(struct pair_watch *watch);

#endif

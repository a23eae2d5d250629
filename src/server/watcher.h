/* watcher.h - one core's ear for what happens on disk: reads inotify(7) and tells the site.
 *
 * Where it can't be had the site looks again and again instead. One line on standard error says so,
 * once for all cores. */
#ifndef SERVER_WATCHER_H
#define SERVER_WATCHER_H

#include "io/io.h"
#include "server/rule_files.h"
#include "site/site.h"

#include <stdatomic.h>

enum {
    WATCHER_READ = 16 * 1024, /* bytes of events at a time */
    WATCHER_READS_MAX = 8,    /* in one turn; the rest has to wait for the next */
    WATCHER_TELL_MS = 60000,  /* between two lines about events that were lost */
};

/* What has been said, by any core. */
struct notices {
    _Atomic bool unwatched;
    _Atomic uint64_t bad_rules[RULE_FILES]; /* which version of each file was said to be wrong */
    _Atomic uint64_t long_fields; /* under which rules fields were said to be too many; 0: none */
    _Atomic uint64_t lost_ms;     /* when it was last said that events were lost; 0: never */
};

struct watcher {
    struct io_watch watch;   /* what IO_READY and IO_UNWATCHED name; its fd is -1 without one */
    bool watching;           /* the engine has it */
    bool more;               /* to be read in the next turn */
    const char *root;        /* for the lines; borrowed */
    struct notices *notices; /* borrowed; NULL: nothing is said */
};

/* Have inotify(7), if it is to be had. */
void watcher_init(struct watcher *watcher, const char *root, struct notices *notices);

/* After IO_UNWATCHED. */
void watcher_release(struct watcher *watcher);

/* Let the engine watch it, and no longer. */
void watcher_start(struct watcher *watcher, const struct io_engine *engine, struct io *io);
void watcher_stop(struct watcher *watcher, const struct io_engine *engine, struct io *io);

/* Read what has happened, a bounded part of it, and tell the site. */
void watcher_read(struct watcher *watcher, struct site *site, uint64_t now_ms);

/* Remove what is no longer watched, and say what the operator should know. */
void watcher_tidy(struct watcher *watcher, struct site *site);

#endif

/* limits.h - what the process may hold: descriptors, and so connections. */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

#include "server/sentence.h"

#include <stdint.h>

enum {
    /* Descriptors that are no connections. */
    LIMITS_FILES_PROCESS = 16, /* standard streams, log, root, signals, what libraries open */
    LIMITS_FILES_CORE = 16,    /* ring, listener, watches, spares */
    LIMITS_FILES_PART = 4,     /* one in so many of the rest is for files being sent */

    /* Connections per core. With fewer there is no point in starting; tables grow with the other,
     * so that is as far as nobody's asking goes. */
    LIMITS_CONNS_MIN = 16,
    LIMITS_CONNS_DEFAULT_MAX = 65536,
};

/* Raise RLIMIT_NOFILE to its hard limit. Returns how many descriptors there may be. */
uint64_t limits_raise_files(void);

/* How many connections each of `cores` may hold when `files` descriptors are all there are.
 * `asked` is what the operator named, or 0. Returns the number: what was asked for, even when
 * descriptors will not last that far (accepting slows down then), or a share of `files`. 0, with
 * the reason in *why, when there are too few to start with. */
unsigned limits_conns(uint64_t files, unsigned cores, unsigned asked, struct sentence *why);

/* Ignore SIGPIPE: a peer or a log reader that is gone is an error of the write. */
void limits_ignore_pipe(void);

#endif

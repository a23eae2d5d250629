/* core.h - what the connections of one thread share.
 *
 * Owned by the thread's worker (worker.h); the connections (conn.h, opener.h) work on it. */
#ifndef LOAD_CORE_H
#define LOAD_CORE_H

#include "load/answer.h"
#include "load/plan.h"
#include "load/result.h"
#include "load/ring.h"
#include "load/schedule.h"

struct conn;
struct tls;

enum {
    CORE_MEMORIES = 64,      /* heads remembered; places of the rotation share them */
    CORE_OPENING_MAX = 128,  /* connections being opened at a time */
    CORE_RETRY_MIN_MS = 1,   /* before a connection that failed is opened again; doubles */
    CORE_RETRY_MAX_MS = 250, /* up to this */
};

#define CORE_LENGTH_UNKNOWN UINT64_MAX

struct core {
    struct ring ring;
    const struct plan *plan;
    struct load_result *result;
    struct schedule schedule; /* of an open loop; rate 0 in a closed one */

    /* Of the plan, what every request looks at. */
    unsigned run, buffer_size, expect_status;
    bool per_request; /* a connection serves a single one */
    bool resume;      /* and resumes the session of the one before it */

    uint64_t now;   /* ns, read once a turn */
    bool sending;   /* requests may be sent: set-up is over and the end not reached */
    bool measuring; /* within the window: what is answered counts */
    bool recording; /* from the window's begin until the last answer: errors count */
    bool ending;    /* connections that close stay closed */
    uint64_t window_begin, window_end;
    uint64_t due_in_window; /* open loop: requests due within it, */
    uint64_t in_time;       /* and those of them answered before its end */
    uint64_t owed;          /* requests due, but neither answered nor lost */

    struct conn *conns; /* the active ones, then the idle ones */
    unsigned count, active;
    unsigned settled; /* connections of which the set-up wants no more */
    unsigned open;    /* connections that stand */

    struct answer_memory *memories;
    uint64_t *lengths; /* of each place's answers; CORE_LENGTH_UNKNOWN until one has come */

    uint32_t *queue; /* connections to be opened: a ring of `count` places */
    unsigned queue_first, queue_len, opening;
    uint64_t retry_at, retry_ns; /* nothing is opened before; 0: no failure lately */
    uint64_t good_at;            /* when a connection was last opened or an answer came */
    int last_errno;              /* of the last connection that failed */
    const char *last_failure;    /* of a TLS handshake, or NULL */
    uint64_t sources;            /* source addresses used so far */
};

/* Count an error, `times` requests strong. */
static inline void core_error(struct core *core, enum load_error error, uint64_t times)
{
    if (core->recording)
        core->result->errors[error] += times;
}

#endif

/* core.h - what the connections of one core share. One thread uses it; nothing in it is locked. */
#ifndef SERVER_CORE_H
#define SERVER_CORE_H

#include "io/io.h"
#include "server/access_log.h"
#include "server/config.h"
#include "server/deadlines.h"
#include "server/input.h"
#include "server/makings.h"
#include "server/misuse.h"
#include "server/output.h"
#include "server/reply.h"
#include "server/rules.h"
#include "server/secure.h"
#include "server/spares.h"
#include "server/wishes.h"
#include "site/site.h"

struct core {
    const struct config *config;
    struct input_source source; /* the engine, and the buffers it has lent */
    unsigned buffers;           /* how many it lends at most */
    struct site site;
    struct rules rules;
    struct wishes wishes;
    struct makings makings;
    struct output_pool outputs;
    struct http_request request;      /* the first of what came, while it is read and answered */
    struct secure_core *secure;       /* NULL: no TLS */
    struct reply_clock clocks[2];     /* of plain connections, of those that speak TLS */
    char boundary[HTTP_BOUNDARY_LEN]; /* between the parts of answers with several */
    struct deadlines deadlines;
    struct access_batch *log; /* or NULL */

    uint64_t now_ms; /* the clocks, read once a turn */
    int64_t now_unix;
    bool draining; /* no reply promises to go on */
    bool express;  /* express_is_open() */

    struct misuse misuse;
    void *app_state; /* what the program keeps for this core; or NULL */

    struct list late_changed; /* what handlers do later: what they have touched */
    struct list late_timers;  /* what waits for a time, the first one first */
    struct list late_watched; /* replies that may have been forgotten, the first to be so first */
    struct list late_ready;   /* what is to be called at once */

    struct list conns;       /* open */
    struct list conns_free;  /* for reuse; the last one closed is the last one taken */
    struct conn_slab *slabs; /* what conns_free was made of */
    unsigned conn_count;
    unsigned errands;    /* operations on files under way, those put off among them, and watches for
                            handlers */
    struct list put_off; /* of them, those that wait for a descriptor */
    struct spares spares;
};

#endif

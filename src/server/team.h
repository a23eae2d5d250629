/* team.h - all workers of the process: started together, on an engine that can be had, and ended
 * together.
 *
 * Used by main, on its thread. */
#ifndef SERVER_TEAM_H
#define SERVER_TEAM_H

#include "server/sentence.h"
#include "server/worker.h"

struct team {
    const struct io_engine *engine; /* the one in use */
    struct worker *workers;
    unsigned count; /* started */
    int done;       /* eventfd: workers report here */
    struct notices notices;
};

/* What the workers are given. */
struct team_setup {
    const struct config *config;
    const int *listeners; /* one per core; closed when all serve, as each worker has a duplicate */
    const int *tls_listeners;     /* likewise; NULL: no TLS */
    const struct tls_config *tls; /* borrowed until team_start has returned; NULL: no TLS */
    int root;
    const char *root_path;
    const struct http_mime *mime;
    const struct rule_book *book;
    struct access_log *log;
};

/* Start config->cores workers and wait until all of them serve. With ENGINE_AUTO, epoll is taken
 * when io_uring can't be had, and *note says why and what would allow it (it is empty otherwise).
 * 0, or -errno with the reason in *why and nothing left running. */
int team_start(struct team *team, const struct team_setup *setup, struct sentence *note,
               struct sentence *why);

/* To all workers. */
void team_give(struct team *team, enum worker_order order);

/* Certificates for those who come from now on. They stay the caller's, who keeps them, and gives no
 * others, until team_is_renewing says no (team->done becomes readable then). */
void team_renew(struct team *team, const struct tls_config *tls);
bool team_is_renewing(struct team *team);

/* Read team->done after it became readable: are all workers over? */
bool team_is_over(struct team *team);

/* Wait for the threads. Returns how many connections were cut; *clean says whether all memory was
 * freed. */
unsigned team_join(struct team *team, bool *clean);

#endif

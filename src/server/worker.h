/* worker.h - one pinned thread that runs one loop. Made, ordered about and joined by main. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/loop.h"

#include <pthread.h>
#include <stdatomic.h>

enum worker_order { WORKER_SERVE, WORKER_DRAIN, WORKER_STOP };

struct worker {
    pthread_t thread;
    int cpu;
    struct loop_setup setup;
    int done; /* eventfd of main's: written to when the worker has started, and when it is over */
    _Atomic int order;                          /* enum worker_order */
    _Atomic(const struct tls_config *) renewal; /* not taken yet; or NULL */
    _Atomic bool renewing;                      /* until the last one given was taken */
    _Atomic int started; /* 0 not yet, 1 serving, or -errno; -ECANCELED: the program has no state
                            for this core */
    _Atomic bool over;
    unsigned cut; /* once over: connections that were cut */
    bool clean;   /* once over: everything is freed */
};

/* Start a thread on `cpu`; `setup->orders` is made here. It reports by writing to `done`. 0 or
 * -errno. */
int worker_start(struct worker *worker, const struct loop_setup *setup, int cpu, int done);

/* From main's thread, at any time. */
void worker_give(struct worker *worker, enum worker_order order);

/* Certificates for those who come from now on; they stay the caller's, who keeps them until
 * worker_is_renewing says no (`done` is written to then). */
void worker_renew(struct worker *worker, const struct tls_config *tls);
bool worker_is_renewing(struct worker *worker);

/* Wait for the thread to end, after `over` or a failed start. One that is not clean ends with the
 * process. */
void worker_join(struct worker *worker);

#endif

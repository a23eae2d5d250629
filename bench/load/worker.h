/* worker.h - one thread of the generator: a ring, a share of the connections, and its own result.
 *
 * Main makes the workers and starts a thread on each; the two meet twice; first when every
 * connection stands, then main names the moment to begin. */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include "load/busy.h"
#include "load/core.h"

#include <pthread.h>

/* How the threads meet, and what main tells them. */
struct meeting {
    pthread_barrier_t ready, go;
    bool called_off; /* somebody could not be set up */
    uint64_t begin;  /* ns: when sending begins; the window comes after the warm-up */
};

struct worker {
    /* Given by main. */
    const struct plan *plan;
    struct meeting *meeting;
    unsigned number;       /* from 0 */
    unsigned active, idle; /* connections of either kind */
    unsigned first;        /* place of its first active one among those of all */
    int cpu;               /* to run on; -1: any */

    /* Found by the thread; read when it has ended. */
    struct load_result *result;
    bool failed; /* could not be set up, or gave up; the reason is in why */
    struct sentence why;
    struct busy_share share; /* of the window */
    uint64_t due, in_time;   /* as in the core */
    uint64_t spun_ns;

    struct core core;
    struct busy begun;
    uint64_t begun_at; /* ns, of the window */
    char *buffers;
    struct conn_times *times;
    unsigned schedule_next;     /* open loop: the connection whose request comes due next, */
    uint64_t schedule_round;    /* and which of its requests that is */
    uint64_t check_at;          /* when connections' patience is looked at next, */
    unsigned check_next;        /* and from which on */
    uint64_t sample_at, sample; /* end of the running sample of the rate, requests until it began */
    int pause_fd; /* readable when a pause is wanted (pause.h); -1: none is to be had */
    bool pause_wanted;
    uint64_t paused_ns; /* so far: the run's clock is as much behind */
    pthread_t thread;
};

/* The thread: takes its memory, runs, and gives all but the result back. `worker` is a struct
 * worker; NULL is returned. */
void *worker_run(void *worker);

#endif

/* helpers.h - the threads that do what may block: file operations and jobs.
 *
 * One set per engine, each thread started when there is work and nobody idle, at most `max` of
 * them. What is done is collected on the core's thread after `wake_fd` becomes readable. Helpers
 * block every signal. Used by both engines; all calls come from the engine's thread. */
#ifndef IO_HELPERS_H
#define IO_HELPERS_H

#include "io/io.h"

#include <pthread.h>

enum { HELPERS_MAX = 64 };

struct helpers {
    int wake_fd; /* an eventfd */
    unsigned max, started;
    pthread_t threads[HELPERS_MAX];

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t more;
    bool stop;
    unsigned idle;
    unsigned queued; /* entries of both to-do lists */
    struct list files_todo, files_done;
    struct list jobs_todo, jobs_done;
};

/* At most `max` threads, from 1 to HELPERS_MAX. 0 or -errno. */
int helpers_open(struct helpers *, unsigned max);
/* Everything handed over was collected by now. Waits for the threads to end. */
void helpers_free(struct helpers *);

/* Hand over. When not a single thread can be had it is done on the spot: late is better than never.
 */
void helpers_file(struct helpers *, struct io_file_op *);
void helpers_job(struct helpers *, struct io_job *);

/* Append what is done to the lists (by their `link`) and make wake_fd unreadable. */
void helpers_collect(struct helpers *, struct list *files, struct list *jobs);

#endif

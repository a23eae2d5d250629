/* access_log.h - one line per request in the combined format, written without holding up a core.
 *
 * One struct access_log per process, one struct access_batch per core. A core appends lines to
 * one of its batch's two buffers while a helper thread writes the other (io->work). When both
 * are full a line is dropped and counted; helpers tell the count on standard error, at most once
 * a second, and access_log_close tells the rest. A line is on its way at the latest
 * ACCESS_FLUSH_MS after it was added. */
#ifndef SERVER_ACCESS_LOG_H
#define SERVER_ACCESS_LOG_H

#include "http/date.h"
#include "io/io.h"
#include "server/access_line.h"
#include "server/sentence.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ACCESS_BUFFER = 64 * 1024,
    ACCESS_FLUSH_AT = ACCESS_BUFFER / 2, /* a buffer this full is written without waiting */
    ACCESS_FLUSH_MS = 1000,
    ACCESS_TELL_MS = 1000,
};

/* The log of the process. Cores only borrow it. */
struct access_log {
    const char *path; /* borrowed; "-" is standard output */
    int fd;           /* stays the same number when the log is reopened */
    int err_fd;       /* where drops and failures are told: standard error */
    int give_up_fd;   /* eventfd: readable once helpers must not wait any more */
    bool socket;      /* fd is a socket */

    pthread_mutex_t lock;  /* of helpers: one batch at a time, so that lines stay whole */
    bool torn;             /* the last write ended inside a line */
    int failing;           /* errno of the failure told last; 0 while writing works */
    uint64_t told_ms;      /* when drops were last told */
    uint64_t told;         /* of `dropped` */
    atomic_ullong dropped; /* lines, by all cores */
};

struct access_buffer {
    char *at;
    size_t len;
    uint64_t first_ms; /* when its oldest line was added */
};

/* One core's lines. Owned by the core; while `busy`, the buffer that is not filled is the
 * helper's. */
struct access_batch {
    struct io_job job; /* what IO_WORKED names */
    struct access_log *log;
    const struct io_engine *engine;
    struct io *io;
    struct access_buffer buffers[2];
    unsigned filling;  /* index of the buffer lines are added to */
    bool busy;         /* a helper is writing the other */
    int64_t date_unix; /* the second that `date` tells */
    char date[HTTP_LOG_DATE_LEN];
};

/* Open the log for appending (made with mode 0640), or take standard output for "-". 0, or
 * -errno with the reason in *why, which leaves it to the caller to name the path. `path` is
 * borrowed until close. */
int access_log_open(struct access_log *log, const char *path, struct sentence *why);

/* Open the path anew and put it in the place of the old descriptor, so that cores need not know.
 * Does nothing for standard output. From any thread. When it fails the old file stays: -errno,
 * *why. */
int access_log_reopen(struct access_log *log, struct sentence *why);

/* From now on no helper waits for a reader that does not read: what can't be written at once is
 * dropped and counted. For the end of a drain. From any thread. */
void access_log_give_up(struct access_log *log);

/* When no batch is busy any more. Tells what was dropped and not yet told. */
void access_log_close(struct access_log *log);

/* Takes the two buffers; on the core's thread. False when memory is short. */
bool access_batch_init(struct access_batch *batch, struct access_log *log,
                       const struct io_engine *engine, struct io *io);

/* When idle. Lines that were never written are counted as dropped. */
void access_batch_free(struct access_batch *batch);

/* Add a line, and hand the buffer to a helper when it is half full and none is writing. */
void access_batch_add(struct access_batch *batch, const struct access_line *line, uint64_t now_ms);

/* How long the core may sleep before it must call access_batch_flush_due: milliseconds, or -1
 * for as long as it likes. */
int access_batch_due_ms(const struct access_batch *batch, uint64_t now_ms);
void access_batch_flush_due(struct access_batch *batch, uint64_t now_ms);

/* Hand over what there is, however little. While busy this does nothing: flush again once idle. */
void access_batch_flush(struct access_batch *batch);

/* For IO_WORKED of batch->job. */
void access_batch_worked(struct access_batch *batch, uint64_t now_ms);

/* Nothing is waiting and no helper is writing. */
bool access_batch_idle(const struct access_batch *batch);

#endif

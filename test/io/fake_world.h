/* fake_world.h - what the files of the fake engine share, and nobody else sees. */
#ifndef TEST_FAKE_WORLD_H
#define TEST_FAKE_WORLD_H

#include "fake_io.h"

#include "base/check.h"

#include <pthread.h>

enum { FAKE_FILE_KINDS = IO_FILE_CLOSE + 1 };

struct fake_queue {
    char *bytes;
    size_t at, len, cap;
};

/* A send in progress. The copy is what the borrowed bytes were when they were lent. */
struct fake_send {
    bool active;   /* from send until IO_SENT or IO_CLOSED */
    bool finished; /* result is settled */
    int result;
    struct iovec iov[IO_IOV_MAX];
    int n;
    char *copy;
    size_t head_len;
    size_t total;
    size_t done;
    int file_fd;
    off_t file_at;
};

enum fake_stage { FAKE_WAITING, FAKE_ACCEPTED, FAKE_ATTACHED, FAKE_DETACHED };
enum fake_closing { FAKE_OPEN, FAKE_LINGERING, FAKE_PARTING, FAKE_RESETTING };

/* A connection with both of its ends. */
struct fake_peer {
    struct io *io;
    struct list link; /* in io->waiting or io->conns */
    enum fake_stage stage;
    int fd;

    struct fake_queue to_engine, to_peer;
    size_t window;
    bool peer_fin, peer_rst, peer_gone;
    bool engine_fin, engine_rst;

    struct io_sock *sock;
    uint32_t generation;
    bool paused, ended;
    unsigned under_way; /* fragments that may still come although paused or at the soft limit */
    enum fake_closing closing;
    struct fake_send send;
};

struct fake_lease {
    char *bytes; /* NULL when free */
    struct fake_peer *conn; /* NULL once the socket is closed */
};

/* A file operation or a job, and the thread that does it. */
struct fake_task {
    struct list link;
    struct io_file_op *file; /* or NULL */
    struct io_job *job;      /* or NULL */
    bool running, injected;
    int result;
    pthread_t thread;
    int64_t started_ms; /* in real time */
};

struct fake_fault {
    int error;
    unsigned nth; /* 0: none */
};

struct io {
    pthread_t owner;
    struct io_config config;
    struct io_stats stats;
    struct fake_io_odds odds;
    uint64_t random;
    uint64_t clock_ms;
    int fd_next;

    bool accepting, stopping;
    int listener;
    struct fake_fault accept_fault;
    struct fake_fault file_faults[FAKE_FILE_KINDS];

    struct list waiting; /* connections not yet accepted, in order */
    struct list conns;   /* all others */
    struct list tasks;
    struct list watches;
    unsigned tasks_running;
    int epoll_fd; /* of the watched descriptors */
    struct fake_lease *leases;
};

struct fake_batch {
    struct io_event *events;
    int max, len;
};

static inline bool fake_batch_full(const struct fake_batch *batch)
{
    return batch->len == batch->max;
}

/* The batch's next event; there must be room. */
struct io_event *fake_emit(struct io *io, struct fake_batch *batch, enum io_event_kind kind);

/* Does something of these odds come true now? */
bool fake_luck(struct io *io, unsigned odds);

/* Count down to a fault; true when it strikes now. */
bool fake_fault_strikes(struct fake_fault *fault);

void fake_queue_add(struct fake_queue *queue, const void *bytes, size_t len);
size_t fake_queue_take(struct fake_queue *queue, void *bytes, size_t cap);
void fake_queue_clear(struct fake_queue *queue);

/* Free it if neither end needs it any more. */
void fake_conn_release(struct fake_peer *conn);

/* One step of what is not a socket. Each returns whether anything could happen by itself. */
bool fake_tasks_step(struct io *io, struct fake_batch *batch);
bool fake_watches_step(struct io *io, struct fake_batch *batch);
/* Is a helper at work that will be done soon? No time may pass then: the machine may be slow. */
bool fake_tasks_soon(const struct io *io);
void fake_task_add(struct io *io, struct io_file_op *file, struct io_job *job);
void fake_watch_add(struct io *io, struct io_watch *watch);
void fake_watch_remove(struct io *io, struct io_watch *watch);

/* One step of a connection, likewise. */
bool fake_conn_step(struct io *io, struct fake_peer *conn, struct fake_batch *batch);
void fake_conn_send(struct fake_peer *conn, const struct iovec *iov, int n, int fd, off_t offset,
                    size_t len);

#endif

/* io.h - the engine contract: bytes between sockets, files and memory, and when they have moved.
 *
 * One `struct io` per core, made, used and freed on that core's thread. Two engines implement it,
 * each at its native best below this line; above it nobody can tell which one runs. Calls never
 * block and never deliver anything; io->wait is the only sleep and hands out what happened, in a
 * batch. Who uses it: server/. What it guarantees (each clause has a contract test of its number):
 *
 *  1. All calls for one `struct io` come from the thread that opened it.
 *  2. No call blocks but `wait`; no call delivers events but `wait`.
 *  3. Receiving goes on from `attach` until IO_ENDED or close, except while paused. Running out of
 *     buffers and re-arming are invisible.
 *  4. The bytes of IO_RECEIVED are lent; every lease is given back exactly once, in any order, also
 *     after the socket is closed. The count is zero at `free`. A socket that holds
 *     IO_SOCK_LEASES_SOFT of them receives no more until some come back; what the kernel had
 *     under way may still arrive, but never more than IO_SOCK_LEASES_MAX in all.
 *  5. At most one send in progress per socket. The vector is copied, the bytes it points at are
 *     borrowed until IO_SENT or IO_CLOSED.
 *  6. IO_SENT carries 0 or -errno; short writes do not exist above this line. `sent` grows as the
 *     kernel takes bytes, at least every IO_SEND_PIECE.
 *  7. After `close` the only further event for that socket is one IO_CLOSED; what arrives meanwhile
 *     is swallowed.
 *  8. A socket may be attached anew after IO_CLOSED and not before; `generation` tells its lives
 *     apart, and an event of an earlier life is counted in io_stats.stale and dropped.
 *  9. How a close looks to the peer: see enum io_close_how; the same on both engines.
 * 10. Nothing a peer or a file system does makes an engine assert or sleep. A page of a file that
 *     is not resident is never read on the core's thread; one that was there a moment ago
 *     (FILE_LOOK_MS) is taken to be there still.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include "base/list.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
    IO_IOV_MAX = 8,               /* entries of one send */
    IO_SEND_PIECE = 256 * 1024,   /* a larger send is handed to the kernel in pieces of this */
    IO_SOCK_LEASES_SOFT = 16,
    IO_SOCK_LEASES_MAX = 96,
    IO_LISTENERS_MAX = 2,         /* that one struct io accepts from at a time */
    IO_EVENTS_MIN = 16,           /* room that `wait` needs in its array */
    IO_SPIN_MAX_US = 1000,        /* no longer than the shortest sleep */
};

struct io; /* an open engine; each engine has its own */
struct bounce;

struct io_config {
    unsigned socks_max;   /* sockets attached at one time; attaching more is a mistake */
    unsigned buffers;     /* receive buffers lent out at most; a power of two, 128 to 32768 */
    unsigned buffer_size; /* bytes each */
    unsigned helpers_max; /* helper threads at most, 1 to 64; started when first needed */
    unsigned spin_us;     /* that `wait` may poll before it sleeps; 0, never, to IO_SPIN_MAX_US */
};

/* One connected socket. The caller owns the memory (zeroed before the first attach) from before
 * `attach` until IO_CLOSED and embeds it; the engine owns `fd` from attach on and closes it. */
struct io_sock {
    int fd;
    uint32_t generation; /* of this life; moves on at IO_CLOSED */
    uint64_t sent;       /* bytes the kernel has taken since attach; read-only above */
    uint32_t leases;     /* buffers lent and not yet given back; read-only above */

    /* The engine's own from here on. */
    uint32_t flags;
    uint32_t in_flight;  /* operations the kernel or a helper still holds */
    struct list ready;   /* among the sockets that have something to do in the next turn */
    struct list starved; /* among those that found no free receive buffer */
    struct list waiting; /* among those that wait for a bounce buffer */
    struct {
        struct iovec iov[IO_IOV_MAX]; /* what is still to be sent; the cursor moves in place */
        unsigned first, count;
        int file_fd;                  /* after the vector, if file_left is not 0 */
        int result;
        off_t file_at;
        size_t file_left;
        struct bounce *bounce;        /* holds file bytes that were not resident, or NULL */
    } out;
    struct {
        int first, last;              /* leases, or -1 */
    } surplus;                        /* received beyond the share, and not lent yet */
    int end;                          /* how receiving ended, to be told after the surplus */
    struct msghdr message;            /* of a vector in the kernel's hands */
};

enum io_close_how {
    /* The peer gets everything sent, then a FIN; what it still sends is swallowed until its own FIN
     * or error, then IO_CLOSED. The caller sets the deadline and closes with IO_CLOSE_RESET when it
     * has passed. A send in progress is finished first. */
    IO_CLOSE_LINGER,
    /* The same, but nobody waits for the peer: for one that has said that it sends no more, and of
     * which nothing is unread. If it does send, it gets a RST, and what it had not read by then may
     * be lost to it. While a send is in progress, or more has come than was received, it may be
     * IO_CLOSE_LINGER. */
    IO_CLOSE_FIN,
    /* The peer gets a RST at once; what was not sent is lost. May follow one of those on the same
     * socket; there is still one IO_CLOSED. */
    IO_CLOSE_RESET,
};

enum io_file_kind { IO_FILE_OPEN, IO_FILE_STAT, IO_FILE_READ, IO_FILE_CLOSE };

/* One operation on a file. The caller owns it and everything it points at until IO_FILE_DONE, whose
 * result is the descriptor (OPEN), 0 (STAT, CLOSE), the bytes read, fewer than `len` only at the
 * end of the file (READ), or -errno. An operation in progress can't be cancelled. */
struct io_file_op {
    enum io_file_kind kind;
    int fd;               /* OPEN: the directory that `path` starts from; otherwise the file */
    const char *path;     /* OPEN */
    struct open_how how;  /* OPEN: for openat2(2); O_CLOEXEC is added */
    struct statx *statx;  /* STAT: of `fd` itself (AT_EMPTY_PATH), STATX_BASIC_STATS */
    void *bytes;          /* READ: by pread(2) */
    size_t len;
    off_t offset;

    struct list link;     /* the engine's own */
    struct io_sock *sock; /* the engine's own: for whose sending it reads, or NULL */
    size_t done;          /* the engine's own */
    int result;           /* the engine's own */
};

/* A function for a helper thread. The caller owns it until IO_WORKED. */
struct io_job {
    /* On the helper's thread; may block; must not touch any struct io. */
    void (*run)(struct io_job *);

    struct list link; /* the engine's own */
};

/* What a descriptor is watched for. An error and a hang-up count as either. */
enum io_watch_for { IO_FOR_READING, IO_FOR_WRITING, IO_FOR_EITHER };

/* A descriptor to watch for being readable, or writable. The caller owns it, and the descriptor,
 * until IO_UNWATCHED; a descriptor is watched once at a time (a duplicate is another one). IO_READY
 * comes when it is or becomes ready, and need not come again before it has been read or written
 * until EAGAIN. */
struct io_watch {
    int fd;
    enum io_watch_for what;

    uint32_t flags;     /* the engine's own */
    uint32_t in_flight; /* the engine's own */
    struct list ready;  /* the engine's own */
};

enum io_event_kind {
    IO_ACCEPTED,       /* listener; result is a connected descriptor that is now the caller's */
    IO_ACCEPT_STOPPED, /* listener; result is 0 after stop_accept, or -errno (EMFILE, ENFILE,
                          ENOMEM, ENOBUFS: try again later; connections wait in the queue) */
    IO_RECEIVED,       /* sock; bytes and len, lent under `lease` */
    IO_ENDED,          /* sock; nothing more will be received: result is 0 at the peer's FIN, or
                          -errno. Sending is still possible after a FIN. */
    IO_SENT,           /* sock; result is 0 or -errno */
    IO_CLOSED,         /* sock; its memory is the caller's again */
    IO_FILE_DONE,      /* file; result */
    IO_WORKED,         /* job */
    IO_READY,          /* watch; result is 0, or -errno when it can't be watched: unwatch it */
    IO_UNWATCHED,      /* watch; its memory is the caller's again */
};

struct io_event {
    enum io_event_kind kind;
    int result;
    union {
        struct io_sock *sock;
        struct io_file_op *file;
        struct io_job *job;
        struct io_watch *watch;
        int listener;
    };
    const char *bytes; /* IO_RECEIVED */
    uint32_t len;      /* IO_RECEIVED; never 0 */
    int lease;         /* IO_RECEIVED; from 0 up to io_config.buffers - 1 */
};

/* What an engine counts; all from `open` on. */
struct io_stats {
    uint64_t waits;      /* times `wait` entered the kernel; all looks of one poll are one */
    uint64_t spins;      /* times it polled before sleeping */
    uint64_t events;
    uint64_t starved;    /* times a socket found no free buffer */
    uint64_t overflows;  /* completion queue overflows (io_uring) */
    uint64_t stale;      /* kernel reports of an earlier life */
    uint32_t leases;     /* lent now */
    uint32_t socks;      /* attached now */
};

struct io_engine {
    const char *name;
    /* On the thread that will use it, which has SIGPIPE blocked from then on (sendfile(2) has no
     * MSG_NOSIGNAL). 0, or -errno when it cannot be had (for io_uring: EPERM, ENOSYS, ENOMEM,
     * EINVAL on an old kernel); then *io is untouched. */
    int (*open)(struct io **io, const struct io_config *);
    /* Everything closed, unwatched, done and given back by now. */
    void (*free)(struct io *);

    /* Keep accepting from a listening, non-blocking socket, from IO_LISTENERS_MAX at most. */
    void (*accept)(struct io *, int listener);
    /* Accept what is in the queue, then IO_ACCEPT_STOPPED. The listener stays the caller's. Where
     * accepting has stopped by itself this does nothing. */
    void (*stop_accept)(struct io *, int listener);

    /* Start receiving. The socket is a connected stream socket, as it came from IO_ACCEPTED. */
    void (*attach)(struct io *, struct io_sock *, int fd);
    /* Stop receiving for now: what the kernel had under way still arrives, bounded by the buffers
     * there are, at most IO_SOCK_LEASES_MAX of them lent at a time; then silence. Pausing what is
     * paused, or resuming what is not, does nothing. */
    void (*pause)(struct io *, struct io_sock *);
    void (*resume)(struct io *, struct io_sock *);

    /* n from 1 to IO_IOV_MAX, none of them empty. */
    void (*send)(struct io *, struct io_sock *, const struct iovec *, int n);
    /* The vector (n from 0), then `len` bytes of file `fd` from `offset`. `fd` is borrowed like the
     * bytes. A file that turns out shorter gives IO_SENT with -ENODATA: the peer was promised more
     * than there is, so close with a reset. */
    void (*send_file)(struct io *, struct io_sock *, const struct iovec *, int n, int fd,
                      off_t offset, size_t len);

    void (*file)(struct io *, struct io_file_op *);
    void (*work)(struct io *, struct io_job *);
    void (*watch)(struct io *, struct io_watch *);
    void (*unwatch)(struct io *, struct io_watch *);
    void (*close)(struct io *, struct io_sock *, enum io_close_how);
    void (*give_back)(struct io *, int lease);

    /* Submit everything, then sleep until something happens or `timeout_ms` has passed (-1: for
     * ever, 0: do not sleep; up to twice as long when woken by what is swallowed). Returns how many
     * events it wrote, at most `max` (at least IO_EVENTS_MIN); 0 after a timeout or a signal. What
     * does not fit comes with the next call. With `spin_us` it polls for so long before it sleeps,
     * and that comes on top; not while no socket is attached, and not where it has often been in
     * vain. What would end the sleep is found, but for a signal. */
    int (*wait)(struct io *, struct io_event *, int max, int timeout_ms);

    struct io_stats (*stats)(const struct io *);
};

extern const struct io_engine io_uring_engine; /* in the epoll build its open returns -ENOSYS */
extern const struct io_engine io_epoll_engine;

/* What the io_uring engine can say of itself without opening: for --version and for the line that
 * explains a fall-back. All are static text or written into the caller's buffer. */
bool io_uring_built_in(void);
/* The liburing version compiled in, "" in the epoll build. */
const char *io_uring_library(void);
/* Open a ring with the real flags on this thread, list the optional kernel features found
 * ("NO_IOWAIT, MIN_TIMEOUT"; or "none") into `features`, close it. 0 or -errno. */
int io_uring_probe(char *features, size_t cap);

#endif

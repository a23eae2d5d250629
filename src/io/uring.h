/* uring.h - the io_uring engine's own: what its files share, and nobody else includes.
 *
 * io_uring.c turns, opens and frees; uring_sock, uring_listener and uring_tasks each know one kind
 * of thing. add_x arms exactly one operation, handle_x consumes exactly one kind of completion and
 * says whether it wrote an event. Whatever the kernel holds for a thing is counted in its
 * in_flight. */
#ifndef IO_URING_H
#define IO_URING_H

#include "io/bounce.h"
#include "io/buffers.h"
#include "io/helpers.h"
#include "io/ring.h"
#include "io/send.h"
#include "io/spin.h"
#include "io/surplus.h"

enum { BUFFER_GROUP = 0 };

/* What a completion is about: in the low bits of its user data, the generation in the top 16. */
enum {
    ABOUT_RECV,
    ABOUT_SEND,
    ABOUT_POLL_OUT, /* up to here it is a socket */
    ABOUT_FILE,
    ABOUT_WATCH,
    ABOUT_ACCEPT,
    ABOUT_HELPERS,
    ABOUT_CANCEL,
    ABOUT_MASK = 7,
};

/* One that accepts, or has an accept to be ended, or a free place. In line with 8, as its address
 * goes into a tag. */
struct listener {
    _Alignas(8) int fd;
    bool accepting, armed, stopping;
};

struct io {
    struct ring ring;
    struct io_uring_buf_ring *buffer_ring;
    int returned;        /* buffers in the ring that are not published */
    struct list ready;   /* sockets */
    struct list starved; /* sockets whose receive ended for want of a buffer */
    struct list watches; /* ended, with IO_UNWATCHED owed */
    struct list files;   /* done by a helper */
    struct list jobs;    /* done */
    struct listener listeners[IO_LISTENERS_MAX];
    bool helpers_watched;
    struct buffers buffers;
    struct surplus surplus;
    struct bounces bounces;
    struct helpers helpers;
    struct io_stats stats;
    struct spin spin;
    unsigned socks_max;
    pthread_t owner; /* the thread all calls come from */
    struct file_looks looks;
    char scratch[SEND_SCRATCH];
};

static inline uint64_t uring_tag(const void *pointer, uint32_t generation, unsigned about)
{
    return (uint64_t)(uintptr_t)pointer | (uint64_t)(uint16_t)generation << 48 | about;
}

static inline uint64_t uring_address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* Have the operation with this user data end; it tells by itself. */
static inline void uring_cancel(struct io *io, uint64_t user_data)
{
    uint64_t own = uring_tag(NULL, 0, ABOUT_CANCEL);

    ring_next(&io->ring, IORING_OP_ASYNC_CANCEL, -1, own)->addr = user_data;
}

/* The buffer is free again; published before the next submission. */
static inline void uring_put_buffer(struct io *io, int lease)
{
    io_uring_buf_ring_add(io->buffer_ring, buffers_at(&io->buffers, lease), io->buffers.size,
                          (unsigned short)lease, (int)io->buffers.count - 1, io->returned++);
}

/* The calls of struct io_engine. */
void uring_sock_attach(struct io *, struct io_sock *, int fd);
void uring_sock_pause(struct io *, struct io_sock *);
void uring_sock_resume(struct io *, struct io_sock *);
void uring_sock_send(struct io *, struct io_sock *, const struct iovec *, int n);
void uring_sock_send_file(struct io *, struct io_sock *, const struct iovec *, int n, int fd, off_t,
                          size_t len);
void uring_sock_close(struct io *, struct io_sock *, enum io_close_how);
void uring_sock_give_back(struct io *, int lease);
void uring_listener_accept(struct io *, int fd);
void uring_listener_stop(struct io *, int fd);
void uring_tasks_file(struct io *, struct io_file_op *);
void uring_tasks_work(struct io *, struct io_job *);
void uring_tasks_watch(struct io *, struct io_watch *);
void uring_tasks_unwatch(struct io *, struct io_watch *);

/* A completion of a socket's. */
bool uring_sock_handle(struct io *, struct io_sock *, const struct io_uring_cqe *,
                       struct io_event *);
/* The read into the socket's bounce buffer is done. */
bool uring_sock_bounced(struct io *, struct io_sock *, struct io_event *);
/* The turn of a socket that was on io->ready. */
bool uring_sock_turn(struct io *, struct io_sock *, struct io_event *);
/* Sockets that waited for memory try again. */
void uring_sock_feed(struct io *);

/* A completion of an accept. */
bool uring_listener_handle(struct io *, struct listener *, const struct io_uring_cqe *,
                           struct io_event *);
/* Is there something to do that does not come by completion? */
bool uring_listener_has_rest(const struct io *);
/* After stop_accept: what is still in the queue. Returns how many events. */
int uring_listener_rest(struct io *, struct io_event *, int room);
/* End every accept for good. */
void uring_listener_cancel_all(struct io *);
/* Has the kernel let go of all of them? */
bool uring_listener_is_over(const struct io *);

/* Arm what `op` says; also for a bounce buffer. */
void uring_tasks_add_file(struct io *, struct io_file_op *);
/* The completions of what is no socket. */
bool uring_tasks_handle_file(struct io *, struct io_file_op *, int result, struct io_event *);
bool uring_tasks_handle_watch(struct io *, struct io_watch *, const struct io_uring_cqe *,
                              struct io_event *);
void uring_tasks_handle_helpers(struct io *, const struct io_uring_cqe *);
/* What does not come by completion. Returns how many events. */
int uring_tasks_deliver(struct io *, struct io_event *, int room);

#endif

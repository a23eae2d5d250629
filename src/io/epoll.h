/* epoll.h - the epoll engine's own: what its files share, and nobody else includes.
 *
 * io_epoll.c turns, opens and frees; epoll_sock, epoll_listener and epoll_tasks each know one kind
 * of thing. A report of the kernel becomes a flag of what it is about, and a place on a list of
 * those that have something to do. */
#ifndef IO_EPOLL_H
#define IO_EPOLL_H

#include "io/bounce.h"
#include "io/buffers.h"
#include "io/helpers.h"
#include "io/send.h"
#include "io/spin.h"

#include <errno.h>
#include <sys/epoll.h>

enum { EPOLL_REPORTS_MAX = 256 }; /* fetched by one epoll_wait */

/* What a report is about: in the low bits of its user data, the generation in the top 16. */
enum { ABOUT_SOCK, ABOUT_LISTENER, ABOUT_HELPERS, ABOUT_WATCH, ABOUT_MASK = 7 };

/* One that accepts, or a free place. In line with 8, as its address goes into a tag. */
struct listener {
    _Alignas(8) int fd;
    int error; /* it can't be watched: -errno */
    bool accepting, ready, stopping;
};

/* Sockets that IO_SENT is owed to, each at most once. */
struct sent_queue {
    struct io_sock **socks;
    unsigned head, tail; /* counted on and on */
    unsigned mask;
};

struct io {
    int epoll_fd;
    struct list ready;       /* sockets */
    struct list starved;     /* sockets that are readable and found no buffer */
    struct list watches;     /* with an event owed */
    struct list files, jobs; /* done */
    struct sent_queue sent;
    struct listener listeners[IO_LISTENERS_MAX];
    bool passed_over; /* the last wait did not look at the descriptors */
    struct buffers buffers;
    struct bounces bounces;
    struct helpers helpers;
    struct io_stats stats;
    struct spin spin;
    unsigned socks_max;
    pthread_t owner; /* the thread all calls come from */
    struct epoll_event reports[EPOLL_REPORTS_MAX];
    struct file_looks looks;
    char scratch[SEND_SCRATCH];
};

static inline uint64_t epoll_tag(const void *pointer, uint32_t generation, unsigned about)
{
    return (uint64_t)(uintptr_t)pointer | (uint64_t)(uint16_t)generation << 48 | about;
}

/* Have the kernel report `events` of `fd`, edge-triggered. 0 or -errno. */
static inline int epoll_add(const struct io *io, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = { .events = events | EPOLLET, .data.u64 = data };

    return epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* The calls of struct io_engine. */
void epoll_sock_attach(struct io *, struct io_sock *, int fd);
void epoll_sock_pause(struct io *, struct io_sock *);
void epoll_sock_resume(struct io *, struct io_sock *);
void epoll_sock_send(struct io *, struct io_sock *, const struct iovec *, int n);
void epoll_sock_send_file(struct io *, struct io_sock *, const struct iovec *, int n, int fd, off_t,
                          size_t len);
void epoll_sock_close(struct io *, struct io_sock *, enum io_close_how);
void epoll_sock_give_back(struct io *, int lease);
void epoll_listener_accept(struct io *, int fd);
void epoll_listener_stop(struct io *, int fd);
void epoll_tasks_file(struct io *, struct io_file_op *);
void epoll_tasks_work(struct io *, struct io_job *);
void epoll_tasks_watch(struct io *, struct io_watch *);
void epoll_tasks_unwatch(struct io *, struct io_watch *);

/* For so many sockets. 0 or -ENOMEM. */
int epoll_sock_open(struct io *, unsigned socks_max);
void epoll_sock_free(struct io *);
/* A report about a socket; `room` says that an event may be written. Returns how many were. */
int epoll_sock_note(struct io *, struct io_sock *, const struct epoll_event *report, bool room,
                    struct io_event *);
/* The read into the socket's bounce buffer is done. */
void epoll_sock_bounced(struct io *, struct io_sock *);
/* The turn of a socket that was on io->ready. Returns how many events. */
int epoll_sock_turn(struct io *, struct io_sock *, struct io_event *, int room);
/* The IO_SENT that are owed. Returns how many events. */
int epoll_sock_tell_sent(struct io *, struct io_event *, int room);
/* Sockets that waited for memory try again. */
void epoll_sock_feed(struct io *);

/* Is there a listener that has something to do? */
bool epoll_listener_is_ready(const struct io *);
/* Accept what is in the queues. Returns how many events. */
int epoll_listener_turn(struct io *, struct io_event *, int room);

/* A report about a watch. */
void epoll_tasks_note_watch(struct io *, struct io_watch *);
/* Helpers have done something. */
void epoll_tasks_collect(struct io *);
/* What is done, and what became ready. Returns how many events. */
int epoll_tasks_deliver(struct io *, struct io_event *, int room);

#endif

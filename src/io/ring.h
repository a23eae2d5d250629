/* ring.h - one io_uring: its queues, and the one system call that serves both.
 *
 * Used by the io_uring engine. Guarantees: a submission slot is always to be had, because a full
 * queue is submitted at once; completions stay in order and none is lost, because the kernel keeps
 * what overflows (IORING_FEAT_NODROP) and it is counted. */
#ifndef IO_RING_H
#define IO_RING_H

#include "io/uring_compat.h"

#include <stdbool.h>
#include <stdint.h>

struct ring {
    struct io_uring uring;
    unsigned head, tail; /* of the submission queue; what lies between is not submitted */
    unsigned enter_flags;
    uint64_t overflows; /* times completions were found outside the queue */
};

/* With room for about `entries` submissions and `completions` completions, fewer when memory is
 * short. `polled` says that ring_has_news will be asked. 0 or -errno. It belongs to the calling
 * thread. */
int ring_open(struct ring *, unsigned entries, unsigned completions, bool polled);
void ring_free(struct ring *);

/* Hand over what waits to be submitted, without looking for completions. */
void ring_submit(struct ring *);
/* Hand over what waits to be submitted, let completions appear, and sleep until there is one when
 * `sleep` is set, for at most `timeout_ms` (-1: for ever). */
void ring_enter(struct ring *, bool sleep, int timeout_ms);

/* How many submissions wait to be handed over. */
static inline unsigned ring_pending(const struct ring *r)
{
    return r->tail - r->head;
}

/* Whether the next submission has to wait until the others are handed over. */
static inline bool ring_is_full(const struct ring *r)
{
    return ring_pending(r) == r->uring.sq.ring_entries;
}

/* Where the next submission goes, if the queue is not full; all of it is still to be written. */
static inline struct io_uring_sqe *ring_free_slot(struct ring *r)
{
    return &r->uring.sq.sqes[r->tail++ & r->uring.sq.ring_mask];
}

/* The same; makes room when the queue is full. */
static inline struct io_uring_sqe *ring_slot(struct ring *r)
{
    if (ring_is_full(r))
        ring_submit(r);
    return ring_free_slot(r);
}

/* The next submission, with `opcode`, `fd` and `user_data` set and all else zero. */
static inline struct io_uring_sqe *ring_next(struct ring *r, uint8_t opcode, int fd,
                                             uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_slot(r);

    *sqe = (struct io_uring_sqe){.opcode = opcode, .fd = fd, .user_data = user_data};
    return sqe;
}

/* How many completions there are. */
static inline unsigned ring_completed(const struct ring *r)
{
    return io_uring_cq_ready(&r->uring);
}

/* Whether there are completions, or ring_enter would bring some: the kernel says so in memory. */
static inline bool ring_has_news(const struct ring *r)
{
    unsigned flags = __atomic_load_n(r->uring.sq.kflags, __ATOMIC_RELAXED);

    return ring_completed(r) > 0 || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

/* The completions that there are: places [first, end) of a queue that goes round. */
struct ring_batch {
    const struct io_uring_cqe *cqes;
    unsigned mask, first, end;
};

static inline struct ring_batch ring_batch(const struct ring *r)
{
    const struct io_uring_cq *cq = &r->uring.cq;
    unsigned first = *cq->khead;

    return (struct ring_batch){ cq->cqes, cq->ring_mask, first, first + ring_completed(r) };
}

static inline const struct io_uring_cqe *ring_batch_at(const struct ring_batch *b, unsigned place)
{
    return &b->cqes[place & b->mask];
}

/* Done with the oldest `n`. */
static inline void ring_advance(struct ring *r, unsigned n)
{
    io_uring_cq_advance(&r->uring, n);
}

#endif

/* ring.h - the generator's io_uring: one submission queue, one system call a turn.
 *
 * Owned by the thread that opened it. A submission slot is always to be had: a full queue is handed
 * over at once. Kernel 6.1 is enough. */
#ifndef LOAD_RING_H
#define LOAD_RING_H

#include <liburing.h>

#include <stdbool.h>
#include <stdint.h>

struct ring {
    struct io_uring uring;
    unsigned head, tail; /* of the submission queue; what lies between is not handed over */
};

/* With room for `entries` submissions at a time and `completions` completions, or as many as the
 * kernel allows. 0 or -errno. */
int ring_open(struct ring *ring, unsigned entries, unsigned completions);
void ring_free(struct ring *ring);

/* Hand over what waits, let completions appear, and when `sleep` is set wait for one of them, at
 * most `timeout_ns`. */
void ring_enter(struct ring *ring, bool sleep, uint64_t timeout_ns);

static inline unsigned ring_pending(const struct ring *ring)
{
    return ring->tail - ring->head;
}

/* Whether entering the kernel would bring completions; costs no system call. */
static inline bool ring_has_news(const struct ring *ring)
{
    unsigned flags = IO_URING_READ_ONCE(*ring->uring.sq.kflags);

    return io_uring_cq_ready(&ring->uring) > 0 ||
           (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

/* The next submission, with opcode, fd and user data set and all else zero. */
static inline struct io_uring_sqe *ring_next(struct ring *ring, uint8_t opcode, int fd,
                                             uint64_t user_data)
{
    if (ring_pending(ring) == ring->uring.sq.ring_entries)
        ring_enter(ring, false, 0);
    struct io_uring_sqe *sqe = &ring->uring.sq.sqes[ring->tail++ & ring->uring.sq.ring_mask];

    *sqe = (struct io_uring_sqe){ .opcode = opcode, .fd = fd, .user_data = user_data };
    return sqe;
}

/* How many completions there are, and the one `n` places behind the oldest. */
static inline unsigned ring_completed(const struct ring *ring)
{
    return io_uring_cq_ready(&ring->uring);
}

static inline const struct io_uring_cqe *ring_completion(const struct ring *ring, unsigned n)
{
    const struct io_uring_cq *cq = &ring->uring.cq;

    return &cq->cqes[(*cq->khead + n) & cq->ring_mask];
}

/* Done with the oldest `n`. */
static inline void ring_advance(struct ring *ring, unsigned n)
{
    io_uring_cq_advance(&ring->uring, n);
}

#endif

#include "load/ring.h"

#include <errno.h>
#include <signal.h>

enum {
    ENTRIES_MIN = 64, /* with less a ring is not worth having */
    SETUP = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
            IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL,
    SECOND_NS = 1000000000,
};

int ring_open(struct ring *ring, unsigned entries, unsigned completions)
{
    struct io_uring_params params;
    int result;

    *ring = (struct ring){ 0 };
    do {
        params = (struct io_uring_params){ .flags = SETUP, .cq_entries = completions };
        result = io_uring_queue_init_params(entries, &ring->uring, &params);
        entries /= 2;
        completions /= 2;
    } while (result == -ENOMEM && entries >= ENTRIES_MIN);
    if (result < 0)
        return result;
    for (unsigned i = 0; i < ring->uring.sq.ring_entries; i++)
        ring->uring.sq.array[i] = i;
    return 0;
}

void ring_free(struct ring *ring)
{
    io_uring_queue_exit(&ring->uring);
}

void ring_enter(struct ring *ring, bool sleep, uint64_t timeout_ns)
{
    struct __kernel_timespec timeout = {
        .tv_sec = (long long)(timeout_ns / SECOND_NS),
        .tv_nsec = (long long)(timeout_ns % SECOND_NS),
    };
    struct io_uring_getevents_arg arg = {
        .sigmask_sz = _NSIG / 8,
        .ts = sleep ? (uint64_t)(uintptr_t)&timeout : 0,
    };

    io_uring_smp_store_release(ring->uring.sq.ktail, ring->tail);
    io_uring_enter2((unsigned)ring->uring.ring_fd, ring_pending(ring), sleep,
                    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (sigset_t *)(void *)&arg,
                    sizeof arg);
    ring->head = io_uring_smp_load_acquire(ring->uring.sq.khead);
}

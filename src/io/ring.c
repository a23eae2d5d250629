#include "io/ring.h"

#include <errno.h>
#include <signal.h>

enum {
    ENTRIES_MIN = 64, /* with less a ring is not worth having */

    /* One thread submits and reaps (6.0, 6.1), work is done when it asks for it, a bad submission
     * does not stop those behind it. */
    SETUP = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
            IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL,
};

/* The queues' slots are used in their own order. */
static void map_slots(struct io_uring *uring)
{
    for (unsigned i = 0; i < uring->sq.ring_entries; i++)
        uring->sq.array[i] = i;
}

int ring_open(struct ring *r, unsigned entries, unsigned completions, bool polled)
{
    unsigned setup = SETUP | (polled ? IORING_SETUP_TASKRUN_FLAG : 0);
    struct io_uring_params params;
    int result;

    *r = (struct ring){0};
    do {
        params = (struct io_uring_params){ .flags = setup, .cq_entries = completions };
        result = io_uring_queue_init_params(entries, &r->uring, &params);
        entries /= 2;
        completions /= 2;
    } while (result == -ENOMEM && entries >= ENTRIES_MIN);
    if (result < 0)
        return result;

    map_slots(&r->uring);
    r->enter_flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    if (params.features & IORING_FEAT_NO_IOWAIT)
        r->enter_flags |= IORING_ENTER_NO_IOWAIT;
    return 0;
}

void ring_free(struct ring *r)
{
    io_uring_queue_exit(&r->uring);
}

static void submitted(struct ring *r)
{
    r->head = io_uring_smp_load_acquire(r->uring.sq.khead);
}

/* The kernel refuses only while it has no memory for a single request; nothing may be lost, so it
 * is asked again. */
void ring_submit(struct ring *r)
{
    io_uring_smp_store_release(r->uring.sq.ktail, r->tail);
    do {
        io_uring_enter2((unsigned)r->uring.ring_fd, ring_pending(r), 0, 0, NULL, _NSIG / 8);
        submitted(r);
    } while (ring_pending(r) == r->uring.sq.ring_entries);
}

void ring_enter(struct ring *r, bool sleep, int timeout_ms)
{
    struct __kernel_timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000000LL,
    };
    struct io_uring_getevents_arg arg = {
        .sigmask_sz = _NSIG / 8,
        .ts = sleep && timeout_ms >= 0 ? (uint64_t)(uintptr_t)&timeout : 0,
    };

    io_uring_smp_store_release(r->uring.sq.ktail, r->tail);
    io_uring_enter2((unsigned)r->uring.ring_fd, ring_pending(r), sleep, r->enter_flags,
                    (sigset_t *)(void *)&arg, sizeof arg);
    submitted(r);
    if (*r->uring.sq.kflags & IORING_SQ_CQ_OVERFLOW)
        r->overflows++;
}

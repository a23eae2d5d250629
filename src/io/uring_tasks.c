/* What the ring does besides sockets: files, jobs on helper threads, watched descriptors. */
#include "io/uring.h"

#include <errno.h>
#include <poll.h>

enum { READ_MAX = 1 << 30 }; /* bytes of one read */

/* io_watch.flags */
enum { WATCH_ENDED = 1 };

static const unsigned watch_events[] = {
    [IO_FOR_READING] = POLLIN,
    [IO_FOR_WRITING] = POLLOUT,
    [IO_FOR_EITHER] = POLLIN | POLLOUT,
};

/* --- arming --- */

static void add_poll(struct io *io, int fd, unsigned events, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_POLL_ADD, fd, user_data);

    sqe->poll32_events = __io_uring_prep_poll_mask(events);
    sqe->len = IORING_POLL_ADD_MULTI;
}

static void add_watch(struct io *io, struct io_watch *watch)
{
    watch->in_flight = 1;
    add_poll(io, watch->fd, watch_events[watch->what], uring_tag(watch, 0, ABOUT_WATCH));
}

/* Always by a kernel worker: what opening does in a file system may wait, and the ring's own first
 * try opens with O_NONBLOCK, which means something else to a FIFO. */
static void add_open(struct io *io, struct io_file_op *op, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_OPENAT2, op->fd, user_data);

    op->how.flags |= O_CLOEXEC;
    sqe->flags = IOSQE_ASYNC;
    sqe->addr = uring_address(op->path);
    sqe->len = sizeof op->how;
    sqe->off = uring_address(&op->how);
}

static void add_stat(struct io *io, struct io_file_op *op, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_STATX, op->fd, user_data);

    sqe->addr = uring_address("");
    sqe->len = STATX_BASIC_STATS;
    sqe->off = uring_address(op->statx);
    sqe->statx_flags = AT_EMPTY_PATH;
}

static void add_read(struct io *io, struct io_file_op *op, uint64_t user_data)
{
    struct io_uring_sqe *sqe = ring_next(&io->ring, IORING_OP_READ, op->fd, user_data);
    size_t left = op->len - op->done;

    sqe->addr = uring_address((char *)op->bytes + op->done);
    sqe->len = left < READ_MAX ? (uint32_t)left : READ_MAX;
    sqe->off = (uint64_t)op->offset + op->done;
}

void uring_tasks_add_file(struct io *io, struct io_file_op *op)
{
    uint64_t user_data = uring_tag(op, 0, ABOUT_FILE);

    switch (op->kind) {
    case IO_FILE_OPEN:
        add_open(io, op, user_data);
        break;
    case IO_FILE_STAT:
        add_stat(io, op, user_data);
        break;
    case IO_FILE_READ:
        add_read(io, op, user_data);
        break;
    case IO_FILE_CLOSE:
        ring_next(&io->ring, IORING_OP_CLOSE, op->fd, user_data);
        break;
    }
}

/* --- files and jobs --- */

void uring_tasks_file(struct io *io, struct io_file_op *op)
{
    if (op->kind == IO_FILE_CLOSE)
        file_looks_forget(&io->looks, op->fd);
    op->sock = NULL;
    op->done = 0;
    uring_tasks_add_file(io, op);
}

static bool file_done(struct io *io, struct io_file_op *op, struct io_event *event)
{
    if (op->sock)
        return uring_sock_bounced(io, op->sock, event);
    *event = (struct io_event){ .kind = IO_FILE_DONE, .file = op, .result = op->result };
    return true;
}

static void watch_helpers(struct io *io)
{
    if (io->helpers_watched)
        return;
    io->helpers_watched = true;
    add_poll(io, io->helpers.wake_fd, POLLIN, uring_tag(NULL, 0, ABOUT_HELPERS));
}

bool uring_tasks_handle_file(struct io *io, struct io_file_op *op, int result,
                             struct io_event *event)
{
    if (result == -EAGAIN) { /* the kernel would not wait for it here; a helper can */
        watch_helpers(io);
        helpers_file(&io->helpers, op);
        return false;
    }
    if (op->kind == IO_FILE_READ && result > 0) {
        op->done += (size_t)result;
        result = (int)op->done;
        if (op->done < op->len) {
            uring_tasks_add_file(io, op);
            return false;
        }
    } else if (op->kind == IO_FILE_READ && result == 0) {
        result = (int)op->done;
    }
    op->result = result;
    return file_done(io, op, event);
}

void uring_tasks_work(struct io *io, struct io_job *job)
{
    watch_helpers(io);
    helpers_job(&io->helpers, job);
}

void uring_tasks_handle_helpers(struct io *io, const struct io_uring_cqe *cqe)
{
    helpers_collect(&io->helpers, &io->files, &io->jobs);
    if (cqe->flags & IORING_CQE_F_MORE)
        return;
    io->helpers_watched = false;
    watch_helpers(io);
}

/* --- watches --- */

void uring_tasks_watch(struct io *io, struct io_watch *watch)
{
    watch->flags = 0;
    list_init(&watch->ready);
    add_watch(io, watch);
}

void uring_tasks_unwatch(struct io *io, struct io_watch *watch)
{
    watch->flags = WATCH_ENDED;
    if (watch->in_flight > 0)
        uring_cancel(io, uring_tag(watch, 0, ABOUT_WATCH));
    else
        list_append(&io->watches, &watch->ready);
}

bool uring_tasks_handle_watch(struct io *io, struct io_watch *watch, const struct io_uring_cqe *cqe,
                              struct io_event *event)
{
    if (!(cqe->flags & IORING_CQE_F_MORE))
        watch->in_flight = 0;
    if (watch->flags & WATCH_ENDED) {
        *event = (struct io_event){ .kind = IO_UNWATCHED, .watch = watch };
        return watch->in_flight == 0;
    }
    if (cqe->res >= 0 && watch->in_flight == 0)
        add_watch(io, watch);
    *event = (struct io_event){ .kind = IO_READY,
                                .watch = watch,
                                .result = cqe->res < 0 ? cqe->res : 0 };
    return true;
}

/* --- what does not come by completion --- */

int uring_tasks_deliver(struct io *io, struct io_event *events, int room)
{
    struct list *node;
    int count = 0;

    while (count < room && (node = list_take(&io->files)))
        count += file_done(io, CONTAINER_OF(node, struct io_file_op, link), &events[count]);
    while (count < room && (node = list_take(&io->jobs)))
        events[count++] =
            (struct io_event){ .kind = IO_WORKED, .job = CONTAINER_OF(node, struct io_job, link) };
    while (count < room && (node = list_take(&io->watches)))
        events[count++] = (struct io_event){ .kind = IO_UNWATCHED,
                                             .watch = CONTAINER_OF(node, struct io_watch, ready) };
    return count;
}

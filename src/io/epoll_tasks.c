/* What epoll does besides sockets: files and jobs on helper threads, watched descriptors. */
#include "io/epoll.h"

/* io_watch.flags */
enum { WATCH_READY = 1, WATCH_ENDED = 2 };

static const uint32_t watch_events[] = {
    [IO_FOR_READING] = EPOLLIN,
    [IO_FOR_WRITING] = EPOLLOUT,
    [IO_FOR_EITHER] = EPOLLIN | EPOLLOUT,
};

/* --- files and jobs --- */

void epoll_tasks_file(struct io *io, struct io_file_op *op)
{
    if (op->kind == IO_FILE_CLOSE)
        file_looks_forget(&io->looks, op->fd);
    op->sock = NULL;
    helpers_file(&io->helpers, op);
}

void epoll_tasks_work(struct io *io, struct io_job *job)
{
    helpers_job(&io->helpers, job);
}

void epoll_tasks_collect(struct io *io)
{
    struct list files, *node;

    list_init(&files);
    helpers_collect(&io->helpers, &files, &io->jobs);
    while ((node = list_take(&files))) {
        struct io_file_op *op = CONTAINER_OF(node, struct io_file_op, link);

        if (op->sock)
            epoll_sock_bounced(io, op->sock);
        else
            list_append(&io->files, &op->link);
    }
}

/* --- watches --- */

void epoll_tasks_watch(struct io *io, struct io_watch *watch)
{
    watch->flags = 0;
    list_init(&watch->ready);
    watch->in_flight = 0;

    int result =
        epoll_add(io, watch->fd, watch_events[watch->what], epoll_tag(watch, 0, ABOUT_WATCH));
    if (result == 0)
        return;
    watch->in_flight = (uint32_t)-result; /* the error, to be told with an event */
    watch->flags = WATCH_READY;
    list_append(&io->watches, &watch->ready);
}

void epoll_tasks_unwatch(struct io *io, struct io_watch *watch)
{
    epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->flags = WATCH_ENDED;
    list_remove(&watch->ready);
    list_append(&io->watches, &watch->ready);
}

void epoll_tasks_note_watch(struct io *io, struct io_watch *watch)
{
    if (watch->flags != 0)
        return;
    watch->flags = WATCH_READY;
    list_append(&io->watches, &watch->ready);
}

static struct io_event watch_event(struct io_watch *watch)
{
    if (watch->flags & WATCH_ENDED)
        return (struct io_event){ .kind = IO_UNWATCHED, .watch = watch };
    watch->flags = 0;
    return (struct io_event){ .kind = IO_READY, .watch = watch, .result = -(int)watch->in_flight };
}

/* --- what does not come by report --- */

int epoll_tasks_deliver(struct io *io, struct io_event *events, int room)
{
    struct list *node;
    int count = 0;

    while (count < room && (node = list_take(&io->files))) {
        struct io_file_op *op = CONTAINER_OF(node, struct io_file_op, link);
        events[count++] =
            (struct io_event){ .kind = IO_FILE_DONE, .file = op, .result = op->result };
    }
    while (count < room && (node = list_take(&io->jobs))) {
        struct io_job *job = CONTAINER_OF(node, struct io_job, link);
        events[count++] = (struct io_event){ .kind = IO_WORKED, .job = job };
    }
    while (count < room && (node = list_take(&io->watches)))
        events[count++] = watch_event(CONTAINER_OF(node, struct io_watch, ready));
    return count;
}

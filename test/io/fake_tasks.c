#include "fake_world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int file_open(struct io_file_op *op)
{
    struct open_how how = op->how;

    how.flags |= O_CLOEXEC;
    long fd = syscall(SYS_openat2, op->fd, op->path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

static int file_read(struct io_file_op *op)
{
    size_t done = 0;

    while (done < op->len) {
        ssize_t got =
            pread(op->fd, (char *)op->bytes + done, op->len - done, op->offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int)done;
}

static int file_run(struct io_file_op *op)
{
    switch (op->kind) {
    case IO_FILE_OPEN:
        return file_open(op);
    case IO_FILE_STAT:
        return statx(op->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, op->statx) < 0 ? -errno : 0;
    case IO_FILE_READ:
        return file_read(op);
    case IO_FILE_CLOSE:
        return close(op->fd) < 0 ? -errno : 0;
    }
    CHECK(false); /* no known kind of file operation */
    return -EINVAL;
}

static void *task_run(void *argument)
{
    struct fake_task *task = argument;

    if (task->file)
        task->result = file_run(task->file);
    else
        task->job->run(task->job);
    return NULL;
}

void fake_task_add(struct io *io, struct io_file_op *file, struct io_job *job)
{
    for (struct list *node = io->tasks.next; node != &io->tasks; node = node->next) {
        struct fake_task *other = CONTAINER_OF(node, struct fake_task, link);
        CHECK(!file || other->file != file); /* the operation is in progress already */
        CHECK(!job || other->job != job);
    }

    struct fake_task *task = calloc(1, sizeof *task);
    CHECK(task);
    task->file = file;
    task->job = job;
    if (file && fake_fault_strikes(&io->file_faults[file->kind])) {
        task->injected = true;
        task->result = -io->file_faults[file->kind].error;
        if (file->kind == IO_FILE_CLOSE)
            close(file->fd);
    }
    list_append(&io->tasks, &task->link);
}

static struct timespec soon(bool first)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    if (first)
        until.tv_nsec += FAKE_HELPER_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return until;
}

static int64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool fake_tasks_soon(const struct io *io)
{
    for (const struct list *node = io->tasks.next; node != &io->tasks; node = node->next) {
        uintptr_t at = (uintptr_t)node - offsetof(struct fake_task, link);
        const struct fake_task *task = (const struct fake_task *)at;
        if (task->running && real_ms() - task->started_ms < FAKE_STUCK_MS)
            return true;
    }
    return false;
}

/* Is it done? Starts its thread when that has not happened yet. */
static bool task_done(struct io *io, struct fake_task *task)
{
    if (task->injected)
        return true;

    bool first = !task->running;
    if (first) {
        CHECK(pthread_create(&task->thread, NULL, task_run, task) == 0);
        task->running = true;
        task->started_ms = real_ms();
        io->tasks_running++;
    }
    struct timespec until = soon(first);
    if (pthread_timedjoin_np(task->thread, NULL, &until) != 0)
        return false;
    io->tasks_running--;
    return true;
}

static void task_finish(struct io *io, struct fake_task *task, struct fake_batch *batch)
{
    struct io_event *event = fake_emit(io, batch, task->file ? IO_FILE_DONE : IO_WORKED);

    if (task->file) {
        event->file = task->file;
        event->result = task->result;
    } else {
        event->job = task->job;
    }
    list_remove(&task->link);
    free(task);
}

bool fake_tasks_step(struct io *io, struct fake_batch *batch)
{
    bool possible = false;

    for (struct list *node = io->tasks.next, *next; node != &io->tasks; node = next) {
        struct fake_task *task = CONTAINER_OF(node, struct fake_task, link);
        next = node->next;
        if (fake_batch_full(batch))
            return true;
        if (!task->running && fake_luck(io, io->odds.delay))
            possible = true;
        else if (task_done(io, task)) {
            task_finish(io, task, batch);
            possible = true;
        }
    }
    return possible;
}

enum { WATCH_ON = 1, WATCH_PENDING = 2, WATCH_ENDING = 4 };

static const uint32_t watch_events[] = {
    [IO_FOR_READING] = EPOLLIN,
    [IO_FOR_WRITING] = EPOLLOUT,
    [IO_FOR_EITHER] = EPOLLIN | EPOLLOUT,
};

void fake_watch_add(struct io *io, struct io_watch *watch)
{
    struct epoll_event event = { .events = watch_events[watch->what] | EPOLLET, .data.ptr = watch };

    for (struct list *node = io->watches.next; node != &io->watches; node = node->next)
        CHECK(node != &watch->ready); /* watched already */
    CHECK(epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0);
    watch->flags = WATCH_ON;
    watch->in_flight = 1;
    list_append(&io->watches, &watch->ready);
}

void fake_watch_remove(struct io *io, struct io_watch *watch)
{
    CHECK(watch->flags & WATCH_ON);
    CHECK(!(watch->flags & WATCH_ENDING));
    CHECK(epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) == 0);
    watch->flags |= WATCH_ENDING;
}

static void watches_poll(struct io *io)
{
    struct epoll_event found[IO_EVENTS_MIN];
    int n;

    do {
        n = epoll_wait(io->epoll_fd, found, IO_EVENTS_MIN, 0);
        for (int i = 0; i < n; i++)
            ((struct io_watch *)found[i].data.ptr)->flags |= WATCH_PENDING;
    } while (n == IO_EVENTS_MIN);
}

static void watch_act(struct io *io, struct io_watch *watch, struct fake_batch *batch)
{
    if (watch->flags & WATCH_PENDING) {
        watch->flags &= ~(uint32_t)WATCH_PENDING;
        fake_emit(io, batch, IO_READY)->watch = watch;
        return;
    }
    watch->flags = 0;
    watch->in_flight = 0;
    list_remove(&watch->ready);
    fake_emit(io, batch, IO_UNWATCHED)->watch = watch;
}

bool fake_watches_step(struct io *io, struct fake_batch *batch)
{
    bool possible = false;

    if (list_empty(&io->watches))
        return false;
    watches_poll(io);
    for (struct list *node = io->watches.next, *next; node != &io->watches; node = next) {
        struct io_watch *watch = CONTAINER_OF(node, struct io_watch, ready);
        next = node->next;
        if (!(watch->flags & (WATCH_PENDING | WATCH_ENDING)))
            continue;
        possible = true;
        if (!fake_batch_full(batch) && !fake_luck(io, io->odds.delay))
            watch_act(io, watch, batch);
    }
    return possible;
}

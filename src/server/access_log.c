#include "server/access_log.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/cold.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_MODE = 0640 };

static_assert(ACCESS_LINE_MAX <= ACCESS_BUFFER - ACCESS_FLUSH_AT,
              "a buffer that is not handed over yet has room for a line");

/* The descriptor of a pipe or a terminal is shared with whoever gave it to us, so it must not be
 * made non-blocking. Opened anew it is ours, and a reader that stands still can't hold up a
 * helper. */
static int open_standard_output(bool *socket)
{
    struct stat status;
    int fd = -1;

    if (fstat(STDOUT_FILENO, &status) < 0)
        return -errno;
    if (fcntl(STDOUT_FILENO, F_GETFL) & O_PATH) /* main holds its place: it was closed */
        return -EBADF;
    *socket = S_ISSOCK(status.st_mode);
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: a FIFO nobody reads is an error at once (fifo(7)) instead of a wait. */
static int open_path(const char *path)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, flags, LOG_MODE);

    return fd < 0 ? -errno : fd;
}

static bool is_standard_output(const struct access_log *log)
{
    return strcmp(log->path, "-") == 0;
}

int access_log_open(struct access_log *log, const char *path, struct sentence *why)
{
    *log = (struct access_log){ .path = path, .err_fd = STDERR_FILENO };
    log->fd = is_standard_output(log) ? open_standard_output(&log->socket) : open_path(path);
    if (log->fd < 0) {
        sentence_set(why, "can't be opened for writing: %s", strerror(-log->fd));
        return log->fd;
    }
    log->give_up_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (log->give_up_fd < 0) {
        int error = errno;
        close(log->fd);
        sentence_set(why, "no event descriptor: %s", strerror(error));
        return -error;
    }
    CHECK(pthread_mutex_init(&log->lock, NULL) == 0);
    return 0;
}

int access_log_reopen(struct access_log *log, struct sentence *why)
{
    if (is_standard_output(log))
        return 0;

    int fd = open_path(log->path);
    if (fd < 0) {
        sentence_set(why, "can't be reopened, so the file opened before stays in use: %s",
                     strerror(-fd));
        return fd;
    }
    int result = dup3(fd, log->fd, O_CLOEXEC) < 0 ? -errno : 0;
    if (result < 0)
        sentence_set(why, "can't take the place of the file opened before: %s", strerror(-result));
    close(fd);
    return result;
}

void access_log_give_up(struct access_log *log)
{
    CHECK(eventfd_write(log->give_up_fd, 1) == 0);
}

/* Standard error may be a full pipe, too: then nobody is told. */
static bool can_tell(const struct access_log *log)
{
    struct pollfd err = { .fd = log->err_fd, .events = POLLOUT };

    return poll(&err, 1, 0) == 1 && (err.revents & POLLOUT);
}

static void tell_dropped(struct access_log *log, bool at_end)
{
    uint64_t dropped = atomic_load_explicit(&log->dropped, memory_order_relaxed);
    uint64_t now_ms = clock_ms();

    if (dropped == log->told || (!at_end && now_ms - log->told_ms < ACCESS_TELL_MS))
        return;
    if (!can_tell(log))
        return;
    dprintf(log->err_fd, "ringlet: --log %s: %" PRIu64 " line%s dropped, %" PRIu64 " since start\n",
            log->path, dropped - log->told, dropped - log->told == 1 ? "" : "s", dropped);
    log->told = dropped;
    log->told_ms = now_ms;
}

/* Say once that writing fails or works again: `error` is an errno or 0. */
static void tell_state(struct access_log *log, int error)
{
    if (error == log->failing)
        return;
    log->failing = error;
    if (!can_tell(log))
        return;
    if (error)
        dprintf(log->err_fd, "ringlet: --log %s: can't be written, lines are dropped: %s\n",
                log->path, strerror(error));
    else
        dprintf(log->err_fd, "ringlet: --log %s: can be written again\n", log->path);
}

/* Until the log takes bytes again. False when told to give up. */
static bool wait_writable(struct access_log *log)
{
    struct pollfd fds[] = {
        { .fd = log->fd, .events = POLLOUT },
        { .fd = log->give_up_fd, .events = POLLIN },
    };

    for (;;) {
        int ready = poll(fds, 2, ACCESS_TELL_MS);
        if (ready > 0)
            return fds[0].revents != 0;
        if (ready < 0 && errno != EINTR)
            return false;
        tell_dropped(log, false);
    }
}

/* All of it, or -errno; *done is how much was written. */
static int write_all(struct access_log *log, struct str bytes, size_t *done)
{
    *done = 0;
    while (*done < bytes.len) {
        const char *at = bytes.at + *done;
        size_t left = bytes.len - *done;
        ssize_t wrote = log->socket ? send(log->fd, at, left, MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : write(log->fd, at, left);
        if (wrote > 0)
            *done += (size_t)wrote;
        else if (wrote == 0)
            return -EIO;
        else if (errno == EAGAIN && !wait_writable(log))
            return -EAGAIN;
        else if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return 0;
}

static uint64_t count_lines(struct str text)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    return lines;
}

static void drop(struct access_log *log, uint64_t lines)
{
    atomic_fetch_add_explicit(&log->dropped, lines, memory_order_relaxed);
}

/* A line that was cut by a failure is ended before new ones follow. */
static void write_lines(struct access_log *log, struct str lines)
{
    size_t done = 0;
    int result = log->torn ? write_all(log, STR("\n"), &done) : 0;

    if (result == 0) {
        log->torn = false;
        result = write_all(log, lines, &done);
        if (done > 0)
            log->torn = lines.at[done - 1] != '\n';
    }
    if (result < 0)
        drop(log, count_lines(str_of(lines.at + done, lines.len - done)));
    if (result != -EAGAIN) /* told to give up: the count says enough */
        tell_state(log, -result);
    tell_dropped(log, false);
}

void access_log_close(struct access_log *log)
{
    tell_dropped(log, true);
    pthread_mutex_destroy(&log->lock);
    close(log->give_up_fd);
    close(log->fd);
}

/* On a helper's thread. */
static void write_batch(struct io_job *job)
{
    struct access_batch *batch = CONTAINER_OF(job, struct access_batch, job);
    const struct access_buffer *full = &batch->buffers[batch->filling ^ 1];

    CHECK(pthread_mutex_lock(&batch->log->lock) == 0);
    write_lines(batch->log, str_of(full->at, full->len));
    CHECK(pthread_mutex_unlock(&batch->log->lock) == 0);
}

bool access_batch_init(struct access_batch *batch, struct access_log *log,
                       const struct io_engine *engine, struct io *io)
{
    char *memory = malloc((size_t)2 * ACCESS_BUFFER);

    if (!memory)
        return false;
    *batch = (struct access_batch){
        .job = { .run = write_batch },
        .log = log,
        .engine = engine,
        .io = io,
        .buffers = { { .at = memory }, { .at = memory + ACCESS_BUFFER } },
        .date_unix = INT64_MIN,
    };
    return true;
}

void access_batch_free(struct access_batch *batch)
{
    const struct access_buffer *left = &batch->buffers[batch->filling];

    CHECK(!batch->busy);
    drop(batch->log, count_lines(str_of(left->at, left->len)));
    free(batch->buffers[0].at);
    batch->buffers[0].at = NULL;
    batch->buffers[1].at = NULL;
}

/* Once a second. */
COLD static void renew_date(struct access_batch *batch, int64_t unix_time)
{
    http_log_date_write(batch->date, unix_time);
    batch->date_unix = unix_time;
}

void access_batch_add(struct access_batch *batch, const struct access_line *line, uint64_t now_ms)
{
    struct access_buffer *buffer = &batch->buffers[batch->filling];

    if (ACCESS_BUFFER - buffer->len < ACCESS_LINE_MAX) {
        drop(batch->log, 1);
        return;
    }
    if (line->unix_time != batch->date_unix)
        renew_date(batch, line->unix_time);
    if (buffer->len == 0)
        buffer->first_ms = now_ms;
    buffer->len += access_line_write(buffer->at + buffer->len, line, batch->date);
    if (buffer->len >= ACCESS_FLUSH_AT)
        access_batch_flush(batch);
}

int access_batch_due_ms(const struct access_batch *batch, uint64_t now_ms)
{
    const struct access_buffer *buffer = &batch->buffers[batch->filling];

    if (batch->busy || buffer->len == 0)
        return -1;
    uint64_t due_ms = buffer->first_ms + ACCESS_FLUSH_MS;
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

void access_batch_flush_due(struct access_batch *batch, uint64_t now_ms)
{
    if (access_batch_due_ms(batch, now_ms) == 0)
        access_batch_flush(batch);
}

void access_batch_flush(struct access_batch *batch)
{
    if (batch->busy || batch->buffers[batch->filling].len == 0)
        return;
    batch->filling ^= 1;
    batch->busy = true;
    batch->engine->work(batch->io, &batch->job);
}

void access_batch_worked(struct access_batch *batch, uint64_t now_ms)
{
    CHECK(batch->busy);
    batch->busy = false;
    batch->buffers[batch->filling ^ 1].len = 0;
    if (batch->buffers[batch->filling].len >= ACCESS_FLUSH_AT)
        access_batch_flush(batch);
    access_batch_flush_due(batch, now_ms);
}

bool access_batch_idle(const struct access_batch *batch)
{
    return !batch->busy && batch->buffers[batch->filling].len == 0;
}

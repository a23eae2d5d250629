#include "io/file_range.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Past libc, for the reason that socket_call.h gives; the last but one argument is the upper half
 * of the offset where a long has 32 bits. */
ssize_t file_range_read(int fd, off_t at, size_t len, void *bytes)
{
    const struct iovec iov = { .iov_base = bytes, .iov_len = len };
    long got = syscall(SYS_preadv2, fd, &iov, 1L, (long)at, 0L, RWF_NOWAIT);

    if (got >= 0)
        return got;
    return errno == EOPNOTSUPP || errno == EINTR ? -EAGAIN : -errno;
}

void file_looks_now(struct file_looks *looks)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    looks->now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t *closes_of(struct file_looks *looks, int fd)
{
    return &looks->closes[(unsigned)fd & (FILE_CLOSES - 1)];
}

static struct file_look *slot_of(struct file_looks *looks, int fd, off_t at)
{
    uint64_t block = (uint64_t)at / FILE_BLOCK;

    return &looks->list[(block + (unsigned)fd * 173) & (FILE_LOOKS - 1)];
}

/* Only reading tells which pages are there and up to date (cachestat(2) counts those that are still
 * being read, too), and one byte tells of its page: a system call costs less than copying it all.
 * Returns where the first page begins that is not there, at least `to` when all are, and what the
 * last read said. */
static off_t touch(int fd, off_t from, off_t to, ssize_t *got)
{
    char byte;

    for (*got = 1; from < to; from += FILE_RANGE_PAGE - from % FILE_RANGE_PAGE) {
        *got = file_range_read(fd, from, 1, &byte);
        if (*got <= 0)
            break;
    }
    return from;
}

/* The same for a part of one block, which was perhaps looked at a moment ago. */
static off_t look(struct file_looks *looks, int fd, off_t from, off_t to, ssize_t *got)
{
    struct file_look *seen = slot_of(looks, fd, from);
    uint32_t closes = *closes_of(looks, fd);
    bool good = looks->now_ms < seen->until_ms && seen->fd == fd && seen->closes == closes &&
                seen->from <= from && from < seen->to &&
                from / FILE_BLOCK == seen->from / FILE_BLOCK;

    *got = 1;
    if (good && to <= seen->to)
        return to;
    if (good) {
        seen->to = touch(fd, seen->to, to, got);
        return seen->to;
    }
    off_t there = touch(fd, from, to, got);
    *seen = (struct file_look){ looks->now_ms + FILE_LOOK_MS, from, there, fd, closes };
    return there;
}

ssize_t file_range_resident(struct file_looks *looks, int fd, off_t at, size_t len)
{
    off_t end = at + (off_t)(len < FILE_RANGE_LOOK ? len : FILE_RANGE_LOOK);
    off_t there = at;
    ssize_t got = 1;

    while (there < end && got > 0) {
        off_t block_end = (there / FILE_BLOCK + 1) * FILE_BLOCK;
        there = look(looks, fd, there, block_end < end ? block_end : end, &got);
    }
    if (there == at)
        return got;
    return there < end ? there - at : end - at;
}

void file_looks_forget(struct file_looks *looks, int fd)
{
    ++*closes_of(looks, fd);
}

#include "io/file_range.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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

/* Only reading tells which pages are there and up to date (cachestat(2) counts those that are still
 * being read, too), and one byte tells of its page: a system call costs less than copying it all.
 */
ssize_t file_range_resident(int fd, off_t at, size_t len)
{
    size_t most = len < FILE_RANGE_LOOK ? len : FILE_RANGE_LOOK;
    size_t there = 0;
    ssize_t got = 1;
    char byte;

    while (there < most) {
        off_t next = at + (off_t)there;

        got = file_range_read(fd, next, 1, &byte);
        if (got <= 0)
            break;
        there += FILE_RANGE_PAGE - (size_t)(next % FILE_RANGE_PAGE);
    }
    if (there == 0)
        return got;
    return (ssize_t)(there < most ? there : most);
}

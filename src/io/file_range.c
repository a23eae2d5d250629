#include "io/file_range.h"

#include <errno.h>
#include <sys/uio.h>

/* Only reading tells which pages are there and up to date (cachestat(2) counts those that are still
 * being read, too). All entries name the same scratch, so that the copying stays in the cache. */
ssize_t file_range_resident(int fd, off_t at, size_t len, void *scratch)
{
    struct iovec pieces[FILE_RANGE_PIECES];
    int count = 0;

    for (; len > 0 && count < FILE_RANGE_PIECES; count++) {
        size_t piece = len < FILE_RANGE_SCRATCH ? len : FILE_RANGE_SCRATCH;

        pieces[count] = (struct iovec){.iov_base = scratch, .iov_len = piece};
        len -= piece;
    }

    ssize_t got = preadv2(fd, pieces, count, at, RWF_NOWAIT);
    if (got >= 0)
        return got;
    return errno == EOPNOTSUPP || errno == EINTR ? -EAGAIN : -errno;
}

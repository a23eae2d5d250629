/* file_range.h - a stretch of a file: which part of it is in memory, and reading that part.
 *
 * Used by the send cursor on the core's own thread, so nothing here may wait for a disk. Between
 * the look and the sending there are two gaps, both narrow: a page may be dropped in those few
 * microseconds, and a page of which a part was overwritten while the rest was never read in looks
 * resident where it was written. */
#ifndef IO_FILE_RANGE_H
#define IO_FILE_RANGE_H

#include <stddef.h>
#include <sys/types.h>

enum {
    FILE_RANGE_LOOK = 256 * 1024, /* bytes looked at in one call */
    FILE_RANGE_PAGE = 4096,       /* the smallest there is; a larger one is looked at more often */
};

/* How many bytes from `at`, at most `len` and at most FILE_RANGE_LOOK, can be had without waiting:
 * 0 at the end of the file, -EAGAIN when the first page is not resident or the file system can't
 * tell, or -errno. The file may end within the last page. */
ssize_t file_range_resident(int fd, off_t at, size_t len);

/* Read those bytes: how many, fewer than `len` at the end of the file or where the next are not
 * resident; otherwise as above. */
ssize_t file_range_read(int fd, off_t at, size_t len, void *bytes);

#endif

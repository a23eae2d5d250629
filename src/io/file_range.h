/* file_range.h - a stretch of a file: which part of it is in memory, and sending that part.
 *
 * Used by the send cursor on the core's own thread, so nothing here may wait for a disk. A page
 * that is dropped between the look and the sending is the one gap; it is a few microseconds wide.
 */
#ifndef IO_FILE_RANGE_H
#define IO_FILE_RANGE_H

#include <stddef.h>
#include <sys/types.h>

enum {
    FILE_RANGE_SCRATCH = 16 * 1024, /* small enough to stay in the first-level cache */
    FILE_RANGE_PIECES = 16,         /* so that 256 KiB are looked at in one call */
};

/* How many bytes from `at`, at most `len` and at most 256 KiB, can be had without waiting: 0 at the
 * end of the file, -EAGAIN when the first page is not resident or the file system can't tell, or
 * -errno. `scratch` has FILE_RANGE_SCRATCH bytes and is written over. */
ssize_t file_range_resident(int fd, off_t at, size_t len, void *scratch);

#endif

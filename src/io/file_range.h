/* file_range.h - a stretch of a file: which part of it is in memory, and reading that part.
 *
 * Used by the send cursor on the core's own thread, so nothing here may wait for a disk. Between
 * the look and the sending there are two gaps: a page may be dropped in those FILE_LOOK_MS although
 * it has just been used, and a page of which a part was overwritten while the rest was never read
 * in looks resident where it was written. */
#ifndef IO_FILE_RANGE_H
#define IO_FILE_RANGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    FILE_RANGE_LOOK = 256 * 1024, /* bytes looked at in one call */
    FILE_RANGE_PAGE = 4096,       /* the smallest there is; a larger one is looked at more often */
    FILE_BLOCK = 64 * 1024,       /* what was seen is remembered by such blocks, */
    FILE_LOOKS = 1024, /* so many of them (a power of two; others are looked at again), */
    FILE_LOOK_MS = 50, /* for so long */
    FILE_CLOSES = 256, /* a power of two: descriptors share counts of closes */
};

/* What was seen to be in memory a moment ago: the same part of a file is sent to many, and to each
 * in several turns. One per thread; all zero at first. */
struct file_looks {
    uint64_t now_ms; /* what is seen is seen at this time */
    struct file_look {
        uint64_t until_ms;
        off_t from, to;
        int fd;
        uint32_t closes; /* what was counted for this descriptor then */
    } list[FILE_LOOKS];
    uint32_t closes[FILE_CLOSES];
};

/* Read the clock. */
void file_looks_now(struct file_looks *looks);

/* How many bytes from `at`, at most `len` and at most FILE_RANGE_LOOK, can be had without waiting:
 * 0 at the end of the file, -EAGAIN when the first page is not resident or the file system can't
 * tell, or -errno. The file may end within the last page. */
ssize_t file_range_resident(struct file_looks *looks, int fd, off_t at, size_t len);

/* The descriptor will be closed, and its number may come to stand for another file. */
void file_looks_forget(struct file_looks *looks, int fd);

/* Read those bytes: how many, fewer than `len` at the end of the file or where the next are not
 * resident; otherwise as above. */
ssize_t file_range_read(int fd, off_t at, size_t len, void *bytes);

#endif

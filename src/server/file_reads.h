/* file_reads.h - parts of files that are not in memory, read off the core's thread so that they can
 * be sealed. Plain connections need none of this: there the engine sends files.
 *
 * A core has FILE_READS_MAX readers; who finds none waits for one, in order. A reader is free again
 * as soon as its bytes were looked at, so nobody waits for a client. */
#ifndef SERVER_FILE_READS_H
#define SERVER_FILE_READS_H

#include "base/str.h"
#include "io/io.h"

struct core;
struct site_entry;

enum {
    FILE_READS_MAX = 32, /* of a core, with FILE_READ_SIZE each: 2 MiB */
    FILE_READ_SIZE = 64 * 1024,
};

/* What somebody wants to be read. The owner's, until it is answered or dropped. */
struct file_want {
    struct list link;       /* among those that wait for a reader */
    struct file_read *read; /* by whom it is read; or NULL */
    struct site_entry *entry;
    uint64_t at;
    size_t len; /* at most FILE_READ_SIZE */
};

/* The readers of one core; all zero until file_reads_init. */
struct file_reads {
    struct file_read *all; /* FILE_READS_MAX of them, made when first needed */
    struct list waiting;   /* wants */
};

/* Nobody reads. */
void file_reads_init(struct file_reads *reads);

/* None may be reading. */
void file_reads_release(struct file_reads *reads);

/* Wants nothing yet. */
void file_want_init(struct file_want *want);

/* Is there something that it waits for? */
bool file_want_is_open(const struct file_want *want);

/* Read `len` bytes of a file that has a descriptor, which the caller has pinned. False when memory
 * is short. */
bool file_reads_begin(struct core *core, struct file_want *want, struct site_entry *entry,
                      uint64_t at, size_t len);

/* Nobody waits for it any more. */
void file_reads_drop(struct file_want *want);

/* For IO_FILE_DONE. False when it is about something else. *want is who waited, or NULL; then
 * *bytes is what was read, good until file_reads_end, empty at the end of the file, and *error 0 or
 * -errno. Whatever is answered, file_reads_end follows. */
bool file_reads_done(struct core *core, const struct io_event *event, struct file_want **want,
                     struct str *bytes, int *error);

/* The reader is free for the next one. */
void file_reads_end(struct core *core, const struct io_event *event);

#endif

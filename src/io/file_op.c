#include "io/file_op.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_file(struct io_file_op *op)
{
    op->how.flags |= O_CLOEXEC;

    long fd = syscall(SYS_openat2, op->fd, op->path, &op->how, sizeof op->how);
    return fd < 0 ? -errno : (int)fd;
}

static int read_file(struct io_file_op *op)
{
    op->done = 0;
    while (op->done < op->len) {
        ssize_t got = pread(op->fd, (char *)op->bytes + op->done, op->len - op->done,
                            op->offset + (off_t)op->done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        op->done += (size_t)got;
    }
    return (int)op->done;
}

void file_op_run(struct io_file_op *op)
{
    switch (op->kind) {
    case IO_FILE_OPEN:
        op->result = open_file(op);
        break;
    case IO_FILE_STAT:
        op->result = statx(op->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, op->statx) ? -errno : 0;
        break;
    case IO_FILE_READ:
        op->result = read_file(op);
        break;
    case IO_FILE_CLOSE:
        op->result = close(op->fd) ? -errno : 0;
        break;
    }
}

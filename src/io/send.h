/* send.h - the cursor over what one socket is to send: a vector, then a range of a file.
 *
 * It lives in sock->out. The engine that waits for edges moves it with send_turn; the ring takes
 * pieces of a plain vector (send_piece, send_took) and uses send_turn where a file is involved.
 * Used by both engines. */
#ifndef IO_SEND_H
#define IO_SEND_H

#include "io/file_range.h"
#include "io/io.h"

enum {
    SEND_SCRATCH = 16 * 1024,
    SEND_UNSENT = 256 * 1024, /* bytes in the kernel that are not on their way to the peer */
    SEND_SMALL = 4096,        /* bytes of a file up to which copying costs less than sendfile(2) */
};

enum send_state {
    SEND_MOVED,  /* a turn's share is sent; there is more */
    SEND_DONE,   /* everything is sent */
    SEND_FULL,   /* the socket takes no more for now */
    SEND_COLD,   /* the next bytes of the file are not resident: read them into a bounce buffer */
    SEND_FAILED, /* sock->out.result says why */
};

/* What the kernel is handed next. */
struct send_piece {
    struct iovec *iov;
    unsigned count;
    size_t len; /* in all; less than iov->iov_len when that is longer than IO_SEND_PIECE */
    int flags;  /* MSG_NOSIGNAL, and MSG_MORE when this is not the end */
};

/* Block SIGPIPE on this thread, from before the first send to the thread's end: sendfile(2) has no
 * MSG_NOSIGNAL. */
void send_silence(void);

/* A connection is to send its first file: sendfile(2) has no MSG_DONTWAIT, and a peer that does not
 * read gets no more than SEND_UNSENT of it into the kernel's memory. */
void send_prepare_file(int fd);

/* Start: the vector is copied, its bytes are borrowed, and so is `fd`. */
void send_start(struct io_sock *, const struct iovec *, int n, int fd, off_t at, size_t len);
/* The same for a vector of one and no file. */
static inline void send_start_one(struct io_sock *s, const struct iovec *iov)
{
    s->out.iov[0] = *iov;
    s->out.first = 0;
    s->out.count = 1;
    s->out.file_fd = -1;
    s->out.result = 0;
    s->out.file_left = 0;
}

/* The next piece of the vector, at most IO_SEND_PIECE bytes. There must be some left. */
struct send_piece send_piece(struct io_sock *);
/* The kernel took `len` bytes of the vector. */
void send_took(struct io_sock *, size_t len);
/* The next file bytes are at `bytes` (in sock->out.bounce): they become the vector. */
void send_bounced(struct io_sock *, void *bytes, size_t len);
/* Those of them that are not sent are to be had from the file again. */
void send_unbounce(struct io_sock *);
/* Send with plain system calls, never blocking, about IO_SEND_PIECE bytes at most. `scratch` has
 * SEND_SCRATCH bytes and is written over. */
enum send_state send_turn(struct io_sock *, struct file_looks *looks, void *scratch);
/* The caller tried to send one entry, without a cursor, and the kernel did not take it whole: start
 * where it stopped. `took` is what socket_send returned. */
enum send_state send_tried(struct io_sock *, const struct iovec *, ssize_t took);

static inline bool send_vector_left(const struct io_sock *s)
{
    return s->out.first < s->out.count;
}

#endif

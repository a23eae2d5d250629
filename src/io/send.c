#include "io/send.h"

#include "base/check.h"
#include "io/socket_call.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/sendfile.h>

static_assert(FILE_RANGE_LOOK == (int)IO_SEND_PIECE, "one look covers a piece");
static_assert(SEND_SMALL <= SEND_SCRATCH, "what is copied has room");

void send_silence(void)
{
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
}

void send_prepare_file(int fd)
{
    const int unsent = SEND_UNSENT;

    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

void send_start(struct io_sock *s, const struct iovec *iov, int n, int fd, off_t at, size_t len)
{
    CHECK(n >= 0 && n <= IO_IOV_MAX);
    for (int i = 0; i < n; i++)
        s->out.iov[i] = iov[i];
    s->out.first = 0;
    s->out.count = (unsigned)n;
    s->out.file_fd = fd;
    s->out.file_at = at;
    s->out.file_left = len;
    s->out.result = 0;
}

struct send_piece send_piece(struct io_sock *s)
{
    struct send_piece piece = { .iov = &s->out.iov[s->out.first], .flags = MSG_NOSIGNAL };
    unsigned left = s->out.count - s->out.first;

    while (piece.count < left && piece.len + piece.iov[piece.count].iov_len <= IO_SEND_PIECE)
        piece.len += piece.iov[piece.count++].iov_len;
    if (piece.count < left || s->out.file_left > 0)
        piece.flags |= MSG_MORE;
    if (piece.count == 0) {
        piece.count = 1;
        piece.len = IO_SEND_PIECE;
    }
    return piece;
}

void send_took(struct io_sock *s, size_t len)
{
    s->sent += len;
    while (len > 0) {
        struct iovec *iov = &s->out.iov[s->out.first];

        if (len < iov->iov_len) {
            iov->iov_base = (char *)iov->iov_base + len;
            iov->iov_len -= len;
            return;
        }
        len -= iov->iov_len;
        s->out.first++;
    }
}

void send_bounced(struct io_sock *s, void *bytes, size_t len)
{
    s->out.iov[0] = (struct iovec){ .iov_base = bytes, .iov_len = len };
    s->out.first = 0;
    s->out.count = 1;
    s->out.file_at += (off_t)len;
    s->out.file_left -= len;
}

void send_unbounce(struct io_sock *s)
{
    size_t left = send_vector_left(s) ? s->out.iov[0].iov_len : 0;

    s->out.file_at -= (off_t)left;
    s->out.file_left += left;
    s->out.count = 0;
    s->out.first = 0;
}

static enum send_state failed(struct io_sock *s, int error)
{
    if (error == EAGAIN)
        return SEND_FULL;
    if (error == EINTR)
        return SEND_MOVED;
    s->out.result = -error;
    return SEND_FAILED;
}

static enum send_state took_some(struct io_sock *s, ssize_t took, size_t len)
{
    if (took < 0)
        return failed(s, errno);
    send_took(s, (size_t)took);
    return (size_t)took < len ? SEND_FULL : SEND_MOVED;
}

static enum send_state vector_step(struct io_sock *s)
{
    struct send_piece piece = send_piece(s);

    if (piece.count == 1)
        return took_some(s, socket_send(s->fd, piece.iov->iov_base, piece.len, piece.flags),
                         piece.len);

    struct msghdr message = { .msg_iov = piece.iov, .msg_iovlen = piece.count };
    return took_some(s, socket_sendmsg(s->fd, &message, piece.flags), piece.len);
}

static void took_of_file(struct io_sock *s, size_t len)
{
    s->sent += len;
    s->out.file_left -= len;
}

/* What the socket does not take is read again. */
static enum send_state small_step(struct io_sock *s, void *scratch)
{
    ssize_t got = file_range_read(s->out.file_fd, s->out.file_at, s->out.file_left, scratch);
    if (got == -EAGAIN)
        return SEND_COLD;
    if (got <= 0)
        return failed(s, got < 0 ? (int)-got : ENODATA);

    ssize_t took = socket_send(s->fd, scratch, (size_t)got, MSG_NOSIGNAL);
    if (took < 0)
        return failed(s, errno);
    s->out.file_at += took;
    took_of_file(s, (size_t)took);
    return took < got ? SEND_FULL : SEND_MOVED;
}

static enum send_state large_step(struct io_sock *s, struct file_looks *looks)
{
    ssize_t there = file_range_resident(looks, s->out.file_fd, s->out.file_at, s->out.file_left);
    if (there == -EAGAIN)
        return SEND_COLD;

    ssize_t took = there;
    if (there > 0)
        took = sendfile(s->fd, s->out.file_fd, &s->out.file_at, (size_t)there);
    if (took < 0 && there > 0 && errno == EINVAL)
        return SEND_COLD; /* not a file that sendfile(2) takes */
    if (took < 0)
        return failed(s, there < 0 ? (int)-there : errno);
    if (took == 0)
        return failed(s, ENODATA);
    took_of_file(s, (size_t)took);
    return SEND_MOVED;
}

enum send_state send_turn(struct io_sock *s, struct file_looks *looks, void *scratch)
{
    uint64_t enough = s->sent + IO_SEND_PIECE;
    enum send_state state;

    if (s->out.file_left > SEND_SMALL)
        file_looks_now(looks);
    do {
        if (send_vector_left(s))
            state = vector_step(s);
        else if (s->out.file_left > SEND_SMALL)
            state = large_step(s, looks);
        else if (s->out.file_left > 0)
            state = small_step(s, scratch);
        else
            state = SEND_DONE;
    } while (state == SEND_MOVED && s->sent < enough);
    return state;
}

enum send_state send_tried(struct io_sock *s, const struct iovec *iov, ssize_t took)
{
    send_start_one(s, iov);
    return took_some(s, took, iov->iov_len);
}

#include "peer.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 512, RECEIVE_BUFFER = 512 * 1024 };

struct peer {
    int fd;
    bool fin, rst;
};

static int tcp_listen(struct io *io)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)io;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(fd, BACKLOG) == 0);
    return fd;
}

static void tcp_unlisten(struct io *io, int listener)
{
    (void)io;
    close(listener);
}

static struct peer *tcp_connect(struct io *io, int listener)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    struct peer *peer = calloc(1, sizeof *peer);
    int receive_buffer = RECEIVE_BUFFER;

    (void)io;
    CHECK(peer);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(peer->fd >= 0);
    /* So that a peer that does not read is felt soon. */
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    CHECK(connect(peer->fd, (struct sockaddr *)&address, len) == 0);
    return peer;
}

/* What an error of the socket tells. */
static size_t failed(struct peer *peer)
{
    if (errno == ECONNRESET || errno == EPIPE)
        peer->rst = true;
    else
        CHECK(errno == EAGAIN || errno == EINTR);
    return 0;
}

static size_t tcp_write(struct peer *peer, const void *bytes, size_t len)
{
    ssize_t taken = send(peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return taken < 0 ? failed(peer) : (size_t)taken;
}

static size_t tcp_read(struct peer *peer, void *bytes, size_t cap)
{
    ssize_t got = recv(peer->fd, bytes, cap, MSG_DONTWAIT);

    if (got == 0 && cap > 0)
        peer->fin = true;
    return got < 0 ? failed(peer) : (size_t)got;
}

static void tcp_half_close(struct peer *peer)
{
    shutdown(peer->fd, SHUT_WR);
}

static void tcp_close(struct peer *peer)
{
    close(peer->fd);
    free(peer);
}

/* Closing with a linger time of zero resets; the descriptor's number stays taken. */
static void tcp_reset(struct peer *peer)
{
    struct linger linger = { 1, 0 };
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    CHECK(other >= 0 && dup2(other, peer->fd) == peer->fd);
    close(other);
    peer->rst = true;
}

static enum peer_saw tcp_saw(struct peer *peer)
{
    struct pollfd poller = { .fd = peer->fd, .events = POLLIN };
    char byte;

    if (!peer->rst && poll(&poller, 1, 0) > 0) {
        peer->rst = (poller.revents & POLLERR) != 0;
        peer->fin = recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }
    if (peer->rst)
        return PEER_SAW_RST;
    return peer->fin ? PEER_SAW_FIN : PEER_SAW_NOTHING;
}

/* What tcp_take_descriptors has taken. */
static struct {
    int fds[DESCRIPTORS_MAX];
    int count;
} taken;

/* Not by a lower limit: an accept that a ring has armed keeps the limit of that moment. */
static void tcp_take_descriptors(struct io *io)
{
    (void)io;
    for (int fd = dup(STDERR_FILENO); fd >= 0; fd = dup(STDERR_FILENO)) {
        CHECK(taken.count < DESCRIPTORS_MAX);
        taken.fds[taken.count++] = fd;
    }
    CHECK(errno == EMFILE);
}

static void tcp_return_descriptors(struct io *io)
{
    (void)io;
    while (taken.count > 0)
        close(taken.fds[--taken.count]);
}

static uint64_t tcp_clock_ms(struct io *io)
{
    struct timespec now;

    (void)io;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const struct peer_ops peer_tcp = {
    .listen = tcp_listen,
    .unlisten = tcp_unlisten,
    .connect = tcp_connect,
    .write = tcp_write,
    .read = tcp_read,
    .half_close = tcp_half_close,
    .reset = tcp_reset,
    .close = tcp_close,
    .saw = tcp_saw,
    .take_descriptors = tcp_take_descriptors,
    .return_descriptors = tcp_return_descriptors,
    .clock_ms = tcp_clock_ms,
};

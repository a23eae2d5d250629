/* ringlet-send-ways - what it costs to send a file that is in memory, way by way.
 *
 *     ringlet-send-ways [--repeat N] [--largest BYTES] [DIRECTORY]
 *
 * Each way sends the same file of DIRECTORY (the current one) over a loopback connection whose
 * other end throws everything away on another CPU. Ways are interleaved, and the median of the
 * repetitions is printed as a Markdown table: microseconds of CPU per transfer, of the process
 * without the receiver, and in brackets the share of the first way's. A non-blocking socket and
 * poll(2) stand for an engine's waiting. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

enum {
    KIB = 1024,
    PAGE = 4096,
    BUFFER_MAX = 256 * KIB,
    SCRATCH = 16 * KIB,
    SAMPLE_MIN = 32 * 1024 * KIB, /* bytes that a sample sends at least */
    TRANSFERS_MAX = 4000,         /* of a sample */
    REPEAT_MAX = 99,
    SIZES = 6,
};

struct bench {
    int file, sock, pipe[2];
    char *buffer;
    struct io_uring ring;
    clockid_t receiver; /* the CPU time it has used */
    unsigned cold;      /* times that the file was not all in memory */
};

/* Send from `at`, at most `len` bytes. Returns how many were sent, 0 when the socket is full. */
typedef ssize_t way_step(struct bench *, off_t at, size_t len, size_t buffer);

struct way {
    const char *name;
    way_step *step;
    size_t buffer;
};

static void fail(const char *what)
{
    fprintf(stderr, "ringlet-send-ways: %s: %s\n", what, strerror(errno));
    exit(1);
}

static ssize_t sent_or_full(ssize_t sent)
{
    if (sent < 0 && errno != EAGAIN)
        fail("sending");
    return sent < 0 ? 0 : sent;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* --- the ways --- */

static ssize_t step_sendfile(struct bench *b, off_t at, size_t len, size_t buffer)
{
    return sent_or_full(sendfile(b->sock, b->file, &at, smaller(len, buffer)));
}

/* Somebody dropped it from memory: wait for it, as a helper would, and try again. */
static ssize_t read_in(struct bench *b, off_t at, size_t len)
{
    if (errno != EAGAIN || pread(b->file, b->buffer, smaller(len, BUFFER_MAX), at) <= 0)
        fail("reading the file");
    b->cold++;
    return 0;
}

/* Reading it into the same few pages over and over tells what is resident. */
static ssize_t step_look_sendfile(struct bench *b, off_t at, size_t len, size_t buffer)
{
    struct iovec pieces[BUFFER_MAX / SCRATCH];
    int count = 0;

    for (size_t left = smaller(len, buffer); left > 0; count++) {
        pieces[count] = (struct iovec){ b->buffer, smaller(left, SCRATCH) };
        left -= pieces[count].iov_len;
    }
    ssize_t there = preadv2(b->file, pieces, count, at, RWF_NOWAIT);
    if (there <= 0)
        return read_in(b, at, len);
    return step_sendfile(b, at, (size_t)there, buffer);
}

/* One byte of each page does as well, where a system call costs less than copying a page. */
static ssize_t step_touch_sendfile(struct bench *b, off_t at, size_t len, size_t buffer)
{
    struct iovec byte = { b->buffer, 1 };
    size_t there = 0, wanted = smaller(len, buffer);

    while (there < wanted) {
        if (preadv2(b->file, &byte, 1, at + (off_t)there, RWF_NOWAIT) != 1)
            return read_in(b, at, len);
        there += PAGE - ((size_t)at + there) % PAGE;
    }
    return step_sendfile(b, at, smaller(there, wanted), buffer);
}

static ssize_t step_read_send(struct bench *b, off_t at, size_t len, size_t buffer)
{
    struct iovec piece = { b->buffer, smaller(len, buffer) };
    ssize_t there = preadv2(b->file, &piece, 1, at, RWF_NOWAIT);

    if (there <= 0)
        return read_in(b, at, len);
    return sent_or_full(send(b->sock, b->buffer, (size_t)there, MSG_NOSIGNAL));
}

/* What stays in the pipe goes on with the next step; the caller hears of what the socket took. */
static ssize_t step_splice(struct bench *b, off_t at, size_t len, size_t buffer)
{
    int held = 0;

    if (ioctl(b->pipe[0], FIONREAD, &held) < 0)
        fail("the pipe");
    at += held;
    if (held == 0 && splice(b->file, &at, b->pipe[1], NULL, smaller(len, buffer),
                            SPLICE_F_NONBLOCK | SPLICE_F_MOVE) <= 0)
        fail("splicing from the file");
    return sent_or_full(
        splice(b->pipe[0], NULL, b->sock, NULL, buffer, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
}

static int ring_do(struct bench *b, const struct io_uring_sqe *what)
{
    struct io_uring_cqe *cqe;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

    if (!sqe)
        fail("the ring");
    *sqe = *what;
    io_uring_submit_and_wait(&b->ring, 1);
    if (io_uring_peek_cqe(&b->ring, &cqe) < 0)
        fail("the ring");
    int result = cqe->res;
    io_uring_cqe_seen(&b->ring, cqe);
    return result;
}

static ssize_t step_ring(struct bench *b, off_t at, size_t len, size_t buffer)
{
    struct io_uring_sqe sqe = { .opcode = IORING_OP_READ,
                                .fd = b->file,
                                .addr = (uint64_t)(uintptr_t)b->buffer,
                                .len = (uint32_t)smaller(len, buffer),
                                .off = (uint64_t)at };
    int got = ring_do(b, &sqe);

    sqe = (struct io_uring_sqe){ .opcode = IORING_OP_SEND,
                                 .fd = b->sock,
                                 .addr = (uint64_t)(uintptr_t)b->buffer,
                                 .len = (uint32_t)got,
                                 .msg_flags = MSG_NOSIGNAL | MSG_WAITALL };
    int sent = got > 0 ? ring_do(b, &sqe) : got;
    errno = sent < 0 ? -sent : 0;
    return sent_or_full(sent < 0 ? -1 : sent);
}

static const struct way ways[] = {
    { "look + sendfile", step_look_sendfile, 256 * KIB },
    { "touch + sendfile", step_touch_sendfile, 256 * KIB },
    { "touch + sendfile 64", step_touch_sendfile, 64 * KIB },
    { "touch + sendfile 128", step_touch_sendfile, 128 * KIB },
    { "sendfile alone", step_sendfile, 256 * KIB },
    { "read + send, 16 KiB", step_read_send, 16 * KIB },
    { "32 KiB", step_read_send, 32 * KIB },
    { "64 KiB", step_read_send, 64 * KIB },
    { "128 KiB", step_read_send, 128 * KIB },
    { "256 KiB", step_read_send, 256 * KIB },
    { "splice", step_splice, 256 * KIB },
    { "ring: read, send 128 KiB", step_ring, 128 * KIB },
};

enum { WAYS = sizeof ways / sizeof *ways };

/* --- the connection --- */

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *swallow(void *argument)
{
    const int *fd = argument;

    pin(1);
    while (recv(*fd, NULL, 1024 * KIB, MSG_TRUNC) > 0)
        continue;
    return NULL;
}

static void connect_pair(int pair[2])
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&addr, len) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        connect(pair[1], (struct sockaddr *)&addr, len) < 0)
        fail("the connection");
    pair[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    close(listener);
}

/* --- measuring --- */

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(const struct bench *b)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(b->receiver);
}

static void transfer(struct bench *b, const struct way *way, size_t size)
{
    struct pollfd room = { .fd = b->sock, .events = POLLOUT };

    for (size_t at = 0; at < size;) {
        ssize_t sent = way->step(b, (off_t)at, size - at, way->buffer);

        if (sent == 0)
            poll(&room, 1, -1);
        at += (size_t)sent;
    }
}

/* Microseconds of CPU per transfer. */
static double sample(struct bench *b, const struct way *way, size_t size)
{
    unsigned transfers = (unsigned)smaller(SAMPLE_MIN / size + 1, TRANSFERS_MAX);
    double before = cpu_seconds(b);

    for (unsigned i = 0; i < transfers; i++)
        transfer(b, way, size);
    return (cpu_seconds(b) - before) * 1e6 / transfers;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(struct bench *b, const char *label, size_t size, unsigned repeat)
{
    double samples[WAYS][REPEAT_MAX], first = 0;

    for (unsigned way = 0; way < WAYS; way++)
        sample(b, &ways[way], size);
    for (unsigned i = 0; i < repeat; i++)
        for (unsigned way = 0; way < WAYS; way++)
            samples[way][i] = sample(b, &ways[way], size);

    printf("| %s |", label);
    for (unsigned way = 0; way < WAYS; way++) {
        qsort(samples[way], repeat, sizeof(double), compare);
        double median = samples[way][repeat / 2];
        if (way == 0)
            first = median;
        printf(" %.1f (%.2f) |", median, median / first);
    }
    printf("\n");
    fflush(stdout);
}

/* --- the file --- */

/* Without a name, and all of it in memory. */
static int make_file(const char *directory, size_t size)
{
    static const char bytes[64 * KIB] = "ringlet";
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        fail(directory);
    for (size_t at = 0; at < size; at += sizeof bytes)
        if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
            fail("writing the file");
    fsync(fd); /* a page that is being written is not had without waiting */
    return fd;
}

static void open_bench(struct bench *b, const char *directory, size_t largest)
{
    b->file = make_file(directory, largest);
    b->buffer = malloc(BUFFER_MAX);
    if (!b->buffer || pipe2(b->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        fail("pipe");
    fcntl(b->pipe[0], F_SETPIPE_SZ, BUFFER_MAX);
    memset(b->buffer, 0, BUFFER_MAX);
    errno = -io_uring_queue_init(8, &b->ring, 0);
    if (errno)
        fail("the ring");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *label;
        size_t size;
    } sizes[SIZES] = { { "1 KiB", KIB },          { "16 KiB", 16 * KIB },
                       { "100 KiB", 100 * KIB },  { "1 MiB", 1024 * KIB },
                       { "10 MiB", 10240 * KIB }, { "1 GiB", 1024UL * 1024 * KIB } };
    static const struct option options[] = { { "repeat", required_argument, NULL, 'r' },
                                             { "largest", required_argument, NULL, 'l' },
                                             { NULL, 0, NULL, 0 } };
    unsigned repeat = 7;
    size_t largest = sizes[SIZES - 1].size;
    struct bench b = { 0 };
    pthread_t receiver;
    int pair[2];

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == '?')
            return 2;
        if (option == 'r')
            repeat = (unsigned)strtoul(optarg, NULL, 10);
        else
            largest = strtoul(optarg, NULL, 10);
    }
    if (repeat < 1 || repeat > REPEAT_MAX) {
        fprintf(stderr, "ringlet-send-ways: --repeat is from 1 to %d\n", REPEAT_MAX);
        return 2;
    }
    open_bench(&b, optind < argc ? argv[optind] : ".", largest);
    connect_pair(pair);
    b.sock = pair[0];
    pthread_create(&receiver, NULL, swallow, &pair[1]);
    pthread_getcpuclockid(receiver, &b.receiver);
    pin(0);

    printf("| size |");
    for (unsigned way = 0; way < WAYS; way++)
        printf(" %s |", ways[way].name);
    printf("\n|---|");
    for (unsigned way = 0; way < WAYS; way++)
        printf("---|");
    printf("\n");
    for (unsigned i = 0; i < SIZES && sizes[i].size <= largest; i++)
        measure(&b, sizes[i].label, sizes[i].size, repeat);
    if (b.cold > 0)
        fprintf(stderr, "ringlet-send-ways: the file was not in memory %u times\n", b.cold);
    shutdown(b.sock, SHUT_WR);
    pthread_join(receiver, NULL);
    return 0;
}

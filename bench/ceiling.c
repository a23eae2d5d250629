/* ringlet-ceiling - a fixed answer for every request, over the engines of ringlet, as a baseline.
 *
 * It reads no request: a blank line after anything else ends one, and each gets the same answer. Of
 * ringlet's work it leaves out all that knows HTTP, and keeps the sockets, the rings and the size
 * of the answer: its fields are those of a text file's, but its Date never moves on. One core; a
 * request with a body, or one that asks for the connection to be closed, is beyond it. */
#include "io/io.h"
#include "server/limits.h"
#include "server/listener.h"
#include "server/loop.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    HEAD_MAX = 256,
    LENGTH_MAX = 16 * 1024 * 1024,
    BLOCK_MIN = 64 * 1024, /* small answers lie side by side up to this, for pipelining clients */
    CONNS_MAX = 16384,     /* beyond it, connections are closed at once */
};

struct options {
    const struct io_engine *engine;
    const char *host;
    uint16_t port;
    int cpu; /* -1: wherever the scheduler likes */
    size_t length;
};

struct peer {
    struct io_sock sock;
    struct peer *next_free;
    uint64_t owed;   /* answers asked for and not handed to the engine */
    size_t line_len; /* of the line that has not ended yet */
    bool begun;      /* a line that is not blank has ended, and none that is since */
    bool open;       /* from IO_ACCEPTED to IO_CLOSED */
    bool sending;
    bool ended; /* it will ask for nothing more */
    bool closing;
};

struct ceiling {
    const struct io_engine *engine;
    struct io *io;
    int listener;
    bool accepting, stopping;
    struct io_watch signals;
    bool watching;
    char *block; /* `copies` answers of `answer_len` bytes */
    size_t answer_len, copies;
    struct peer *peers, *free;
    unsigned peers_open;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "ringlet-ceiling: %s: %s\n", what, why);
    return 1;
}

/* How many requests end in these bytes, whatever pieces they come in. */
static uint64_t count_requests(struct peer *peer, const char *bytes, size_t len)
{
    const char *end = bytes + len, *line_end;
    uint64_t count = 0;

    while ((line_end = memchr(bytes, '\n', (size_t)(end - bytes)))) {
        bool blank = peer->line_len + (size_t)(line_end - bytes) <= 1;
        count += blank && peer->begun;
        peer->begun = !blank;
        peer->line_len = 0;
        bytes = line_end + 1;
    }
    peer->line_len += (size_t)(end - bytes);
    return count;
}

static void close_peer(struct ceiling *c, struct peer *peer, enum io_close_how how)
{
    if (!peer->closing)
        c->engine->close(c->io, &peer->sock, how);
    peer->closing = true;
}

static void send_owed(struct ceiling *c, struct peer *peer)
{
    struct iovec vector[IO_IOV_MAX];
    int n = 0;

    if (peer->sending || peer->closing)
        return;
    while (peer->owed > 0 && n < IO_IOV_MAX) {
        size_t answers = peer->owed < c->copies ? (size_t)peer->owed : c->copies;
        vector[n++] = (struct iovec){ c->block, answers * c->answer_len };
        peer->owed -= answers;
    }
    if (n > 0) {
        peer->sending = true;
        c->engine->send(c->io, &peer->sock, vector, n);
    } else if (peer->ended) {
        close_peer(c, peer, IO_CLOSE_LINGER);
    }
}

static void add_peer(struct ceiling *c, int fd)
{
    struct peer *peer = c->free;

    if (!peer || c->stopping) {
        close(fd);
        return;
    }
    c->free = peer->next_free;
    c->peers_open++;
    peer->owed = 0;
    peer->line_len = 0;
    peer->open = true;
    peer->begun = peer->sending = peer->ended = peer->closing = false;
    c->engine->attach(c->io, &peer->sock, fd);
}

static void accept_more(struct ceiling *c)
{
    if (c->accepting || c->stopping)
        return;
    c->accepting = true;
    c->engine->accept(c->io, c->listener);
}

/* Accepting stops by itself when descriptors run out; a connection that ends gives one back. */
static void remove_peer(struct ceiling *c, struct peer *peer)
{
    peer->open = false;
    peer->next_free = c->free;
    c->free = peer;
    c->peers_open--;
    accept_more(c);
}

static void stop(struct ceiling *c)
{
    if (c->stopping)
        return;
    c->stopping = true;
    if (c->accepting)
        c->engine->stop_accept(c->io, c->listener);
    c->engine->unwatch(c->io, &c->signals);
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (c->peers[i].open)
            close_peer(c, &c->peers[i], IO_CLOSE_RESET);
}

static struct peer *peer_of(const struct io_event *event)
{
    return CONTAINER_OF(event->sock, struct peer, sock);
}

static void handle(struct ceiling *c, const struct io_event *event)
{
    struct peer *peer;

    switch (event->kind) {
    case IO_ACCEPTED:
        add_peer(c, event->result);
        break;
    case IO_ACCEPT_STOPPED:
        c->accepting = false;
        break;
    case IO_RECEIVED:
        peer = peer_of(event);
        peer->owed += count_requests(peer, event->bytes, event->len);
        c->engine->give_back(c->io, event->lease);
        send_owed(c, peer);
        break;
    case IO_ENDED:
        peer = peer_of(event);
        peer->ended = true;
        if (event->result < 0)
            close_peer(c, peer, IO_CLOSE_RESET);
        send_owed(c, peer);
        break;
    case IO_SENT:
        peer = peer_of(event);
        peer->sending = false;
        if (event->result < 0)
            close_peer(c, peer, IO_CLOSE_RESET);
        send_owed(c, peer);
        break;
    case IO_CLOSED:
        remove_peer(c, peer_of(event));
        break;
    case IO_READY:
        stop(c);
        break;
    case IO_UNWATCHED:
        c->watching = false;
        break;
    case IO_FILE_DONE:
    case IO_WORKED:
        break;
    }
}

static void serve(struct ceiling *c)
{
    struct io_event events[LOOP_EVENTS];

    c->watching = true;
    c->engine->watch(c->io, &c->signals);
    accept_more(c);
    while (!c->stopping || c->accepting || c->watching || c->peers_open > 0) {
        int count = c->engine->wait(c->io, events, LOOP_EVENTS, -1);
        for (int i = 0; i < count; i++)
            handle(c, &events[i]);
    }
}

/* The answer that ringlet gives for such a file, byte for byte but for the times in it. */
static bool make_answers(struct ceiling *c, size_t length)
{
    static const char body[] = "Hello, world\n";
    char head[HEAD_MAX];
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 200 OK\r\n"
                            "Date: Sat, 21 Nov 2026 07:02:06 GMT\r\n"
                            "Content-Length: %zu\r\n"
                            "Content-Type: text/plain; charset=utf-8\r\n"
                            "Accept-Ranges: bytes\r\n"
                            "Last-Modified: Sat, 21 Nov 2026 07:02:05 GMT\r\n"
                            "ETag: \"6b0141ed.1e2fd2d8-%zx\"\r\n\r\n",
                            length, length);

    c->answer_len = (size_t)head_len + length;
    c->copies = c->answer_len < BLOCK_MIN ? BLOCK_MIN / c->answer_len : 1;
    c->block = malloc(c->copies * c->answer_len);
    if (!c->block)
        return false;
    memcpy(c->block, head, (size_t)head_len);
    for (size_t i = 0; i < length; i++)
        c->block[(size_t)head_len + i] = body[i % (sizeof body - 1)];
    for (size_t i = 1; i < c->copies; i++)
        memcpy(c->block + i * c->answer_len, c->block, c->answer_len);
    return true;
}

static bool make_peers(struct ceiling *c)
{
    c->peers = calloc(CONNS_MAX, sizeof *c->peers);
    if (!c->peers)
        return false;
    for (size_t i = CONNS_MAX; i-- > 0; c->free = &c->peers[i])
        c->peers[i].next_free = c->free;
    return true;
}

/* SIGTERM and SIGINT as a descriptor, or -1. */
static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int run_engine(struct ceiling *c)
{
    const struct io_config config = { .socks_max = CONNS_MAX,
                                      .buffers = LOOP_BUFFERS,
                                      .buffer_size = LOOP_BUFFER_SIZE,
                                      .helpers_max = LOOP_HELPERS };
    int error = c->engine->open(&c->io, &config);

    if (error < 0)
        return fail(c->engine->name, strerror(-error));
    serve(c);
    c->engine->free(c->io);
    return 0;
}

static bool pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (cpu >= 0)
        CPU_SET((size_t)cpu, &set);
    return cpu < 0 || sched_setaffinity(0, sizeof set, &set) == 0;
}

static int run(const struct options *options)
{
    struct ceiling c = { .engine = options->engine };
    uint16_t port = options->port;
    struct sentence why;

    limits_raise_files();
    if (!pin(options->cpu))
        return fail("--cpu", "not a CPU that this process may use");
    if (!make_answers(&c, options->length) || !make_peers(&c))
        return fail("start", strerror(ENOMEM));
    c.signals.fd = signals_open();
    if (c.signals.fd < 0)
        return fail("signalfd", strerror(errno));
    if (listener_open_all(options->host, &port, &c.listener, 1, &why) < 0)
        return fail("--port", why.text);

    printf("ringlet-ceiling: http://%s:%u\n", options->host, port);
    fflush(stdout);
    int status = run_engine(&c);
    listener_close_all(&c.listener, 1);
    close(c.signals.fd);
    free(c.peers);
    free(c.block);
    return status;
}

/* A whole number up to `max` into *number. */
static bool read_number(const char *text, unsigned long max, unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *number <= max;
}

static bool read_option(int letter, const char *text, struct options *options)
{
    unsigned long number = 0;

    switch (letter) {
    case 'e':
        options->engine = strcmp(text, "epoll") == 0 ? &io_epoll_engine : &io_uring_engine;
        return options->engine == &io_epoll_engine || strcmp(text, "io_uring") == 0;
    case 'h':
        options->host = text;
        return true;
    case 'p':
        if (!read_number(text, UINT16_MAX, &number))
            return false;
        options->port = (uint16_t)number;
        return true;
    case 'c':
        if (!read_number(text, CPU_SETSIZE - 1, &number))
            return false;
        options->cpu = (int)number;
        return true;
    case 'l':
        if (!read_number(text, LENGTH_MAX, &number))
            return false;
        options->length = number;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "engine", required_argument, NULL, 'e' }, { "host", required_argument, NULL, 'h' },
        { "port", required_argument, NULL, 'p' },   { "cpu", required_argument, NULL, 'c' },
        { "length", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 },
    };
    struct options options = { &io_uring_engine, "127.0.0.1", 8080, -1, 13 };
    int letter;

    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!read_option(letter, optarg, &options))
            break;
    if (letter == -1 && optind == argc)
        return run(&options);
    fputs(
        "Usage: ringlet-ceiling [--engine io_uring|epoll] [--host ADDRESS] [--port N] [--cpu N]\n"
        "                       [--length BYTES]\n"
        "Answer every request with the same text of so many bytes (default 13, at most 16 MiB).\n",
        stderr);
    return 2;
}

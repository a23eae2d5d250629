#include "server/listener.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Where the port stands in both kinds of address. */
enum { PORT_AT = offsetof(struct sockaddr_in, sin_port) };

static_assert(PORT_AT == offsetof(struct sockaddr_in6, sin6_port), "the same for IPv4 and IPv6");

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
    bool both_families;
};

/* getaddrinfo(3) is asked for IPv6 alone: it knows %interface, but takes "1" for IPv4. */
bool listener_address(const char *host, uint16_t port, struct sockaddr_storage *address,
                      socklen_t *len)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6 };
    struct addrinfo *found;

    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(address, &v4, sizeof v4);
        *len = sizeof v4;
        return true;
    }
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return false;

    struct sockaddr_in6 v6;
    memcpy(&v6, found->ai_addr, sizeof v6);
    freeaddrinfo(found);
    v6.sin6_port = htons(port);
    memcpy(address, &v6, sizeof v6);
    *len = sizeof v6;
    return true;
}

void listener_name(char out[LISTENER_ADDRESS_MAX], const char *host, uint16_t port)
{
    bool v6 = strchr(host, ':') != NULL;

    snprintf(out, LISTENER_ADDRESS_MAX, "%s%.63s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static void set_port(struct address *address, uint16_t port)
{
    in_port_t in_order = htons(port);

    memcpy((char *)&address->storage + PORT_AT, &in_order, sizeof in_order);
}

static int read_port(int fd, uint16_t *port)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    in_port_t in_order;

    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
        return -errno;
    memcpy(&in_order, (char *)&bound + PORT_AT, sizeof in_order);
    *port = ntohs(in_order);
    return 0;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* A bound socket, or -errno. */
static int bind_one(const struct address *address, bool shared)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;

    bool v6 = address->storage.ss_family == AF_INET6;
    if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
        (shared && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
        !set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
        !set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, LISTENER_UNSENT) ||
        (v6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address->both_families)) ||
        bind(fd, (const struct sockaddr *)&address->storage, address->len) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* Is the port free? Bound, but never listening: what connects meanwhile is refused by the kernel at
 * once instead of being queued on a socket that goes away. With SO_REUSEADDR the bind fails exactly
 * while another socket listens there (socket(7)). */
static int probe(const struct address *address)
{
    uint64_t until = clock_ms() + LISTENER_RETRY_MS;
    const struct timespec step = { .tv_nsec = LISTENER_RETRY_STEP_MS * 1000000L };

    for (;;) {
        int fd = bind_one(address, false);
        if (fd >= 0) {
            close(fd);
            return 0;
        }
        if (fd != -EADDRINUSE || clock_ms() >= until)
            return fd;
        nanosleep(&step, NULL);
    }
}

static int backlog(void)
{
    int somaxconn = SOMAXCONN;
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");

    if (file) {
        if (fscanf(file, "%d", &somaxconn) != 1 || somaxconn < 1)
            somaxconn = SOMAXCONN;
        fclose(file);
    }
    return somaxconn < LISTENER_BACKLOG_MAX ? somaxconn : LISTENER_BACKLOG_MAX;
}

static int bind_all(struct address *address, uint16_t *port, int *fds, unsigned count,
                    unsigned *bound)
{
    for (*bound = 0; *bound < count; ++*bound) {
        int fd = bind_one(address, true);
        if (fd < 0)
            return fd;
        fds[*bound] = fd;
        if (*port > 0)
            continue;

        int result = read_port(fd, port);
        if (result < 0) {
            close(fd);
            return result;
        }
        set_port(address, *port);
    }
    return 0;
}

/* Where the kernel can't, clients come before their requests do. */
static void defer(int fd, int seconds)
{
    (void)set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
}

static int listen_all(const int *fds, unsigned count)
{
    int queue = backlog();

    for (unsigned i = 0; i < count; i++) {
        defer(fds[i], LISTENER_DEFER_S);
        if (listen(fds[i], queue) < 0)
            return -errno;
    }
    return 0;
}

static void explain(int error, const char *host, uint16_t port, struct sentence *why)
{
    char name[LISTENER_ADDRESS_MAX];

    listener_name(name, host, port);
    switch (error) {
    case EADDRINUSE:
        sentence_set(why,
                     "%s is in use: stop what listens there (ss -ltnp 'sport = :%u' shows it) "
                     "or choose another --port",
                     name, port);
        break;
    case EACCES:
        sentence_set(why,
                     "%s: a port below 1024 needs CAP_NET_BIND_SERVICE: start as root (with "
                     "--user), give the capability, or choose another --port",
                     name);
        break;
    case EADDRNOTAVAIL:
        sentence_set(why,
                     "%s: no interface of this machine has that address; ip address shows "
                     "those it has, --host 0.0.0.0 or :: takes all",
                     name);
        break;
    case EAFNOSUPPORT:
        sentence_set(why, "%s: this kernel has no IPv6; use --host 0.0.0.0 or another IPv4 address",
                     name);
        break;
    case EMFILE:
    case ENFILE:
        sentence_set(why, "%s: too few open files are allowed; raise the limit (ulimit -n)", name);
        break;
    default:
        sentence_set(why, "can't listen on %s: %s", name, strerror(error));
    }
}

int listener_open_all(const char *host, uint16_t *port, int *fds, unsigned count,
                      struct sentence *why)
{
    struct address address = { .both_families = strcmp(host, "::") == 0 };
    unsigned bound = 0;
    uint16_t chosen = *port;

    if (!listener_address(host, *port, &address.storage, &address.len)) {
        sentence_set(why, "%s is not a numeric address", host);
        return -EINVAL;
    }

    int result = *port > 0 ? probe(&address) : 0;
    if (result == 0)
        result = bind_all(&address, &chosen, fds, count, &bound);
    if (result == 0)
        result = listen_all(fds, count);
    if (result < 0) {
        listener_close_all(fds, bound);
        explain(-result, host, *port, why);
        return result;
    }
    *port = chosen;
    return 0;
}

/* A packet with SYN and without ACK is dropped (the flags are byte 13 of the TCP header, where a
 * socket's filter begins to see it: RFC 9293 section 3.1, socket(7)). What is accepted inherits the
 * filter, and meets no such packet. */
void listener_let_nobody_in(int fd)
{
    enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 };
    struct sock_filter steps[] = {
        { .code = BPF_LD | BPF_B | BPF_ABS, .k = FLAGS_AT },
        { .code = BPF_ALU | BPF_AND | BPF_K, .k = SYN | ACK },
        { .code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = SYN },
        { .code = BPF_RET | BPF_K, .k = 0 },
        { .code = BPF_RET | BPF_K, .k = UINT32_MAX },
    };
    const struct sock_fprog program = { .len = sizeof steps / sizeof *steps, .filter = steps };

    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    defer(fd, 0);
}

void listener_close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

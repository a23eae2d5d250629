#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "server/listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* 0, or -errno. */
static int try_connect(const char *host, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len;

    if (!listener_address(host, port, &address, &len))
        return -EINVAL;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = connect(fd, (const struct sockaddr *)&address, len) == 0 ? 0 : -errno;
    close(fd);
    return result;
}

/* The next connection, which a client's silence keeps away for a second or so. */
static int accept_next(int listener)
{
    struct pollfd queue = { .fd = listener, .events = POLLIN };

    assert_int_equal(poll(&queue, 1, 10000), 1);
    return accept(listener, NULL, NULL);
}

static void reads_numeric_addresses(void **state)
{
    static const struct {
        const char *host;
        int family; /* 0: refused */
    } cases[] = {
        { "127.0.0.1", AF_INET }, { "0.0.0.0", AF_INET }, { "::", AF_INET6 },
        { "::1", AF_INET6 },      { "2001:db8::7", AF_INET6 }, { "::ffff:127.0.0.1", AF_INET6 },
        { "fe80::1%lo", AF_INET6 },
        { "", 0 }, { "localhost", 0 }, { "1", 0 }, { "127.1", 0 }, { "127.0.0.256", 0 },
        { "[::1]", 0 }, { "::1 ", 0 }, { "127.0.0.1:80", 0 }, { "*", 0 }, { "::g", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sockaddr_storage address;
        socklen_t len;
        bool read = listener_address(cases[i].host, 8080, &address, &len);
        if (read != (cases[i].family != 0) || (read && address.ss_family != cases[i].family))
            fail_msg("\"%s\": %d", cases[i].host, read);
    }
}

static void names_addresses(void **state)
{
    char name[LISTENER_ADDRESS_MAX];

    (void)state;
    listener_name(name, "127.0.0.1", 80);
    assert_string_equal(name, "127.0.0.1:80");
    listener_name(name, "::1", 65535);
    assert_string_equal(name, "[::1]:65535");
}

static void all_share_one_port(void **state)
{
    enum { COUNT = 4 };
    int fds[COUNT];
    uint16_t port = 0;
    struct sentence why = { "" };

    (void)state;
    assert_int_equal(listener_open_all("127.0.0.1", &port, fds, COUNT, &why), 0);
    assert_true(port > 0);
    for (int i = 0; i < COUNT; i++) {
        struct sockaddr_in bound;
        socklen_t len = sizeof bound;
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&bound, &len), 0);
        assert_int_equal(ntohs(bound.sin_port), port);
        assert_int_equal(ntohl(bound.sin_addr.s_addr), INADDR_LOOPBACK);
        assert_int_equal(option_of(fds[i], SOL_SOCKET, SO_ACCEPTCONN), 1);
        assert_int_equal(option_of(fds[i], SOL_SOCKET, SO_REUSEPORT), 1);
        assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    assert_int_equal(try_connect("127.0.0.1", port), 0);
    listener_close_all(fds, COUNT);
    assert_int_equal(try_connect("127.0.0.1", port), -ECONNREFUSED);
}

static void accepted_sockets_do_not_delay_or_hoard(void **state)
{
    int fds[1];
    uint16_t port = 0;
    struct sentence why;

    (void)state;
    assert_int_equal(listener_open_all("127.0.0.1", &port, fds, 1, &why), 0);
    assert_int_equal(try_connect("127.0.0.1", port), 0);
    int accepted = accept(fds[0], NULL, NULL);
    assert_true(accepted >= 0);
    assert_true(option_of(accepted, IPPROTO_TCP, TCP_NODELAY) != 0);
    assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_NOTSENT_LOWAT), LISTENER_UNSENT);
    close(accepted);
    listener_close_all(fds, 1);
}

static void clients_come_with_their_request(void **state)
{
    int fds[2];
    uint16_t port = 0;
    struct sentence why;

    (void)state;
    assert_int_equal(listener_open_all("127.0.0.1", &port, fds, 2, &why), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(option_of(fds[i], IPPROTO_TCP, TCP_DEFER_ACCEPT), LISTENER_DEFER_S);
    listener_let_nobody_in(fds[0]);
    assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    listener_close_all(fds, 2);
}

/* Also against listeners of our own kind, whose SO_REUSEPORT would let us in. */
static void a_port_in_use_is_refused(void **state)
{
    int first[2], second[2];
    uint16_t port = 0;
    struct sentence why;
    char wanted[64];

    (void)state;
    assert_int_equal(listener_open_all("127.0.0.1", &port, first, 2, &why), 0);
    unsigned before = open_descriptors();
    uint64_t start = clock_ms();
    uint16_t same = port;
    assert_int_equal(listener_open_all("127.0.0.1", &same, second, 2, &why), -EADDRINUSE);
    uint64_t took = clock_ms() - start;
    assert_in_range(took, LISTENER_RETRY_MS - 20, LISTENER_RETRY_MS * 3);
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u is in use: ", port);
    assert_memory_equal(why.text, wanted, strlen(wanted));
    assert_non_null(strstr(why.text, "--port"));
    assert_int_equal(open_descriptors(), before);
    listener_close_all(first, 2);
}

static void *close_after_a_while(void *fd)
{
    const struct timespec while_ms = { .tv_nsec = 200 * 1000000L };

    nanosleep(&while_ms, NULL);
    close(*(const int *)fd);
    return NULL;
}

static void a_port_that_becomes_free_is_taken(void **state)
{
    int old[1], new[2];
    uint16_t port = 0;
    struct sentence why;
    pthread_t closer;

    (void)state;
    assert_int_equal(listener_open_all("127.0.0.1", &port, old, 1, &why), 0);
    assert_int_equal(pthread_create(&closer, NULL, close_after_a_while, old), 0);
    assert_int_equal(listener_open_all("127.0.0.1", &port, new, 2, &why), 0);
    assert_int_equal(pthread_join(closer, NULL), 0);
    listener_close_all(new, 2);
}

/* A connection that is closing (TIME_WAIT) does not hold the port. */
static void a_restart_finds_its_port(void **state)
{
    int fds[1];
    uint16_t port = 0;
    struct sentence why;

    (void)state;
    assert_int_equal(listener_open_all("127.0.0.1", &port, fds, 1, &why), 0);
    struct sockaddr_storage address;
    socklen_t len;
    assert_true(listener_address("127.0.0.1", port, &address, &len));
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&address, len), 0);
    int accepted = accept_next(fds[0]);
    assert_true(accepted >= 0);
    close(accepted); /* first, so that TIME_WAIT is on this side */
    close(client);
    listener_close_all(fds, 1);

    uint64_t start = clock_ms();
    assert_int_equal(listener_open_all("127.0.0.1", &port, fds, 1, &why), 0);
    assert_true(clock_ms() - start < LISTENER_RETRY_MS);
    listener_close_all(fds, 1);
}

static void an_address_of_nobody_here(void **state)
{
    int fds[2];
    uint16_t port = 8080;
    struct sentence why;
    unsigned before = open_descriptors();

    (void)state;
    assert_int_equal(listener_open_all("192.0.2.1", &port, fds, 2, &why), -EADDRNOTAVAIL);
    assert_memory_equal(why.text, "192.0.2.1:8080: no interface of this machine has that", 53);
    assert_int_equal(listener_open_all("nonsense", &port, fds, 2, &why), -EINVAL);
    assert_string_equal(why.text, "nonsense is not a numeric address");
    assert_int_equal(open_descriptors(), before);
}

/* In a child process, that may not have the rights. 77 when this system asks for none. */
static int bind_low_port(void)
{
    int fds[1], low = 1024;
    uint16_t port = 1;
    struct sentence why = { "" };
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");

    if (file && fscanf(file, "%d", &low) == 1 && low <= port)
        return 77;
    if (geteuid() == 0 && setuid(65534) < 0)
        return 77;
    if (listener_open_all("127.0.0.1", &port, fds, 1, &why) != -EACCES)
        return 1;
    return strstr(why.text, "CAP_NET_BIND_SERVICE") ? 0 : 1;
}

static bool raise_loopback(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool raised = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    close(fd);
    return raised;
}

/* In a network of its own, so that nothing listens where others could reach it. */
static int serve_both_families(void)
{
    int fds[2];
    uint16_t port = 8080;
    struct sentence why;

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || !raise_loopback())
        return 77;
    if (listener_open_all("::", &port, fds, 2, &why) < 0)
        return why.text[0] == '[' ? 77 : 1;
    if (try_connect("127.0.0.1", port) < 0 || try_connect("::1", port) < 0)
        return 2;
    listener_close_all(fds, 2);

    if (listener_open_all("::1", &port, fds, 2, &why) < 0)
        return 3;
    if (option_of(fds[0], IPPROTO_IPV6, IPV6_V6ONLY) != 1)
        return 4;
    if (try_connect("::1", port) < 0 || try_connect("127.0.0.1", port) != -ECONNREFUSED)
        return 5;

    int others[1]; /* the same port of the other family is free */
    if (listener_open_all("127.0.0.1", &port, others, 1, &why) < 0)
        return 6;
    return 0;
}

static void run_in_child(int (*act)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(act());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void low_ports_need_a_capability(void **state)
{
    (void)state;
    run_in_child(bind_low_port);
}

static void two_colons_are_both_families(void **state)
{
    (void)state;
    run_in_child(serve_both_families);
}

/* Connected, connecting still, or -1. */
static int begin_connect(uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(listener_address("127.0.0.1", port, &address, &len));
    if (connect(fd, (const struct sockaddr *)&address, len) < 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

static bool connects_within(int fd, int ms)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

    return poll(&poll_fd, 1, ms) == 1 && poll_fd.revents == POLLOUT;
}

static int error_within(int fd, int ms)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

    assert_int_equal(poll(&poll_fd, 1, ms), 1);
    return option_of(fd, SOL_SOCKET, SO_ERROR);
}

/* Who is in the queue stays there and can talk; who comes later waits, and is refused in the end
 * instead of being reset. */
static void lets_nobody_in_before_it_closes(void **state)
{
    (void)state;
    struct sentence why;
    uint16_t port = 0;
    char bytes[4];
    int listener;

    assert_int_equal(listener_open_all("127.0.0.1", &port, &listener, 1, &why), 0);
    int early = begin_connect(port);
    assert_true(connects_within(early, 5000));
    listener_let_nobody_in(listener);
    int late = begin_connect(port);
    assert_false(connects_within(late, 100));

    assert_int_equal(send(early, "ping", 4, MSG_NOSIGNAL), 4);
    int accepted = accept_next(listener);
    assert_true(accepted >= 0);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(recv(accepted, bytes, sizeof bytes, MSG_WAITALL), 4);
    assert_int_equal(send(accepted, "pong", 4, MSG_NOSIGNAL), 4);
    listener_close_all(&listener, 1);
    assert_int_equal(error_within(late, 10000), ECONNREFUSED);
    assert_int_equal(recv(early, bytes, sizeof bytes, 0), 4);
    close(early);
    close(accepted);
    close(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numeric_addresses),
        cmocka_unit_test(names_addresses),
        cmocka_unit_test(all_share_one_port),
        cmocka_unit_test(accepted_sockets_do_not_delay_or_hoard),
        cmocka_unit_test(clients_come_with_their_request),
        cmocka_unit_test(a_port_in_use_is_refused),
        cmocka_unit_test(a_port_that_becomes_free_is_taken),
        cmocka_unit_test(a_restart_finds_its_port),
        cmocka_unit_test(an_address_of_nobody_here),
        cmocka_unit_test(lets_nobody_in_before_it_closes),
        cmocka_unit_test(low_ports_need_a_capability),
        cmocka_unit_test(two_colons_are_both_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

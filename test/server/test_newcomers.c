/* server/newcomers.c: who is connected, and not to be accepted yet. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/listener.h"
#include "server/newcomers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static int open_listener(const char *host, uint16_t *port)
{
    struct sentence why;
    int fd;

    *port = 0;
    if (listener_open_all(host, port, &fd, 1, &why) < 0)
        skip(); /* this machine has no IPv6 */
    return fd;
}

static int connect_to(const char *host, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len;
    int fd;

    assert_true(listener_address(host, port, &address, &len));
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, len), 0);
    return fd;
}

static int accept_within(int listener, int ms)
{
    struct pollfd queue = { .fd = listener, .events = POLLIN };

    return poll(&queue, 1, ms) == 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
}

/* Where the kernel doesn't say, there may always be some. */
static void skip_where_nothing_is_told(int listener)
{
    if (newcomers_are_there(listener)) {
        close(listener);
        skip();
    }
}

static void tells_of_those_who_have_sent_nothing(const char *host)
{
    uint16_t port, other_port;
    int listener = open_listener(host, &port);
    int other = open_listener(host, &other_port);

    skip_where_nothing_is_told(listener);
    int client = connect_to(host, port);
    assert_true(newcomers_are_there(listener));
    assert_false(newcomers_are_there(other));
    assert_int_equal(accept_within(listener, 0), -1);

    assert_int_equal(send(client, "G", 1, MSG_NOSIGNAL), 1);
    int accepted = accept_within(listener, PATIENCE_MS);
    assert_true(accepted >= 0);
    assert_false(newcomers_are_there(listener));
    close(accepted);
    close(client);
    close(other);
    close(listener);
}

static void over_ipv4(void **state)
{
    (void)state;
    tells_of_those_who_have_sent_nothing("127.0.0.1");
}

static void over_ipv6(void **state)
{
    (void)state;
    tells_of_those_who_have_sent_nothing("::1");
}

static void the_silent_come_in_after_a_while(void **state)
{
    uint16_t port;
    int listener = open_listener("127.0.0.1", &port);
    int client = connect_to("127.0.0.1", port);
    int accepted = accept_within(listener, PATIENCE_MS);

    (void)state;
    assert_true(accepted >= 0);
    close(accepted);
    close(client);
    close(listener);
}

static void nobody_is_lost_who_came_before_the_drain(void **state)
{
    uint16_t port;
    int listener = open_listener("127.0.0.1", &port);
    int silent = connect_to("127.0.0.1", port), late = connect_to("127.0.0.1", port);

    (void)state;
    listener_let_nobody_in(listener);
    assert_int_equal(send(late, "G", 1, MSG_NOSIGNAL), 1);
    for (int i = 0; i < 2; i++) {
        int accepted = accept_within(listener, PATIENCE_MS);
        assert_true(accepted >= 0);
        close(accepted);
    }
    close(silent);
    close(late);
    close(listener);
}

/* A client that only looks whether somebody is there is seen at once. */
static void who_leaves_again_is_no_newcomer(void **state)
{
    uint16_t port;
    int listener = open_listener("127.0.0.1", &port);
    char byte;

    (void)state;
    close(connect_to("127.0.0.1", port));
    int accepted = accept_within(listener, PATIENCE_MS);
    assert_true(accepted >= 0);
    assert_int_equal(recv(accepted, &byte, 1, 0), 0);
    close(accepted);
    close(listener);
}

static void nobody_comes_to_what_is_no_listener(void **state)
{
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_false(newcomers_are_there(file));
    close(file);
    assert_false(newcomers_are_there(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_ipv4),
        cmocka_unit_test(over_ipv6),
        cmocka_unit_test(the_silent_come_in_after_a_while),
        cmocka_unit_test(nobody_is_lost_who_came_before_the_drain),
        cmocka_unit_test(who_leaves_again_is_no_newcomer),
        cmocka_unit_test(nobody_comes_to_what_is_no_listener),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

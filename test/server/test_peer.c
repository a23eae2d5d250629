/* The address of the other end, of real sockets on this machine. */
#include "server/peer.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Connect to a listener at `to`, which is the same as `at` but for its family, and name the client
 * as the listener's side sees it. */
static size_t name_of_client(const struct sockaddr *at, const struct sockaddr *to, socklen_t at_len,
                             socklen_t to_len, char name[PEER_NAME_MAX])
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    int listener = socket(at->sa_family, SOCK_STREAM, 0),
        client = socket(to->sa_family, SOCK_STREAM, 0);
    struct sockaddr_storage target;

    assert_int_equal(bind(listener, at, at_len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&bound, &len), 0);
    memcpy(&target, to, to_len); /* the port is at the same place in both families */
    ((struct sockaddr_in *)&target)->sin_port = ((struct sockaddr_in *)&bound)->sin_port;
    assert_int_equal(connect(client, (struct sockaddr *)&target, to_len), 0);
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    size_t written = peer_name(peer, name);
    close(peer);
    close(client);
    close(listener);
    return written;
}

static void v4_is_written_as_v4(void **state)
{
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char name[PEER_NAME_MAX];

    (void)state;
    assert_int_equal(name_of_client((const struct sockaddr *)&at, (const struct sockaddr *)&at,
                                    sizeof at, sizeof at, name),
                     9);
    assert_memory_equal(name, "127.0.0.1", 9);
}

static void v6_is_written_as_v6(void **state)
{
    const struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    char name[PEER_NAME_MAX];

    (void)state;
    assert_int_equal(name_of_client((const struct sockaddr *)&at, (const struct sockaddr *)&at,
                                    sizeof at, sizeof at, name),
                     3);
    assert_memory_equal(name, "::1", 3);
}

static void v4_within_v6_is_written_as_v4(void **state)
{
    const struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char name[PEER_NAME_MAX];

    (void)state;
    assert_int_equal(name_of_client((const struct sockaddr *)&at, (const struct sockaddr *)&to,
                                    sizeof at, sizeof to, name),
                     9);
    assert_memory_equal(name, "127.0.0.1", 9);
}

static void what_has_no_address_has_no_name(void **state)
{
    char name[PEER_NAME_MAX];
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(peer_name(pair[0], name), 0);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(peer_name(-1, name), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v4_is_written_as_v4),
        cmocka_unit_test(v6_is_written_as_v6),
        cmocka_unit_test(v4_within_v6_is_written_as_v4),
        cmocka_unit_test(what_has_no_address_has_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

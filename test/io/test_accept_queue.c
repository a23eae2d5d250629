#include "io/accept_queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void connections_come_out_ready_for_use(void **state)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int clients[3];

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    assert_int_equal(accept_queue_take(listener), -EAGAIN);
    for (int i = 0; i < 3; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&addr, sizeof addr), 0);
    }
    for (int i = 0; i < 3; i++) {
        int fd = accept_queue_take(listener);

        assert_true(fd >= 0);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        close(clients[i]);
    }
    assert_int_equal(accept_queue_take(listener), -EAGAIN);
    close(listener);
}

static void errors_are_told_apart(void **state)
{
    (void)state;
    assert_true(accept_queue_lost_one(ECONNABORTED));
    assert_true(accept_queue_lost_one(EINTR));
    assert_false(accept_queue_lost_one(EMFILE));
    assert_false(accept_queue_lost_one(ENFILE));
    assert_false(accept_queue_lost_one(EAGAIN));
    assert_int_equal(accept_queue_take(-1), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_come_out_ready_for_use),
        cmocka_unit_test(errors_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

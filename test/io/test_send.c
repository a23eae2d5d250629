#include "io/send.h"

#include "io/file_range.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1024 * 1024 };

static char scratch[SEND_SCRATCH];
static struct file_looks looks;

static void pieces_are_whole_entries_up_to_the_limit(void **state)
{
    static char bytes[2 * IO_SEND_PIECE];
    struct iovec iov[3] = { { bytes, 100 }, { bytes, 200 }, { bytes, 2 * IO_SEND_PIECE } };
    struct io_sock s = { 0 };

    (void)state;
    send_start(&s, iov, 3, -1, 0, 0);
    struct send_piece piece = send_piece(&s);
    assert_int_equal(piece.count, 2);
    assert_int_equal(piece.len, 300);
    assert_int_equal(piece.flags, MSG_NOSIGNAL | MSG_MORE);

    send_took(&s, 150);
    piece = send_piece(&s);
    assert_int_equal(piece.count, 1);
    assert_int_equal(piece.len, 150);
    assert_ptr_equal(piece.iov->iov_base, bytes + 50);

    send_took(&s, 150);
    piece = send_piece(&s);
    assert_int_equal(piece.count, 1);
    assert_int_equal(piece.len, IO_SEND_PIECE);
    assert_int_equal(piece.flags, MSG_NOSIGNAL | MSG_MORE);

    send_took(&s, IO_SEND_PIECE);
    piece = send_piece(&s);
    assert_int_equal(piece.len, IO_SEND_PIECE);
    assert_int_equal(piece.flags, MSG_NOSIGNAL);
    send_took(&s, IO_SEND_PIECE);
    assert_false(send_vector_left(&s));
    assert_int_equal(s.sent, 300 + 2 * IO_SEND_PIECE);
}

static void a_head_says_that_a_file_follows(void **state)
{
    char head[] = "head";
    struct iovec iov = { head, 4 };
    struct io_sock s = { 0 };

    (void)state;
    send_start(&s, &iov, 1, 0, 0, 1);
    assert_int_equal(send_piece(&s).flags, MSG_NOSIGNAL | MSG_MORE);
}

static int make_file(size_t len)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    char *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 >> 3);
    assert_int_equal(write(fd, bytes, len), len);
    free(bytes);
    return fd;
}

/* The bounce's part, played here. */
static void bounce(struct io_sock *s)
{
    static char bytes[100 * 1000];
    size_t len = s->out.file_left < sizeof bytes ? s->out.file_left : sizeof bytes;

    assert_int_equal(pread(s->out.file_fd, bytes, len, s->out.file_at), len);
    send_bounced(s, bytes, len);
}

static void a_head_and_a_file_arrive_in_order(void **state)
{
    enum { LEN = 3 * MIB + 17 };
    int pair[2], fd = make_file(LEN);
    char head[] = "head";
    struct iovec iov = { head, 4 };
    char *got = malloc(LEN + 4), *want = malloc(LEN);
    size_t have = 0;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct io_sock s = { .fd = pair[0] };
    send_start(&s, &iov, 1, fd, 5, LEN - 5);
    for (enum send_state sending = SEND_MOVED; sending != SEND_DONE || have < LEN - 1;) {
        if (sending != SEND_DONE)
            sending = send_turn(&s, &looks, scratch);
        assert_int_not_equal(sending, SEND_FAILED);
        if (sending == SEND_COLD)
            bounce(&s);
        ssize_t n = recv(pair[1], got + have, LEN + 4 - have, 0);
        have += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(s.sent, LEN - 1);
    assert_int_equal(pread(fd, want, LEN - 5, 5), LEN - 5);
    assert_memory_equal(got, "head", 4);
    assert_memory_equal(got + 4, want, LEN - 5);
    free(got);
    free(want);
    close(fd);
    close(pair[0]);
    close(pair[1]);
}

static void what_was_bounced_in_vain_is_read_again(void **state)
{
    char bytes[100] = "";
    struct io_sock s = { .fd = -1 };

    (void)state;
    send_start(&s, NULL, 0, 42, 1000, 150);
    send_bounced(&s, bytes, 100);
    send_took(&s, 40);
    send_unbounce(&s);
    assert_false(send_vector_left(&s));
    assert_int_equal(s.out.file_at, 1040);
    assert_int_equal(s.out.file_left, 110);
    send_unbounce(&s);
    assert_int_equal(s.out.file_left, 110);
}

static void a_turn_is_bounded(void **state)
{
    static char bytes[4 * MIB];
    struct iovec iov = { bytes, sizeof bytes };
    int pair[2], room = 16 * MIB;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    struct io_sock s = { .fd = pair[0] };
    send_start(&s, &iov, 1, -1, 0, 0);
    send_turn(&s, &looks, scratch);
    assert_in_range(s.sent, 1, 2 * IO_SEND_PIECE);
    close(pair[0]);
    close(pair[1]);
}

static void failures_are_results(void **state)
{
    int pair[2], fd = make_file(100);
    char head[] = "head";
    struct iovec iov = { head, 4 };

    (void)state;
    send_silence();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct io_sock s = { .fd = pair[0] };
    send_start(&s, NULL, 0, fd, 100, 1);
    enum send_state end = send_turn(&s, &looks, scratch);
    assert_true(end == SEND_COLD || (end == SEND_FAILED && s.out.result == -ENODATA));

    close(pair[1]);
    send_start(&s, &iov, 1, -1, 0, 0);
    assert_int_equal(send_turn(&s, &looks, scratch), SEND_FAILED);
    assert_int_equal(s.out.result, -EPIPE);
    close(pair[0]);
    close(fd);
}

static void what_was_tried_goes_on_where_it_stopped(void **state)
{
    char bytes[100];
    struct iovec iov = { bytes, sizeof bytes };
    struct io_sock s = { 0 };

    (void)state;
    assert_int_equal(send_tried(&s, &iov, 60), SEND_FULL);
    assert_int_equal(s.sent, 60);
    assert_ptr_equal(send_piece(&s).iov->iov_base, bytes + 60);
    assert_int_equal(send_piece(&s).len, 40);

    errno = EAGAIN;
    assert_int_equal(send_tried(&s, &iov, -1), SEND_FULL);
    assert_int_equal(send_piece(&s).len, 100);
    errno = ECONNRESET;
    assert_int_equal(send_tried(&s, &iov, -1), SEND_FAILED);
    assert_int_equal(s.out.result, -ECONNRESET);
    assert_int_equal(s.sent, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_whole_entries_up_to_the_limit),
        cmocka_unit_test(a_head_says_that_a_file_follows),
        cmocka_unit_test(a_head_and_a_file_arrive_in_order),
        cmocka_unit_test(what_was_bounced_in_vain_is_read_again),
        cmocka_unit_test(a_turn_is_bounded),
        cmocka_unit_test(failures_are_results),
        cmocka_unit_test(what_was_tried_goes_on_where_it_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

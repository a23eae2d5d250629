/* The fake engine: that it holds its caller to the contract, and that a seed repeats itself. What
 * it must do like the others is in test_io_contract. */
#include "fake_io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { EVENTS = 64 };

static const struct io_engine *const fake = &fake_io_engine;
static const struct io_config config = {
    .socks_max = 16, .buffers = 128, .buffer_size = 256, .helpers_max = 2
};

/* One attached socket and its peer. */
struct scene {
    struct io *io;
    struct fake_peer *peer;
    struct io_sock sock;
    struct io_event events[EVENTS];
};

static void scene_open(struct scene *s)
{
    int fd = -1;

    memset(s, 0, sizeof *s);
    assert_int_equal(fake->open(&s->io, &config), 0);
    s->peer = fake_peer_pair(s->io, &fd);
    fake->attach(s->io, &s->sock, fd);
}

static int scene_wait(struct scene *s)
{
    return fake->wait(s->io, s->events, EVENTS, 10);
}

static void scene_free(struct scene *s)
{
    fake->close(s->io, &s->sock, IO_CLOSE_RESET);
    while (fake->stats(s->io).socks > 0)
        scene_wait(s);
    fake->free(s->io);
}

/* --- misuse stops the program --- */

static void send_twice(struct scene *s)
{
    struct iovec iov = { (void *)(uintptr_t)"a", 1 };

    fake->send(s->io, &s->sock, &iov, 1);
    fake->send(s->io, &s->sock, &iov, 1);
}

static void send_empty_piece(struct scene *s)
{
    struct iovec iov[2] = { { (void *)(uintptr_t)"a", 1 }, { (void *)(uintptr_t)"", 0 } };

    fake->send(s->io, &s->sock, iov, 2);
}

static void send_nothing(struct scene *s)
{
    struct iovec iov = { (void *)(uintptr_t)"a", 1 };

    fake->send(s->io, &s->sock, &iov, 0);
}

static void send_after_close(struct scene *s)
{
    struct iovec iov = { (void *)(uintptr_t)"a", 1 };

    fake->close(s->io, &s->sock, IO_CLOSE_LINGER);
    fake->send(s->io, &s->sock, &iov, 1);
}

static void change_borrowed_bytes(struct scene *s)
{
    char bytes[] = "borrowed";
    struct iovec iov = { bytes, sizeof bytes };

    fake->send(s->io, &s->sock, &iov, 1);
    bytes[3] = 'X';
    scene_wait(s);
}

static void close_borrowed_file(struct scene *s)
{
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    fake->send_file(s->io, &s->sock, NULL, 0, fd, 0, 100);
    close(fd);
    scene_wait(s);
}

static void give_back_twice(struct scene *s)
{
    fake_peer_write(s->peer, "x", 1);
    scene_wait(s);
    fake->give_back(s->io, s->events[0].lease);
    fake->give_back(s->io, s->events[0].lease);
}

static void keep_a_lease(struct scene *s)
{
    fake_peer_write(s->peer, "x", 1);
    scene_wait(s);
    scene_free(s);
}

static void close_twice(struct scene *s)
{
    fake->close(s->io, &s->sock, IO_CLOSE_LINGER);
    fake->close(s->io, &s->sock, IO_CLOSE_LINGER);
}

static void pause_after_closed(struct scene *s)
{
    fake->close(s->io, &s->sock, IO_CLOSE_RESET);
    scene_wait(s);
    fake->pause(s->io, &s->sock);
}

static void attach_before_closed(struct scene *s)
{
    int fd = -1;

    fake_peer_pair(s->io, &fd);
    fake->close(s->io, &s->sock, IO_CLOSE_RESET);
    fake->attach(s->io, &s->sock, fd);
}

static void attach_unknown(struct scene *s)
{
    struct io_sock other = { 0 };

    fake->attach(s->io, &other, s->sock.fd);
}

static void overwrite_sock(struct scene *s)
{
    memset(&s->sock, 0, sizeof s->sock);
    scene_wait(s);
}

static void free_with_a_socket(struct scene *s)
{
    fake->free(s->io);
}

static void wait_with_little_room(struct scene *s)
{
    fake->wait(s->io, s->events, IO_EVENTS_MIN - 1, 0);
}

static void wait_for_ever(struct scene *s)
{
    fake->wait(s->io, s->events, EVENTS, -1);
}

static void *stats_elsewhere(void *argument)
{
    scene_wait(argument);
    return NULL;
}

static void wait_on_another_thread(struct scene *s)
{
    pthread_t thread;

    pthread_create(&thread, NULL, stats_elsewhere, s);
    pthread_join(thread, NULL);
}

static const struct {
    const char *name;
    void (*run)(struct scene *);
} misuses[] = {
    { "send twice", send_twice },
    { "send an empty piece", send_empty_piece },
    { "send nothing", send_nothing },
    { "send after close", send_after_close },
    { "change borrowed bytes", change_borrowed_bytes },
    { "close a borrowed file", close_borrowed_file },
    { "give back twice", give_back_twice },
    { "keep a lease", keep_a_lease },
    { "close twice", close_twice },
    { "pause after IO_CLOSED", pause_after_closed },
    { "attach before IO_CLOSED", attach_before_closed },
    { "attach an unknown descriptor", attach_unknown },
    { "overwrite a socket", overwrite_sock },
    { "free with a socket", free_with_a_socket },
    { "wait with little room", wait_with_little_room },
    { "wait for ever", wait_for_ever },
    { "wait on another thread", wait_on_another_thread },
};

/* In a process of its own, with the message of the CHECK out of sight. */
static bool aborts(void (*run)(struct scene *))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit no_core = { 0, 0 };
        struct scene s;
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(quiet, STDERR_FILENO);
        scene_open(&s);
        run(&s);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void misuse_is_caught(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++)
        if (!aborts(misuses[i].run))
            fail_msg("not caught: %s", misuses[i].name);
}

static void right_use_is_not_caught(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    fake_peer_write(s.peer, "x", 1);
    assert_int_equal(scene_wait(&s), 1);
    fake->give_back(s.io, s.events[0].lease);
    scene_free(&s);
}

/* --- the world --- */

static void time_passes_only_when_nothing_can_happen(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    uint64_t start = fake_io_clock_ms(s.io);
    fake_peer_write(s.peer, "x", 1);
    assert_int_equal(fake->wait(s.io, s.events, EVENTS, 5000), 1);
    assert_int_equal(fake_io_clock_ms(s.io), start);
    fake->give_back(s.io, s.events[0].lease);
    assert_int_equal(fake->wait(s.io, s.events, EVENTS, 5000), 0);
    assert_int_equal(fake_io_clock_ms(s.io), start + 5000);
    scene_free(&s);
}

static void unread_bytes_stall_a_send(void **state)
{
    static const char bytes[3000];
    char read[1000];
    struct iovec iov = { (void *)(uintptr_t)bytes, sizeof bytes };
    struct scene s;

    (void)state;
    scene_open(&s);
    fake_peer_set_window(s.peer, sizeof read);
    fake->send(s.io, &s.sock, &iov, 1);
    for (uint64_t taken = 1000; taken < sizeof bytes; taken += 1000) {
        assert_int_equal(scene_wait(&s), 0);
        assert_int_equal(s.sock.sent, taken);
        assert_int_equal(fake_peer_read(s.peer, read, sizeof read), sizeof read);
    }
    assert_int_equal(scene_wait(&s), 1);
    assert_int_equal(s.events[0].kind, IO_SENT);
    assert_int_equal(s.events[0].result, 0);
    scene_free(&s);
}

static void a_client_that_went_away_resets(void **state)
{
    struct iovec iov = { (void *)(uintptr_t)"answer", 6 };
    struct scene s;
    int result = 0;

    (void)state;
    scene_open(&s);
    fake_peer_close(s.peer);
    for (int i = 0; i < 100 && result == 0; i++) {
        fake->send(s.io, &s.sock, &iov, 1);
        for (bool sent = false; !sent;)
            for (int k = 0, n = scene_wait(&s); k < n; k++)
                if (s.events[k].kind == IO_SENT) {
                    sent = true;
                    result = s.events[k].result;
                }
    }
    assert_true(result == -EPIPE || result == -ECONNRESET);
    scene_free(&s);
}

static void faults_strike_when_told(void **state)
{
    struct scene s;
    struct io_file_op op = { .kind = IO_FILE_OPEN, .fd = AT_FDCWD, .path = "/dev/null" };

    (void)state;
    scene_open(&s);
    op.how.flags = O_RDONLY;
    fake_io_fail_file(s.io, IO_FILE_OPEN, EMFILE, 2);
    for (int i = 0; i < 3; i++) {
        fake->file(s.io, &op);
        assert_int_equal(scene_wait(&s), 1);
        assert_int_equal(s.events[0].kind, IO_FILE_DONE);
        assert_true(i == 1 ? s.events[0].result == -EMFILE : s.events[0].result >= 0);
        if (s.events[0].result >= 0)
            close(s.events[0].result);
    }
    scene_free(&s);
}

static void accept_faults_lose_no_connection(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    fake_peer_connect(s.io);
    fake_peer_connect(s.io);
    fake_io_fail_accept(s.io, ENFILE, 2);
    fake->accept(s.io, 7);
    assert_int_equal(scene_wait(&s), 2);
    assert_int_equal(s.events[0].kind, IO_ACCEPTED);
    assert_int_equal(s.events[1].kind, IO_ACCEPT_STOPPED);
    assert_int_equal(s.events[1].result, -ENFILE);
    fake->accept(s.io, 7);
    assert_int_equal(scene_wait(&s), 1);
    assert_int_equal(s.events[0].kind, IO_ACCEPTED);
    fake->stop_accept(s.io, 7);
    assert_int_equal(scene_wait(&s), 1);
    scene_free(&s);
}

/* --- seeds --- */

/* What an echo of 2,000 bytes looks like in this seed's weather: a hash over its events. */
static uint64_t echo_trace(uint64_t seed)
{
    char bytes[2000], back[sizeof bytes];
    struct scene s;
    uint64_t hash = 0;
    size_t received = 0, read = 0;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    scene_open(&s);
    fake_io_seed(s.io, seed);
    fake_peer_write(s.peer, bytes, sizeof bytes);
    while (received < sizeof bytes)
        for (int i = 0, n = scene_wait(&s); i < n; i++) {
            assert_memory_equal(s.events[i].bytes, bytes + received, s.events[i].len);
            received += s.events[i].len;
            hash = (hash ^ s.events[i].len) * 0x100000001b3;
            fake->give_back(s.io, s.events[i].lease);
        }
    struct iovec iov = { bytes, sizeof bytes };
    fake->send(s.io, &s.sock, &iov, 1);
    for (int n = 0; n == 0; n = scene_wait(&s))
        hash = (hash ^ s.sock.sent) * 0x100000001b3;
    while (read < sizeof back)
        read += fake_peer_read(s.peer, back + read, sizeof back - read);
    assert_memory_equal(bytes, back, sizeof back);
    scene_free(&s);
    return hash;
}

static void a_seed_repeats_itself_and_seeds_differ(void **state)
{
    unsigned differ = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t hash = echo_trace(seed);
        assert_int_equal(hash, echo_trace(seed));
        differ += hash != echo_trace(seed + 1);
    }
    assert_true(differ > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misuse_is_caught),
        cmocka_unit_test(right_use_is_not_caught),
        cmocka_unit_test(time_passes_only_when_nothing_can_happen),
        cmocka_unit_test(unread_bytes_stall_a_send),
        cmocka_unit_test(a_client_that_went_away_resets),
        cmocka_unit_test(faults_strike_when_told),
        cmocka_unit_test(accept_faults_lose_no_connection),
        cmocka_unit_test(a_seed_repeats_itself_and_seeds_differ),
    };

    alarm(380);
    return cmocka_run_group_tests_name("fake_io", tests, NULL, NULL);
}

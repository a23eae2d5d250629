#include "contract.h"
#include "rig.h"

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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1024 * 1024 };

/* --- clause 1 --- */

static void *wait_here(void *argument)
{
    struct rig *rig = argument;

    rig->engine->wait(rig->io, rig->events, RIG_EVENTS, 0);
    return NULL;
}

static void *free_here(void *argument)
{
    struct rig *rig = argument;

    rig->engine->free(rig->io);
    return NULL;
}

/* In a process of its own, with the message of the CHECK out of sight. */
static bool aborts_on_another_thread(void *(*run)(void *))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit no_core = { 0, 0 };
        pthread_t thread;
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        struct rig *rig = rig_open(RIG_BUFFERS);
        pthread_create(&thread, NULL, run, rig);
        pthread_join(thread, NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void clause_1_wait_on_another_thread_is_caught(void **state)
{
    (void)state;
    assert_true(aborts_on_another_thread(wait_here));
}

static void clause_1_free_on_another_thread_is_caught(void **state)
{
    (void)state;
    assert_true(aborts_on_another_thread(free_here));
}

static void *turn_here(void *argument)
{
    (void)argument;
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    wire_write_all(rig, wire, 1000);
    RIG_UNTIL(rig, wire->received == 1000);
    rig_close(rig);
    return rig;
}

/* An engine belongs to the thread that opened it, whichever that is. */
static void clause_1_any_thread_may_have_its_own(void **state)
{
    pthread_t thread;
    void *result = NULL;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, turn_here, NULL), 0);
    pthread_join(thread, &result);
    assert_non_null(result);
}

/* --- clause 2 --- */

struct gated {
    struct io_job job;
    int gate;
};

/* Blocks until something is written to the gate. */
static void pass_the_gate(struct io_job *job)
{
    char byte;

    (void)!read(CONTAINER_OF(job, struct gated, job)->gate, &byte, 1);
}

/* None of these could end if it waited for what it starts. */
static void clause_2_no_call_blocks_and_none_delivers(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig), *other = wire_open(rig);
    struct gated gated = { .job.run = pass_the_gate };
    struct io_file_op op = { .kind = IO_FILE_OPEN, .fd = AT_FDCWD, .path = "/dev/zero" };
    struct io_event untouched[RIG_EVENTS];
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    gated.gate = ends[0];
    op.how.flags = O_RDONLY;
    wire_write(rig, wire, 10000);
    wire_write(rig, other, 10000);
    memset(rig->events, 0x5a, sizeof rig->events);
    memset(untouched, 0x5a, sizeof untouched);
    wire_send(rig, wire, 16 * MIB, 8);
    rig->engine->file(rig->io, &op);
    rig->engine->work(rig->io, &gated.job);
    rig->engine->pause(rig->io, &wire->sock);
    rig->engine->resume(rig->io, &wire->sock);
    wire_close(rig, wire, IO_CLOSE_LINGER);
    wire_close(rig, other, IO_CLOSE_RESET);
    assert_memory_equal(rig->events, untouched, sizeof untouched);
    assert_int_equal(wire->closed + other->closed + rig->files_done + rig->worked, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    RIG_UNTIL(rig, rig->files_done == 1 && rig->worked == 1);
    close(op.result);
    close(ends[0]);
    close(ends[1]);
    rig_close(rig);
}

static void clause_2_wait_0_does_not_sleep(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    wire_open(rig);
    rig_settle(rig);
    uint64_t start_ms = rig_real_ms(), start_clock_ms = rig->peers->clock_ms(rig->io);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rig_turn(rig, 0), 0);
    assert_true(rig_real_ms() - start_ms < 500);
    assert_true(rig->peers->clock_ms(rig->io) - start_clock_ms < 500);
    rig_close(rig);
}

static void clause_2_a_batch_fits_and_the_rest_comes_later(void **state)
{
    enum { WIRES = 60 };
    struct rig *rig = rig_open_accepting();
    struct wire *wires[WIRES];
    unsigned received = 0;

    (void)state;
    for (size_t i = 0; i < WIRES; i++)
        wires[i] = wire_open(rig);
    for (size_t i = 0; i < WIRES; i++)
        assert_int_equal(wire_write(rig, wires[i], 1), 1);
    for (uint64_t start_ms = rig_real_ms(); received < WIRES;) {
        assert_true(rig_real_ms() - start_ms < RIG_PATIENCE_MS);
        memset(rig->events, 0x5a, sizeof rig->events);
        struct io_event untouched = rig->events[IO_EVENTS_MIN];
        int n = rig->engine->wait(rig->io, rig->events, IO_EVENTS_MIN, 5);
        assert_in_range(n, 0, IO_EVENTS_MIN);
        assert_memory_equal(&rig->events[IO_EVENTS_MIN], &untouched, sizeof untouched);
        for (int i = 0; i < n; i++)
            rig_take(rig, &rig->events[i]);
        received += (unsigned)n;
    }
    for (size_t i = 0; i < WIRES; i++)
        assert_int_equal(wires[i]->received, 1);
    rig_close(rig);
}

static void clause_2_wait_lasts_as_long_as_told(void **state)
{
    const int timeouts_ms[] = { 1, 10, 50, 120 };
    struct rig *rig = rig_open_accepting();

    (void)state;
    wire_open(rig);
    rig_settle(rig);
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof *timeouts_ms; i++)
        rig_expect_timeout(rig, timeouts_ms[i]);
    rig_close(rig);
}

static void clause_2_wait_for_ever_ends_with_an_event(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (int round = 0; round < 100; round++) {
        wire_write(rig, wire, 10);
        while (wire->received < wire->peer_wrote)
            rig_turn(rig, -1);
    }
    rig_close(rig);
}

static void nothing(int number)
{
    (void)number;
}

/* A signal ends a wait; only real engines can be interrupted. */
static void clause_2_a_signal_ends_a_wait(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct sigaction action = { .sa_handler = nothing }, before;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    struct itimerspec in_50_ms = { .it_value = { 0, 50 * 1000 * 1000 } };
    timer_t timer;

    (void)state;
    if (!rig_is_fake(rig)) {
        rig_settle(rig);
        sigaction(SIGUSR1, &action, &before);
        assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
        timer_settime(timer, 0, &in_50_ms, NULL);
        uint64_t start_ms = rig_real_ms();
        assert_int_equal(rig_turn(rig, 5000), 0);
        assert_true(rig_real_ms() - start_ms < 2500);
        timer_delete(timer);
        sigaction(SIGUSR1, &before, NULL);
    }
    rig_close(rig);
}

/* --- clause 10 --- */

static void clause_10_an_idle_wait_does_not_wake(void **state)
{
    struct rig *rig = rig_open_accepting();

    (void)state;
    for (int i = 0; i < 8; i++) {
        struct wire *wire = wire_open(rig);
        wire_write_all(rig, wire, 100);
        wire_send(rig, wire, 100, 1);
        wire_read_all(rig, wire, 100);
    }
    rig_settle(rig);
    uint64_t waits = rig->engine->stats(rig->io).waits;
    rig_expect_sleep(rig);
    assert_int_equal(rig->engine->stats(rig->io).waits, waits + 1);
    rig_close(rig);
}

int contract_turns(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clause_1_wait_on_another_thread_is_caught),
        cmocka_unit_test(clause_1_free_on_another_thread_is_caught),
        cmocka_unit_test(clause_1_any_thread_may_have_its_own),
        cmocka_unit_test(clause_2_no_call_blocks_and_none_delivers),
        cmocka_unit_test(clause_2_wait_0_does_not_sleep),
        cmocka_unit_test(clause_2_a_batch_fits_and_the_rest_comes_later),
        cmocka_unit_test(clause_2_wait_lasts_as_long_as_told),
        cmocka_unit_test(clause_2_wait_for_ever_ends_with_an_event),
        cmocka_unit_test(clause_2_a_signal_ends_a_wait),
        cmocka_unit_test(clause_10_an_idle_wait_does_not_wake),
    };

    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}

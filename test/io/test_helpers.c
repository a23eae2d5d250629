#include "io/helpers.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS = 100, PATIENCE_MS = 10000 };

struct task {
    struct io_job job;
    int gate; /* readable when the job may end, or -1 */
    pthread_t thread;
    bool signals_blocked, ran;
};

static void run(struct io_job *job)
{
    struct task *task = CONTAINER_OF(job, struct task, job);
    sigset_t mask;
    char byte;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    task->signals_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
    task->thread = pthread_self();
    if (task->gate >= 0)
        task->ran = read(task->gate, &byte, 1) == 1;
    else
        task->ran = true;
}

/* Collect until there are as many; returns how many there are. */
static size_t collect(struct helpers *h, struct list *files, struct list *jobs, size_t wanted)
{
    struct pollfd wake = {.fd = h->wake_fd, .events = POLLIN};

    while (list_count(files) + list_count(jobs) < wanted && poll(&wake, 1, PATIENCE_MS) == 1)
        helpers_collect(h, files, jobs);
    return list_count(files) + list_count(jobs);
}

static void jobs_run_on_at_most_so_many_threads(void **state)
{
    static struct task tasks[JOBS];
    struct helpers h;
    struct list files, jobs;

    (void)state;
    list_init(&files);
    list_init(&jobs);
    assert_int_equal(helpers_open(&h, 3), 0);
    assert_int_equal(h.started, 0);
    for (int i = 0; i < JOBS; i++) {
        tasks[i] = (struct task){.job.run = run, .gate = -1};
        helpers_job(&h, &tasks[i].job);
    }
    assert_int_equal(collect(&h, &files, &jobs, JOBS), JOBS);
    assert_in_range(h.started, 1, 3);
    for (int i = 0; i < JOBS; i++) {
        assert_true(tasks[i].ran && tasks[i].signals_blocked);
        assert_false(pthread_equal(tasks[i].thread, pthread_self()));
    }
    helpers_free(&h);
}

static void a_stuck_job_holds_up_one_thread_only(void **state)
{
    struct helpers h;
    struct list files, jobs;
    int gate[2];
    struct task stuck = {.job.run = run}, quick = {.job.run = run, .gate = -1};

    (void)state;
    list_init(&files);
    list_init(&jobs);
    assert_int_equal(pipe(gate), 0);
    stuck.gate = gate[0];
    assert_int_equal(helpers_open(&h, 2), 0);
    helpers_job(&h, &stuck.job);
    helpers_job(&h, &quick.job);
    assert_int_equal(collect(&h, &files, &jobs, 1), 1);
    assert_ptr_equal(list_first(&jobs), &quick.job.link);
    assert_int_equal(write(gate[1], "x", 1), 1);
    assert_int_equal(collect(&h, &files, &jobs, 2), 2);
    assert_true(stuck.ran);
    helpers_free(&h);
    close(gate[0]);
    close(gate[1]);
}

static void file_operations_come_back_apart_from_jobs(void **state)
{
    struct helpers h;
    struct list files, jobs;
    struct task task = {.job.run = run, .gate = -1};
    struct io_file_op op = {.kind = IO_FILE_CLOSE, .fd = -1};

    (void)state;
    list_init(&files);
    list_init(&jobs);
    assert_int_equal(helpers_open(&h, 1), 0);
    helpers_job(&h, &task.job);
    helpers_file(&h, &op);
    assert_int_equal(collect(&h, &files, &jobs, 2), 2);
    assert_ptr_equal(list_first(&files), &op.link);
    assert_ptr_equal(list_first(&jobs), &task.job.link);
    assert_int_equal(op.result, -EBADF);
    helpers_free(&h);
}

static void unused_helpers_start_no_thread(void **state)
{
    struct helpers h;

    (void)state;
    assert_int_equal(helpers_open(&h, HELPERS_MAX), 0);
    assert_int_equal(h.started, 0);
    helpers_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_on_at_most_so_many_threads),
        cmocka_unit_test(a_stuck_job_holds_up_one_thread_only),
        cmocka_unit_test(file_operations_come_back_apart_from_jobs),
        cmocka_unit_test(unused_helpers_start_no_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "contract.h"
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILE_LEN = 1024 * 1024 + 123, MANY = 200 };

/* A directory of its own with a file in it. */
struct place {
    char name[64];
    int dir;
};

static void place_make(struct place *place)
{
    char *bytes = malloc(FILE_LEN);

    *place = (struct place){ .name = "/tmp/io-contract-XXXXXX" };
    assert_true(bytes && mkdtemp(place->name));
    place->dir = open(place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(place->dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(place->dir >= 0 && fd >= 0);
    pattern_fill(bytes, 0, FILE_LEN);
    assert_int_equal(write(fd, bytes, FILE_LEN), FILE_LEN);
    close(fd);
    free(bytes);
}

static void place_remove(struct place *place)
{
    unlinkat(place->dir, "file", 0);
    unlinkat(place->dir, "fifo", 0);
    close(place->dir);
    assert_int_equal(rmdir(place->name), 0);
}

static int run(struct rig *rig, struct io_file_op *op)
{
    unsigned goal = rig->files_done + 1;

    rig->engine->file(rig->io, op);
    RIG_UNTIL(rig, rig->files_done == goal);
    return op->result;
}

static struct io_file_op to_open(int dir, const char *path)
{
    struct io_file_op op = { .kind = IO_FILE_OPEN, .fd = dir, .path = path };

    op.how.flags = O_RDONLY;
    op.how.resolve = RESOLVE_BENEATH;
    return op;
}

static int run_read(struct rig *rig, int fd, void *bytes, size_t len, off_t offset)
{
    struct io_file_op op = {
        .kind = IO_FILE_READ,
        .fd = fd,
        .bytes = bytes,
        .len = len,
        .offset = offset,
    };

    return run(rig, &op);
}

static void files_are_opened_examined_read_and_closed(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct place place;
    struct statx statx = { 0 };
    char *bytes = malloc(FILE_LEN + 1);

    (void)state;
    place_make(&place);
    struct io_file_op open = to_open(place.dir, "file");
    int fd = run(rig, &open);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);

    struct io_file_op stat = { .kind = IO_FILE_STAT, .fd = fd, .statx = &statx };
    assert_int_equal(run(rig, &stat), 0);
    assert_int_equal(statx.stx_size, FILE_LEN);
    assert_true(S_ISREG(statx.stx_mode));

    assert_int_equal(run_read(rig, fd, bytes, 1000, 4095), 1000);
    assert_true(pattern_matches(bytes, 4095, 1000));
    assert_int_equal(run_read(rig, fd, bytes, FILE_LEN, 0), FILE_LEN);
    assert_true(pattern_matches(bytes, 0, FILE_LEN));
    assert_int_equal(run_read(rig, fd, bytes, 1000, FILE_LEN - 10), 10);
    assert_true(pattern_matches(bytes, FILE_LEN - 10, 10));
    assert_int_equal(run_read(rig, fd, bytes, 1000, FILE_LEN), 0);

    struct io_file_op close = { .kind = IO_FILE_CLOSE, .fd = fd };
    assert_int_equal(run(rig, &close), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    free(bytes);
    place_remove(&place);
    rig_close(rig);
}

static void file_errors_come_as_results(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct place place;
    char byte;

    (void)state;
    place_make(&place);
    struct io_file_op missing = to_open(place.dir, "missing");
    assert_int_equal(run(rig, &missing), -ENOENT);
    struct io_file_op above = to_open(place.dir, "..");
    assert_int_equal(run(rig, &above), -EXDEV);
    struct io_file_op absolute = to_open(place.dir, "/etc/passwd");
    assert_int_equal(run(rig, &absolute), -EXDEV);
    struct io_file_op through = to_open(place.dir, "file/x");
    assert_int_equal(run(rig, &through), -ENOTDIR);
    assert_int_equal(run_read(rig, place.dir, &byte, 1, 0), -EISDIR);
    place_remove(&place);
    rig_close(rig);
}

static void many_file_operations_at_the_same_time(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct place place;
    struct io_file_op ops[MANY];
    char *bytes = malloc((size_t)MANY * 5000);

    (void)state;
    place_make(&place);
    for (size_t i = 0; i < MANY; i++) {
        ops[i] = to_open(place.dir, "file");
        rig->engine->file(rig->io, &ops[i]);
    }
    RIG_UNTIL(rig, rig->files_done == MANY);
    for (size_t i = 0; i < MANY; i++) {
        int fd = ops[i].result;
        assert_true(fd >= 0);
        ops[i] = (struct io_file_op){ .kind = IO_FILE_READ,
                                      .fd = fd,
                                      .bytes = bytes + i * 5000,
                                      .len = 5000,
                                      .offset = (off_t)i * 777 };
        rig->engine->file(rig->io, &ops[i]);
    }
    RIG_UNTIL(rig, rig->files_done == 2 * MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(ops[i].result, 5000);
        assert_true(pattern_matches(bytes + i * 5000, i * 777, 5000));
        ops[i] = (struct io_file_op){ .kind = IO_FILE_CLOSE, .fd = ops[i].fd };
        rig->engine->file(rig->io, &ops[i]);
    }
    RIG_UNTIL(rig, rig->files_done == 3 * MANY);
    free(bytes);
    place_remove(&place);
    rig_close(rig);
}

/* Bytes to and fro, `times`, each within a moment. */
static void talk(struct rig *rig, struct wire *wire, int times)
{
    for (int i = 0; i < times; i++) {
        uint64_t start_ms = rig_real_ms();
        wire_write_all(rig, wire, 1000);
        wire_send(rig, wire, 1000, 1);
        wire_read_all(rig, wire, 1000);
        RIG_UNTIL(rig, wire->received == wire->peer_wrote && !wire->sending);
        if (!rig_is_fake(rig))
            assert_true(rig_real_ms() - start_ms < 500);
    }
}

static void clause_10_an_open_that_hangs_holds_up_nobody(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    struct place place;

    (void)state;
    place_make(&place);
    assert_int_equal(mkfifoat(place.dir, "fifo", 0600), 0);
    struct io_file_op fifo = to_open(place.dir, "fifo"), file = to_open(place.dir, "file");
    rig->engine->file(rig->io, &fifo);
    talk(rig, wire, 20);
    rig_settle(rig);
    if (rig->files_done > 0)
        fail_msg("a hanging open gave %d", fifo.result);
    int fd = run(rig, &file);
    assert_true(fd >= 0);
    close(fd);

    /* The reader may get as far as waiting for a writer only now. */
    int writer = -1;
    RIG_UNTIL(rig, writer >= 0)
    writer = openat(place.dir, "fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    RIG_UNTIL(rig, rig->files_done == 2);
    assert_true(fifo.result >= 0);
    close(fifo.result);
    close(writer);
    place_remove(&place);
    rig_close(rig);
}

/* --- work --- */

struct counted {
    struct io_job job;
    pthread_t thread;
    atomic_uint runs;
    int gate; /* a pipe to wait on, or -1 */
};

static void count_run(struct io_job *job)
{
    struct counted *counted = CONTAINER_OF(job, struct counted, job);
    char byte;

    counted->thread = pthread_self();
    if (counted->gate >= 0)
        (void)!read(counted->gate, &byte, 1);
    counted->runs++;
}

static void work_runs_on_another_thread_and_comes_back(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct counted counted = { .job.run = count_run, .gate = -1 };

    (void)state;
    for (unsigned i = 1; i <= 10; i++) {
        rig->engine->work(rig->io, &counted.job);
        RIG_UNTIL(rig, rig->worked == i);
        assert_int_equal(counted.runs, i);
        assert_false(pthread_equal(counted.thread, pthread_self()));
    }
    rig_close(rig);
}

static void many_jobs_all_come_back(void **state)
{
    enum { JOBS = 500 };
    struct rig *rig = rig_open_accepting();
    struct counted *jobs = calloc(JOBS, sizeof *jobs);

    (void)state;
    assert_non_null(jobs);
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i].job.run = count_run;
        jobs[i].gate = -1;
        rig->engine->work(rig->io, &jobs[i].job);
    }
    RIG_UNTIL(rig, rig->worked == JOBS);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(jobs[i].runs, 1);
    free(jobs);
    rig_close(rig);
}

static void clause_10_a_job_that_blocks_holds_up_nobody(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct wire *wire = wire_open(rig);
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct counted blocked = { .job.run = count_run, .gate = ends[0] };
    struct counted quick = { .job.run = count_run, .gate = -1 };
    rig->engine->work(rig->io, &blocked.job);
    talk(rig, wire, 20);
    rig->engine->work(rig->io, &quick.job);
    RIG_UNTIL(rig, rig->worked == 1);
    assert_int_equal(quick.runs, 1);
    assert_int_equal(write(ends[1], "x", 1), 1);
    RIG_UNTIL(rig, rig->worked == 2);
    assert_int_equal(blocked.runs, 1);
    close(ends[0]);
    close(ends[1]);
    rig_close(rig);
}

/* --- watches --- */

static void drain(int fd)
{
    char bytes[4096];

    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
}

static void unwatch(struct rig *rig, struct io_watch *watch)
{
    unsigned goal = rig->unwatched + 1;

    rig->engine->unwatch(rig->io, watch);
    RIG_UNTIL(rig, rig->unwatched == goal);
    unsigned told = rig->became_ready;
    rig_settle(rig);
    assert_int_equal(rig->became_ready, told);
    assert_int_equal(rig->unwatched, goal);
}

static void watch_tells_each_time_there_is_something_new(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch watch = { 0 };
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    watch.fd = ends[0];
    rig->engine->watch(rig->io, &watch);
    rig_settle(rig);
    assert_int_equal(rig->became_ready, 0);
    for (unsigned i = 0; i < 50; i++) {
        unsigned before = rig->became_ready;
        assert_int_equal(write(ends[1], "abc", 3), 3);
        RIG_UNTIL(rig, rig->became_ready > before);
        drain(ends[0]);
        if (i % 2)
            rig_settle(rig);
    }
    unwatch(rig, &watch);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    rig_settle(rig);
    close(ends[0]);
    close(ends[1]);
    rig_close(rig);
}

/* Until nothing more is taken. */
static void fill(int fd)
{
    char bytes[4096] = { 0 };

    while (write(fd, bytes, sizeof bytes) > 0)
        continue;
}

static void watch_tells_when_there_is_room(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch watch = { .what = IO_FOR_WRITING };
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    watch.fd = ends[1];
    rig->engine->watch(rig->io, &watch);
    RIG_UNTIL(rig, rig->became_ready > 0); /* it is empty */
    for (unsigned i = 0; i < 20; i++) {
        fill(ends[1]);
        rig_settle(rig);
        unsigned before = rig->became_ready;
        rig_settle(rig);
        assert_int_equal(rig->became_ready, before);
        drain(ends[0]);
        RIG_UNTIL(rig, rig->became_ready > before);
    }
    fill(ends[1]);
    rig_settle(rig);
    unsigned before = rig->became_ready;
    close(ends[0]);
    RIG_UNTIL(rig, rig->became_ready > before); /* nobody reads any more: an error is told, too */
    unwatch(rig, &watch);
    close(ends[1]);
    rig_close(rig);
}

static void watch_tells_either(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch watch = { .what = IO_FOR_EITHER };
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    fill(ends[0]);
    watch.fd = ends[0];
    rig->engine->watch(rig->io, &watch);
    rig_settle(rig);
    assert_int_equal(rig->became_ready, 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    RIG_UNTIL(rig, rig->became_ready > 0);
    drain(ends[0]);
    rig_settle(rig);
    unsigned before = rig->became_ready;
    drain(ends[1]);
    RIG_UNTIL(rig, rig->became_ready > before);
    unwatch(rig, &watch);
    close(ends[0]);
    close(ends[1]);
    rig_close(rig);
}

/* A descriptor and its duplicate are two things, whichever is closed first. */
static void duplicates_are_watched_each_for_itself(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch one = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    struct io_watch other = { .fd = fcntl(one.fd, F_DUPFD_CLOEXEC, 0) };

    (void)state;
    rig->engine->watch(rig->io, &one);
    rig->engine->watch(rig->io, &other);
    rig_settle(rig);
    assert_int_equal(rig->became_ready, 0);
    unwatch(rig, &one);
    close(one.fd);
    assert_int_equal(eventfd_write(other.fd, 1), 0);
    RIG_UNTIL(rig, rig->became_ready > 0);
    unwatch(rig, &other);
    close(other.fd);
    rig_close(rig);
}

static void watch_tells_what_is_there_already(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch watch = { .fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC) };

    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        unsigned before = rig->became_ready;
        rig->engine->watch(rig->io, &watch);
        RIG_UNTIL(rig, rig->became_ready > before);
        unwatch(rig, &watch); /* not read, so it is there the next time, too */
    }
    close(watch.fd);
    rig_close(rig);
}

static void unwatch_right_after_watch(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch watch = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };

    (void)state;
    for (int round = 0; round < 10; round++) {
        rig->engine->watch(rig->io, &watch);
        if (round % 2)
            assert_int_equal(eventfd_write(watch.fd, 1), 0);
        unwatch(rig, &watch);
    }
    close(watch.fd);
    rig_close(rig);
}

static void *write_later(void *argument)
{
    usleep(50 * 1000);
    eventfd_write(*(int *)argument, 1);
    return NULL;
}

static void watch_wakes_a_wait_for_ever(void **state)
{
    struct rig *rig = rig_open_accepting();
    struct io_watch watch = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    pthread_t thread;

    (void)state;
    rig->engine->watch(rig->io, &watch);
    rig_settle(rig);
    assert_int_equal(pthread_create(&thread, NULL, write_later, &watch.fd), 0);
    while (rig->became_ready == 0)
        rig_turn(rig, -1);
    pthread_join(thread, NULL);
    unwatch(rig, &watch);
    close(watch.fd);
    rig_close(rig);
}

int contract_helping(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_opened_examined_read_and_closed),
        cmocka_unit_test(file_errors_come_as_results),
        cmocka_unit_test(many_file_operations_at_the_same_time),
        cmocka_unit_test(clause_10_an_open_that_hangs_holds_up_nobody),
        cmocka_unit_test(work_runs_on_another_thread_and_comes_back),
        cmocka_unit_test(many_jobs_all_come_back),
        cmocka_unit_test(clause_10_a_job_that_blocks_holds_up_nobody),
        cmocka_unit_test(watch_tells_each_time_there_is_something_new),
        cmocka_unit_test(watch_tells_when_there_is_room),
        cmocka_unit_test(watch_tells_either),
        cmocka_unit_test(duplicates_are_watched_each_for_itself),
        cmocka_unit_test(watch_tells_what_is_there_already),
        cmocka_unit_test(unwatch_right_after_watch),
        cmocka_unit_test(watch_wakes_a_wait_for_ever),
    };

    return cmocka_run_group_tests_name("helping", tests, NULL, NULL);
}

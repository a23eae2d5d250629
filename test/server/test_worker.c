/* server/worker.c: a thread of its own, on its CPU, from its start to its end. */
#include "base/clock.h"
#include "dial.h"
#include "server/listener.h"
#include "server/worker.h"
#include "stage.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

struct post {
    struct config config;
    struct worker worker;
    uint16_t port;
    int listener, root, done;
};

/* The last one, so that it is not always the one a thread would be on anyway. */
static int allowed_cpu(void)
{
    cpu_set_t set;
    int last = -1;

    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &set))
            last = cpu;
    return last;
}

static void post_open(struct post *post)
{
    struct sentence why;

    *post = (struct post){ .config = stage_config() };
    post->root = open(stage_site(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    post->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(post->root >= 0 && post->done >= 0);
    assert_int_equal(listener_open_all("127.0.0.1", &post->port, &post->listener, 1, &why), 0);
}

static int post_start(struct post *post, const struct io_engine *engine, int cpu)
{
    const struct loop_setup setup = {
        .config = &post->config,
        .engine = engine,
        .listener = post->listener,
        .tls_listener = -1,
        .root = post->root,
        .clock_ms = clock_ms,
    };

    return worker_start(&post->worker, &setup, cpu, post->done);
}

/* Until the worker has reported once more. */
static void await_report(struct post *post)
{
    uint64_t count;

    dial_wait(post->done);
    assert_int_equal(read(post->done, &count, sizeof count), sizeof count);
}

static void await_end(struct post *post)
{
    while (!atomic_load(&post->worker.over))
        await_report(post);
    worker_join(&post->worker);
}

static void post_close(struct post *post)
{
    close(post->root);
    close(post->done);
}

static void it_serves_on_its_cpu_and_drains(void **state)
{
    struct post post;
    cpu_set_t set;
    int cpu = allowed_cpu();

    (void)state;
    post_open(&post);
    assert_int_equal(post_start(&post, &io_epoll_engine, cpu), 0);
    await_report(&post);
    assert_int_equal(atomic_load(&post.worker.started), 1);
    assert_int_equal(pthread_getaffinity_np(post.worker.thread, sizeof set, &set), 0);
    assert_int_equal(CPU_COUNT(&set), 1);
    assert_true(CPU_ISSET((size_t)cpu, &set));

    struct dial dial = dial_open(post.port);
    struct answer answer = dial_ask(&dial, HELLO);
    expect_file(&answer, FILE_HELLO, false);
    worker_give(&post.worker, WORKER_SERVE); /* changes nothing */
    answer = dial_ask(&dial, HELLO);
    assert_false(answer.closes);

    worker_give(&post.worker, WORKER_DRAIN);
    assert_true(dial_ends(&dial));
    dial_close(&dial);
    await_end(&post);
    assert_true(post.worker.clean);
    assert_int_equal(post.worker.cut, 0);
    assert_int_equal(fcntl(post.listener, F_GETFD), -1);
    post_close(&post);
}

static void a_stop_cuts(void **state)
{
    struct post post;

    (void)state;
    post_open(&post);
    assert_int_equal(post_start(&post, &io_epoll_engine, allowed_cpu()), 0);
    struct dial dial = dial_open(post.port);
    dial_ask(&dial, HELLO);
    dial_say(&dial, "GET /half");
    worker_give(&post.worker, WORKER_DRAIN);
    worker_give(&post.worker, WORKER_STOP);
    assert_false(dial_ends(&dial));
    dial_close(&dial);
    await_end(&post);
    assert_true(post.worker.clean);
    assert_int_equal(post.worker.cut, 1);
    post_close(&post);
}

static int refuse_to_open(struct io **io, const struct io_config *config)
{
    (void)io;
    (void)config;
    return -EPERM;
}

static void an_engine_that_cannot_be_had(void **state)
{
    struct io_engine broken = io_epoll_engine;
    struct post post;

    (void)state;
    broken.open = refuse_to_open;
    post_open(&post);
    assert_int_equal(post_start(&post, &broken, allowed_cpu()), 0);
    await_report(&post);
    assert_int_equal(atomic_load(&post.worker.started), -EPERM);
    await_end(&post);
    assert_int_equal(close(post.listener), 0); /* still the caller's */
    post_close(&post);
}

static void a_cpu_that_is_not_there(void **state)
{
    struct post post;

    (void)state;
    post_open(&post);
    assert_int_equal(post_start(&post, &io_epoll_engine, CPU_SETSIZE - 1), -EINVAL);
    close(post.listener);
    post_close(&post);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_on_its_cpu_and_drains),
        cmocka_unit_test(a_stop_cuts),
        cmocka_unit_test(an_engine_that_cannot_be_had),
        cmocka_unit_test(a_cpu_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

#include "server/worker.h"

#include "app/app.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void raise_flag(int fd)
{
    const uint64_t one = 1;
    ssize_t written;

    do
        written = write(fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

static void take_renewal(struct worker *worker, struct loop *loop)
{
    const struct tls_config *tls = atomic_exchange(&worker->renewal, NULL);

    if (!tls)
        return;
    if (!loop_renew(loop, tls))
        fprintf(stderr,
                "ringlet: the core on CPU %d keeps the certificates it has: out of memory\n",
                worker->cpu);
    atomic_store(&worker->renewing, false);
    raise_flag(worker->done);
}

static void obey(struct worker *worker, struct loop *loop)
{
    loop->ordered = false;
    take_renewal(worker, loop);
    switch ((enum worker_order)atomic_load(&worker->order)) {
    case WORKER_SERVE:
        break;
    case WORKER_DRAIN:
        loop_drain(loop);
        break;
    case WORKER_STOP:
        loop_stop(loop);
        break;
    }
}

/* What the program keeps for this core. */
static int start_state(struct worker *worker)
{
    const struct app *app = worker->setup.config->app;

    if (!app || !app->start)
        return 0;
    worker->setup.app_state = app->start(app->data);
    return worker->setup.app_state ? 0 : -ECANCELED;
}

static void end_state(const struct worker *worker)
{
    const struct app *app = worker->setup.config->app;

    if (app && app->start && app->end)
        app->end(worker->setup.app_state, app->data);
}

static int start(struct worker *worker, struct loop *loop)
{
    int error = loop ? start_state(worker) : -ENOMEM;

    if (error)
        return error;
    error = loop_init(loop, &worker->setup);
    if (error)
        end_state(worker);
    return error;
}

static void serve(struct worker *worker, struct loop *loop)
{
    do {
        loop_turn(loop);
        if (loop->ordered)
            obey(worker, loop);
    } while (loop->stage == LOOP_SERVING || !loop_is_over(loop));
    worker->cut = loop_cut(loop);
    worker->clean = loop_release(loop);
    if (worker->clean)
        end_state(worker);
}

/* All memory is taken here, on the CPU that uses it. */
static void *thread_main(void *argument)
{
    struct worker *worker = argument;
    struct loop *loop = malloc(sizeof *loop);
    int error = start(worker, loop);

    atomic_store(&worker->started, error ? error : 1);
    raise_flag(worker->done);
    if (!error)
        serve(worker, loop);
    if (error || worker->clean)
        free(loop);
    atomic_store(&worker->over, true);
    raise_flag(worker->done);
    while (!worker->clean)
        pause(); /* a thread's end waits for what its ring holds; the process's end does not */
    return NULL;
}

static int start_pinned(struct worker *worker)
{
    pthread_attr_t attributes;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)worker->cpu, &set);
    int error = pthread_attr_init(&attributes);
    if (error)
        return -error;
    error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    if (!error)
        error = pthread_create(&worker->thread, &attributes, thread_main, worker);
    pthread_attr_destroy(&attributes);
    return -error;
}

int worker_start(struct worker *worker, const struct loop_setup *setup, int cpu, int done)
{
    worker->cpu = cpu;
    worker->setup = *setup;
    worker->done = done;
    worker->cut = 0;
    worker->clean = true;
    atomic_init(&worker->order, WORKER_SERVE);
    atomic_init(&worker->renewal, NULL);
    atomic_init(&worker->renewing, false);
    atomic_init(&worker->started, 0);
    atomic_init(&worker->over, false);
    worker->setup.orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->setup.orders < 0)
        return -errno;
    int error = start_pinned(worker);
    if (error)
        close(worker->setup.orders);
    return error;
}

void worker_give(struct worker *worker, enum worker_order order)
{
    atomic_store(&worker->order, order);
    raise_flag(worker->setup.orders);
}

void worker_renew(struct worker *worker, const struct tls_config *tls)
{
    atomic_store(&worker->renewing, true);
    atomic_store(&worker->renewal, tls);
    raise_flag(worker->setup.orders);
}

bool worker_is_renewing(struct worker *worker)
{
    return atomic_load(&worker->renewing) && !atomic_load(&worker->over);
}

void worker_join(struct worker *worker)
{
    if (worker->clean)
        pthread_join(worker->thread, NULL);
    close(worker->setup.orders);
}

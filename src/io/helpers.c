#include "io/helpers.h"

#include "base/check.h"
#include "io/file_op.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

int helpers_open(struct helpers *h, unsigned max)
{
    CHECK(max >= 1 && max <= HELPERS_MAX);
    *h = (struct helpers){.max = max};
    h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (h->wake_fd < 0)
        return -errno;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->more, NULL);
    list_init(&h->files_todo);
    list_init(&h->files_done);
    list_init(&h->jobs_todo);
    list_init(&h->jobs_done);
    return 0;
}

void helpers_free(struct helpers *h)
{
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
    for (unsigned i = 0; i < h->started; i++)
        pthread_join(h->threads[i], NULL);
    pthread_cond_destroy(&h->more);
    pthread_mutex_destroy(&h->lock);
    close(h->wake_fd);
}

/* Do the oldest file operation, or else the oldest job. The lock is held on entry and exit only. */
static void do_one(struct helpers *h)
{
    struct list *node = list_take(&h->files_todo);
    struct list *done = node ? &h->files_done : &h->jobs_done;

    if (!node)
        node = list_take(&h->jobs_todo);
    h->queued--;
    pthread_mutex_unlock(&h->lock);

    if (done == &h->files_done) {
        file_op_run(CONTAINER_OF(node, struct io_file_op, link));
    } else {
        struct io_job *job = CONTAINER_OF(node, struct io_job, link);
        job->run(job);
    }

    pthread_mutex_lock(&h->lock);
    list_append(done, node);
    eventfd_write(h->wake_fd, 1);
}

static void *help(void *arg)
{
    struct helpers *h = arg;

    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (h->queued == 0 && !h->stop) {
            h->idle++;
            pthread_cond_wait(&h->more, &h->lock);
            h->idle--;
        }
        if (h->queued == 0)
            break;
        do_one(h);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* Signals belong to the thread that waits for them; a helper takes none. */
static void start_one(struct helpers *h)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&h->threads[h->started], NULL, help, h) == 0)
        h->started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void hand_over(struct helpers *h, struct list *todo, struct list *link)
{
    pthread_mutex_lock(&h->lock);
    list_append(todo, link);
    h->queued++;
    if (h->queued > h->idle && h->started < h->max)
        start_one(h);
    if (h->started == 0)
        do_one(h);
    else
        pthread_cond_signal(&h->more);
    pthread_mutex_unlock(&h->lock);
}

void helpers_file(struct helpers *h, struct io_file_op *op)
{
    hand_over(h, &h->files_todo, &op->link);
}

void helpers_job(struct helpers *h, struct io_job *job)
{
    hand_over(h, &h->jobs_todo, &job->link);
}

static void move_all(struct list *from, struct list *to)
{
    struct list *node;

    while ((node = list_take(from)))
        list_append(to, node);
}

void helpers_collect(struct helpers *h, struct list *files, struct list *jobs)
{
    eventfd_t count;

    pthread_mutex_lock(&h->lock);
    eventfd_read(h->wake_fd, &count);
    move_all(&h->files_done, files);
    move_all(&h->jobs_done, jobs);
    pthread_mutex_unlock(&h->lock);
}

#include "server/team.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Clear the flag, so that the next poll sleeps. */
static void lower_flag(int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof count) < 0)
        return;
}

static void wait_for_flag(int fd)
{
    struct pollfd flag = { .fd = fd, .events = POLLIN };

    poll(&flag, 1, -1);
    lower_flag(fd);
}

/* The first failure, 0 when all serve, 1 when some have not said yet. */
static int progress(const struct team *team)
{
    int outcome = 0;

    for (unsigned i = 0; i < team->count; i++) {
        int started = atomic_load(&team->workers[i].started);
        if (started < 0)
            return started;
        if (started == 0)
            outcome = 1;
    }
    return outcome;
}

void team_give(struct team *team, enum worker_order order)
{
    for (unsigned i = 0; i < team->count; i++)
        worker_give(&team->workers[i], order);
}

static void close_listeners(const struct loop_setup *loop)
{
    if (loop->listener >= 0)
        close(loop->listener);
    if (loop->tls_listener >= 0)
        close(loop->tls_listener);
}

/* Each worker gets descriptors of its own for its listeners: the team keeps those it was given
 * until all serve, for a second try on another engine. 0 or -errno. */
static int share_listeners(const struct team_setup *setup, unsigned i, struct loop_setup *loop)
{
    loop->tls_listener = -1;
    loop->listener = fcntl(setup->listeners[i], F_DUPFD_CLOEXEC, 0);
    if (loop->listener >= 0 && setup->tls_listeners)
        loop->tls_listener = fcntl(setup->tls_listeners[i], F_DUPFD_CLOEXEC, 0);
    if (loop->listener >= 0 && (loop->tls_listener >= 0 || !setup->tls_listeners))
        return 0;
    int error = -errno;
    close_listeners(loop);
    return error;
}

static int start_worker(struct team *team, const struct team_setup *setup)
{
    unsigned i = team->count;
    struct loop_setup loop = {
        .config = setup->config,
        .engine = team->engine,
        .tls = setup->tls,
        .root = setup->root,
        .root_path = setup->root_path,
        .notices = &team->notices,
        .mime = setup->mime,
        .book = setup->book,
        .log = setup->log,
        .clock_ms = clock_ms,
        .delay_ms = misuse_delay_ms,
    };

    int error = share_listeners(setup, i, &loop);
    if (error)
        return error;
    error = worker_start(&team->workers[i], &loop, setup->config->cpus[i], team->done);
    if (error)
        close_listeners(&loop);
    return error;
}

static int start_workers(struct team *team, const struct team_setup *setup)
{
    int error = 0;

    team->count = 0;
    while (team->count < setup->config->cores && !error) {
        error = start_worker(team, setup);
        team->count += error == 0;
    }
    while (!error && (error = progress(team)) > 0) {
        wait_for_flag(team->done);
        error = 0;
    }
    return error;
}

/* End those that did start. */
static void give_up(struct team *team)
{
    team_give(team, WORKER_STOP);
    for (unsigned i = 0; i < team->count; i++) {
        struct worker *worker = &team->workers[i];
        worker_join(worker);
        if (atomic_load(&worker->started) < 0)
            close_listeners(&worker->setup);
    }
    team->count = 0;
}

static const struct io_engine *first_choice(enum engine_choice choice)
{
    return choice == ENGINE_EPOLL ? &io_epoll_engine : &io_uring_engine;
}

/* What would allow a ring, by the errno that refused it. */
static const char *remedy(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "it is forbidden here; set sysctl kernel.io_uring_disabled=0 or allow "
               "io_uring_setup, "
               "io_uring_enter and io_uring_register in the seccomp profile";
    case ENOSYS:
        return io_uring_built_in()
                   ? "this kernel has none or hides it; use Linux 6.1 or newer, with a "
                     "seccomp profile that allows it"
                   : "this build has only epoll; use the ringlet binary";
    case ENOMEM:
        return "memory for the ring is refused; raise the memory limit or RLIMIT_MEMLOCK (ulimit "
               "-l)";
    case EINVAL:
        return "this kernel lacks what it needs; use Linux 6.1 or newer";
    default:
        return "see io_uring_setup(2)";
    }
}

static void describe(struct sentence *sentence, const char *before, const struct team *team,
                     int error, const char *after)
{
    bool ring = team->engine == &io_uring_engine;

    if (error == -ECANCELED) {
        sentence_set(sentence, "the program could not make the state of a core");
        return;
    }
    sentence_set(sentence, "%s%s can't be had: %s (%s)%s", before, team->engine->name,
                 strerror(-error), ring ? remedy(-error) : "see the limits of the process", after);
}

static int start_on_engine(struct team *team, const struct team_setup *setup, struct sentence *note)
{
    int error = start_workers(team, setup);

    if (!error)
        return 0;
    give_up(team);
    if (setup->config->engine != ENGINE_AUTO || error == -ECANCELED)
        return error;
    describe(note, "", team, error, "; serving with epoll instead");
    team->engine = &io_epoll_engine;
    error = start_workers(team, setup);
    if (error)
        give_up(team);
    return error;
}

static void forget(struct team *team)
{
    free(team->workers);
    if (team->done >= 0)
        close(team->done);
}

int team_start(struct team *team, const struct team_setup *setup, struct sentence *note,
               struct sentence *why)
{
    note->text[0] = '\0';
    *team = (struct team){
        .engine = first_choice(setup->config->engine),
        .workers = calloc(setup->config->cores, sizeof(struct worker)),
        .done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    int error = team->workers && team->done >= 0 ? start_on_engine(team, setup, note) : -ENOMEM;
    if (error) {
        describe(why, "--engine: ", team, error, "");
        forget(team);
        return error;
    }
    for (unsigned i = 0; i < setup->config->cores; i++)
        close(setup->listeners[i]);
    for (unsigned i = 0; setup->tls_listeners && i < setup->config->cores; i++)
        close(setup->tls_listeners[i]);
    return 0;
}

void team_renew(struct team *team, const struct tls_config *tls)
{
    for (unsigned i = 0; i < team->count; i++)
        worker_renew(&team->workers[i], tls);
}

bool team_is_renewing(struct team *team)
{
    for (unsigned i = 0; i < team->count; i++)
        if (worker_is_renewing(&team->workers[i]))
            return true;
    return false;
}

bool team_is_over(struct team *team)
{
    lower_flag(team->done);
    for (unsigned i = 0; i < team->count; i++)
        if (!atomic_load(&team->workers[i].over))
            return false;
    return true;
}

unsigned team_join(struct team *team, bool *clean)
{
    unsigned cut = 0;

    *clean = true;
    for (unsigned i = 0; i < team->count; i++) {
        worker_join(&team->workers[i]);
        cut += team->workers[i].cut;
        *clean = *clean && team->workers[i].clean;
    }
    if (*clean)
        forget(team); /* otherwise a thread still looks at its worker */
    return cut;
}

#include "fake_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CLOCK_START_MS = 1000000, BUFFERS_MIN = 128 };

/* --- chance and time --- */

/* splitmix64 */
static uint64_t random_next(struct io *io)
{
    uint64_t z = io->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint64_t fake_io_random(struct io *io, uint64_t below)
{
    CHECK(below > 0);
    return random_next(io) % below;
}

bool fake_luck(struct io *io, unsigned odds)
{
    return odds > 0 && random_next(io) % FAKE_CERTAIN < odds;
}

void fake_io_seed(struct io *io, uint64_t seed)
{
    io->random = seed;
    /* Each seed has its own weather: some of the odds are 0 in many of them. The largest still let
     * everything happen in the end. */
    unsigned odds[5];
    for (int i = 0; i < 5; i++)
        odds[i] = fake_luck(io, FAKE_CERTAIN / 3) ? 0 : (unsigned)fake_io_random(io, 200);
    io->odds = (struct fake_io_odds){ odds[0], odds[1], odds[2], odds[3], odds[4], 0, 0 };
}

void fake_io_set_odds(struct io *io, const struct fake_io_odds *odds)
{
    CHECK(odds->delay < FAKE_CERTAIN && odds->starve < FAKE_CERTAIN && odds->accept < FAKE_CERTAIN);
    io->odds = *odds;
}

struct fake_io_odds fake_io_odds(const struct io *io)
{
    return io->odds;
}

uint64_t fake_io_clock_ms(const struct io *io)
{
    return io->clock_ms;
}

void fake_io_advance(struct io *io, uint64_t ms)
{
    io->clock_ms += ms;
}

/* --- faults --- */

bool fake_fault_strikes(struct fake_fault *fault)
{
    return fault->nth > 0 && --fault->nth == 0;
}

void fake_io_fail_file(struct io *io, enum io_file_kind kind, int error, unsigned nth)
{
    io->file_faults[kind] = (struct fake_fault){ error, nth };
}

void fake_io_fail_accept(struct io *io, int error, unsigned nth)
{
    io->accept_fault = (struct fake_fault){ error, nth };
}

/* --- opening and freeing --- */

static void check_thread(const struct io *io)
{
    CHECK(pthread_equal(io->owner, pthread_self()));
}

static int engine_open(struct io **out, const struct io_config *config)
{
    struct io *io = calloc(1, sizeof *io);

    CHECK(io);
    CHECK(config->socks_max > 0 && config->buffer_size > 0);
    CHECK(config->buffers >= BUFFERS_MIN && (config->buffers & (config->buffers - 1)) == 0);
    io->owner = pthread_self();
    io->config = *config;
    io->clock_ms = CLOCK_START_MS;
    io->fd_next = FAKE_FD_FIRST;
    io->leases = calloc(config->buffers, sizeof *io->leases);
    io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(io->leases && io->epoll_fd >= 0);
    list_init(&io->waiting);
    list_init(&io->conns);
    list_init(&io->tasks);
    list_init(&io->watches);
    *out = io;
    return 0;
}

static void free_conns(struct list *list)
{
    for (struct list *node = list_first(list); node; node = list_first(list)) {
        struct fake_peer *conn = CONTAINER_OF(node, struct fake_peer, link);
        conn->stage = FAKE_DETACHED;
        conn->peer_gone = true;
        fake_conn_release(conn);
    }
}

static void engine_free(struct io *io)
{
    check_thread(io);
    CHECK(io->stats.leases == 0);
    CHECK(io->stats.socks == 0);
    CHECK(list_empty(&io->tasks));
    CHECK(list_empty(&io->watches));
    CHECK(!io->accepting);
    free_conns(&io->waiting);
    free_conns(&io->conns);
    close(io->epoll_fd);
    free(io->leases);
    free(io);
}

/* --- accepting --- */

static void engine_accept(struct io *io, int listener)
{
    check_thread(io);
    CHECK(!io->accepting);
    io->accepting = true;
    io->stopping = false;
    io->listener = listener;
}

static void engine_stop_accept(struct io *io, int listener)
{
    check_thread(io);
    /* The batch in hand may hold that accepting stopped by itself, so this is no mistake. */
    if (!io->accepting)
        return;
    CHECK(io->listener == listener && !io->stopping);
    io->stopping = true;
}

static void accept_one(struct io *io, struct fake_batch *batch)
{
    struct fake_peer *conn = CONTAINER_OF(list_take(&io->waiting), struct fake_peer, link);
    struct io_event *event = fake_emit(io, batch, IO_ACCEPTED);

    conn->stage = FAKE_ACCEPTED;
    list_append(&io->conns, &conn->link);
    event->listener = io->listener;
    event->result = conn->fd;
}

static void accept_ended(struct io *io, struct fake_batch *batch, int result)
{
    struct io_event *event = fake_emit(io, batch, IO_ACCEPT_STOPPED);

    event->listener = io->listener;
    event->result = result;
    io->accepting = false;
}

static bool accept_step(struct io *io, struct fake_batch *batch)
{
    if (!io->accepting || (list_empty(&io->waiting) && !io->stopping))
        return false;
    while (!fake_batch_full(batch) && !fake_luck(io, io->odds.delay)) {
        if (list_empty(&io->waiting)) {
            if (io->stopping)
                accept_ended(io, batch, 0);
            return true;
        }
        if (fake_fault_strikes(&io->accept_fault)) {
            accept_ended(io, batch, -io->accept_fault.error);
            return true;
        }
        if (fake_luck(io, io->odds.accept)) {
            accept_ended(io, batch, -EMFILE);
            return true;
        }
        accept_one(io, batch);
    }
    return true;
}

/* --- sockets --- */

static struct fake_peer *conn_of(struct io *io, const struct io_sock *sock)
{
    check_thread(io);
    struct fake_peer *conn = sock->message.msg_control;
    CHECK(conn); /* not attached, or closed */
    CHECK(conn->io == io && conn->sock == sock);
    return conn;
}

/* The socket of a call that may not come after close. */
static struct fake_peer *open_conn_of(struct io *io, const struct io_sock *sock)
{
    struct fake_peer *conn = conn_of(io, sock);

    CHECK(conn->closing == FAKE_OPEN);
    return conn;
}

static struct fake_peer *accepted_conn(struct io *io, int fd)
{
    for (struct list *node = io->conns.next; node != &io->conns; node = node->next) {
        struct fake_peer *conn = CONTAINER_OF(node, struct fake_peer, link);
        if (conn->fd == fd && conn->stage == FAKE_ACCEPTED)
            return conn;
    }
    CHECK(false); /* no descriptor that was accepted and is not attached */
    return NULL;
}

static void engine_attach(struct io *io, struct io_sock *sock, int fd)
{
    check_thread(io);
    CHECK(!sock->message.msg_control); /* attached already, or its memory was not zeroed */
    CHECK(io->stats.socks < io->config.socks_max);
    struct fake_peer *conn = accepted_conn(io, fd);

    conn->stage = FAKE_ATTACHED;
    conn->sock = sock;
    conn->generation = sock->generation;
    sock->message.msg_control = conn; /* of the engine's own part, a pointer we have no use for */
    sock->fd = fd;
    sock->sent = 0;
    sock->leases = 0;
    io->stats.socks++;
}

static void engine_pause(struct io *io, struct io_sock *sock)
{
    struct fake_peer *conn = open_conn_of(io, sock);

    if (conn->paused)
        return;
    conn->paused = true;
    conn->under_way = 0;
    if (fake_luck(io, io->odds.overshoot))
        conn->under_way = (unsigned)fake_io_random(io, IO_SOCK_LEASES_MAX + 1);
}

static void engine_resume(struct io *io, struct io_sock *sock)
{
    struct fake_peer *conn = open_conn_of(io, sock);

    if (!conn->paused)
        return;
    conn->paused = false;
    conn->under_way = 0;
}

static void engine_send(struct io *io, struct io_sock *sock, const struct iovec *iov, int n)
{
    CHECK(n >= 1 && n <= IO_IOV_MAX);
    fake_conn_send(open_conn_of(io, sock), iov, n, -1, 0, 0);
}

static void engine_send_file(struct io *io, struct io_sock *sock, const struct iovec *iov, int n,
                             int fd, off_t offset, size_t len)
{
    CHECK(n >= 0 && n <= IO_IOV_MAX);
    CHECK(fcntl(fd, F_GETFD) >= 0 && offset >= 0);
    fake_conn_send(open_conn_of(io, sock), iov, n, fd, offset, len);
}

static void engine_close(struct io *io, struct io_sock *sock, enum io_close_how how)
{
    struct fake_peer *conn = conn_of(io, sock);

    CHECK(conn->closing == FAKE_OPEN ||
          (conn->closing != FAKE_RESETTING && how == IO_CLOSE_RESET));
    if (how == IO_CLOSE_RESET)
        conn->closing = FAKE_RESETTING;
    else if (how == IO_CLOSE_FIN && !conn->send.active)
        conn->closing = FAKE_PARTING;
    else
        conn->closing = FAKE_LINGERING;
}

static void engine_give_back(struct io *io, int lease)
{
    check_thread(io);
    CHECK(lease >= 0 && (unsigned)lease < io->config.buffers);
    struct fake_lease *lent = &io->leases[lease];

    CHECK(lent->bytes); /* not lent, or given back already */
    if (lent->conn)
        lent->conn->sock->leases--;
    free(lent->bytes);
    *lent = (struct fake_lease){ 0 };
    io->stats.leases--;
}

/* --- files, jobs, watches --- */

static void engine_file(struct io *io, struct io_file_op *op)
{
    check_thread(io);
    fake_task_add(io, op, NULL);
}

static void engine_work(struct io *io, struct io_job *job)
{
    check_thread(io);
    CHECK(job->run);
    fake_task_add(io, NULL, job);
}

static void engine_watch(struct io *io, struct io_watch *watch)
{
    check_thread(io);
    fake_watch_add(io, watch);
}

static void engine_unwatch(struct io *io, struct io_watch *watch)
{
    check_thread(io);
    fake_watch_remove(io, watch);
}

/* --- waiting --- */

struct io_event *fake_emit(struct io *io, struct fake_batch *batch, enum io_event_kind kind)
{
    CHECK(batch->len < batch->max);
    struct io_event *event = &batch->events[batch->len++];

    memset(event, 0, sizeof *event);
    event->kind = kind;
    io->stats.events++;
    return event;
}

/* Let another connection be the first one in the next step. */
static void rotate_conns(struct io *io)
{
    if (io->odds.delay == 0 || list_empty(&io->conns))
        return;
    struct list *next = &io->conns;
    for (uint64_t turns = fake_io_random(io, 8); turns > 0; turns--)
        next = next->next;
    if (next == &io->conns)
        return;
    list_remove(&io->conns);
    list_append(next, &io->conns);
}

static bool conns_step(struct io *io, struct fake_batch *batch)
{
    bool possible = false;

    rotate_conns(io);
    for (struct list *node = io->conns.next, *next; node != &io->conns; node = next) {
        struct fake_peer *conn = CONTAINER_OF(node, struct fake_peer, link);
        next = node->next;
        if (conn->stage == FAKE_ATTACHED)
            possible = fake_conn_step(io, conn, batch) || possible;
    }
    return possible;
}

static bool (*const steps[])(struct io *, struct fake_batch *) = {
    accept_step, conns_step, fake_tasks_step, fake_watches_step,
};

/* One step of the whole world. Returns whether anything can still happen by itself. */
static bool world_step(struct io *io, struct fake_batch *batch)
{
    size_t count = sizeof steps / sizeof *steps;
    size_t first = io->odds.delay ? (size_t)fake_io_random(io, count) : 0;
    bool possible = false;

    for (size_t i = 0; i < count; i++)
        possible = steps[(first + i) % count](io, batch) || possible;
    return possible;
}

/* Nothing can happen in here, but a helper or another process may bring something. Polling finds it
 * soon enough, and leaves the edges for fake_watches_step. */
static void sleep_for_outside(const struct io *io, int timeout_ms)
{
    bool outside = io->tasks_running > 0 || !list_empty(&io->watches);

    CHECK(outside || timeout_ms >= 0); /* otherwise nothing would ever end this wait */
    if (io->tasks_running > 0 || timeout_ms < 0)
        usleep(1000);
}

static int engine_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    struct fake_batch batch = { events, max, 0 };

    check_thread(io);
    CHECK(max >= IO_EVENTS_MIN && timeout_ms >= -1);
    io->stats.waits++;
    for (;;) {
        bool possible = world_step(io, &batch);
        if (batch.len > 0 || timeout_ms == 0)
            return batch.len;
        if (possible && fake_luck(io, io->odds.interrupt))
            return 0;
        if (possible)
            continue;
        sleep_for_outside(io, timeout_ms);
        if (timeout_ms > 0 && !fake_tasks_soon(io)) {
            io->clock_ms += (uint64_t)timeout_ms;
            return 0;
        }
    }
}

static struct io_stats engine_stats(const struct io *io)
{
    return io->stats;
}

const struct io_engine fake_io_engine = {
    .name = "fake",
    .open = engine_open,
    .free = engine_free,
    .accept = engine_accept,
    .stop_accept = engine_stop_accept,
    .attach = engine_attach,
    .pause = engine_pause,
    .resume = engine_resume,
    .send = engine_send,
    .send_file = engine_send_file,
    .file = engine_file,
    .work = engine_work,
    .watch = engine_watch,
    .unwatch = engine_unwatch,
    .close = engine_close,
    .give_back = engine_give_back,
    .wait = engine_wait,
    .stats = engine_stats,
};

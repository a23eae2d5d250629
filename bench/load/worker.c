#include "load/worker.h"

#include "load/exchange.h"
#include "load/opener.h"
#include "load/pause.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MS      UINT64_C(1000000)
#define SECOND  UINT64_C(1000000000)
#define FOREVER UINT64_MAX

#define PAUSE_WANTED UINT64_MAX /* user data, which no connection has */

enum {
    RING_ENTRIES_MIN = 64,
    RING_ENTRIES_MAX = 4096,
    CHECK_BATCH = 256,      /* connections whose patience is looked at in one turn */
    CHECKS_PER_TIMEOUT = 8, /* how often each is looked at until its patience ends */
    SLEEP_MAX_MS = 100,     /* a turn at least this often */
    END_MAX_MS = 1000,      /* to wait for the kernel to let go of what it holds */
    SAMPLES_PER_SECOND = 1000 / LOAD_RATE_SAMPLE_MS,
};

/* ---- memory ---- */

static bool take_memory(struct worker *w)
{
    struct core *core = &w->core;
    size_t run = w->plan->requests.run, size = exchange_buffer_size(w->plan);

    core->count = w->active + w->idle;
    core->active = w->active;
    core->conns = calloc(core->count, sizeof *core->conns);
    core->queue = calloc(core->count, sizeof *core->queue);
    core->memories = calloc(CORE_MEMORIES, sizeof *core->memories);
    core->lengths = calloc(w->plan->requests.count, sizeof *core->lengths);
    w->buffers = malloc(core->count * size);
    w->times = calloc(core->count * run, sizeof *w->times);
    if (!core->conns || !core->queue || !core->memories || !core->lengths || !w->buffers ||
        !w->times)
        return false;
    for (unsigned i = 0; i < w->plan->requests.count; i++)
        core->lengths[i] = w->plan->options->expect_length_given ? w->plan->options->expect_length
                                                                 : CORE_LENGTH_UNKNOWN;
    for (unsigned i = 0; i < core->count; i++)
        core->conns[i] = (struct conn){
            .fd = -1,
            .in = w->buffers + i * size,
            .times = w->times + i * run,
            .index = i,
            .place = w->first + i,
            .url = (w->first + i) % w->plan->requests.count,
            .idle = i >= w->active,
        };
    return true;
}

static void give_memory_back(struct worker *w)
{
    struct core *core = &w->core;

    for (unsigned i = 0; core->conns && i < core->count; i++)
        tls_ticket_free(core->conns[i].ticket);
    free(core->conns);
    free(core->queue);
    free(core->memories);
    free(core->lengths);
    free(w->buffers);
    free(w->times);
}

/* ---- a turn ---- */

/* The clock of the run, which stands still in a pause. */
static uint64_t run_now(const struct worker *w)
{
    return busy_now() - w->paused_ns;
}

/* What is there now; what comes meanwhile belongs to the next turn and its time. */
static void complete_all(struct worker *w)
{
    struct core *core = &w->core;
    unsigned count = ring_completed(&core->ring);

    for (unsigned i = 0; i < count; i++) {
        const struct io_uring_cqe *cqe = ring_completion(&core->ring, i);

        if (cqe->user_data == PAUSE_WANTED)
            w->pause_wanted = true;
        else
            conn_complete(core, cqe->user_data, cqe->res);
    }
    ring_advance(&core->ring, count);
}

/* When to look again at what no completion tells: slices, so that no turn takes long. */
static uint64_t check_every(const struct worker *w)
{
    uint64_t slices = w->core.count / CHECK_BATCH + 1;

    return w->plan->options->timeout_ns / CHECKS_PER_TIMEOUT / slices;
}

static void check_patience(struct worker *w)
{
    struct core *core = &w->core;

    if (core->now < w->check_at)
        return;
    for (unsigned i = 0; i < CHECK_BATCH && i < core->count; i++) {
        conn_check_patience(core, &core->conns[w->check_next]);
        w->check_next = w->check_next + 1 < core->count ? w->check_next + 1 : 0;
    }
    w->check_at = core->now + check_every(w);
}

/* Enter the kernel, then do what has become possible; `until` is when to be back. */
static void turn(struct worker *w, uint64_t until)
{
    struct core *core = &w->core;
    bool sleep = until > core->now;
    uint64_t longest = until - core->now;

    ring_enter(&core->ring, sleep, longest < SLEEP_MAX_MS * MS ? longest : SLEEP_MAX_MS * MS);
    core->now = run_now(w);
    complete_all(w);
    opener_run(core);
    check_patience(w);
}

/* ---- setting up ---- */

/* Nothing has worked for as long as an answer may take. */
static bool has_lost_patience(const struct worker *w)
{
    return w->core.now >= w->core.good_at + w->plan->options->timeout_ns;
}

static void give_up(struct worker *w)
{
    const struct core *core = &w->core;

    w->failed = true;
    sentence_set(&w->why, "%u of %u connections to %s stand, and no more: %s", core->open,
                 core->count, w->plan->address_text,
                 core->last_failure ? core->last_failure : strerror(core->last_errno));
}

static bool set_up(struct worker *w)
{
    struct core *core = &w->core;
    unsigned first = w->plan->options->new_connection ? core->active : 0;
    unsigned entries = core->count * 2;
    int result;

    core->plan = w->plan;
    core->result = w->result;
    core->run = w->plan->requests.run;
    core->buffer_size = exchange_buffer_size(w->plan);
    core->per_request = w->plan->options->new_connection;
    core->resume = w->plan->options->tls_resume;
    core->expect_status = (unsigned)w->plan->options->expect_status;
    core->last_errno = ETIMEDOUT;
    entries = entries < RING_ENTRIES_MIN ? RING_ENTRIES_MIN : entries;
    entries = entries > RING_ENTRIES_MAX ? RING_ENTRIES_MAX : entries;
    result = ring_open(&core->ring, entries, entries * 2);
    if (result < 0) {
        sentence_set(&w->why, "no io_uring: %s", strerror(-result));
        return false;
    }
    if (!take_memory(w)) {
        sentence_set(&w->why, "no memory for %u connections", core->count);
        ring_free(&core->ring);
        return false;
    }
    core->now = core->good_at = busy_now();
    for (unsigned i = first; i < core->count; i++)
        opener_add(core, &core->conns[i]);
    return true;
}

static void connect_all(struct worker *w)
{
    struct core *core = &w->core;
    unsigned wanted = w->plan->options->new_connection ? w->idle : core->count;

    opener_run(core);
    while (core->settled < wanted && !w->failed) {
        turn(w, core->now + MS);
        if (has_lost_patience(w))
            give_up(w);
    }
}

/* ---- the run ---- */

static void begin_window(struct worker *w)
{
    w->core.measuring = w->core.recording = true;
    w->begun_at = w->core.now;
    w->begun = busy_begin();
    w->spun_ns = 0;
    w->sample = 0;
    w->sample_at = w->core.now + LOAD_RATE_SAMPLE_MS * MS;
}

static void end_window(struct worker *w)
{
    struct load_result *r = w->result;

    w->core.measuring = false;
    w->share = busy_end(&w->begun, w->spun_ns);
    r->cpu_ns = w->share.cpu_ns;
    r->busy = w->share.busy;
    r->seconds = (double)(w->core.now - w->begun_at) / (double)SECOND;
}

static void sample_rate(struct worker *w)
{
    uint64_t requests = w->result->requests;

    if (!w->core.measuring || w->core.now < w->sample_at)
        return;
    histogram_record(&w->result->rates, (requests - w->sample) * SAMPLES_PER_SECOND);
    w->sample = requests;
    w->sample_at += LOAD_RATE_SAMPLE_MS * MS;
}

static uint64_t next_due(const struct worker *w)
{
    const struct core *core = &w->core;

    return schedule_due(&core->schedule, core->conns[w->schedule_next].place, w->schedule_round);
}

static void come_due(struct worker *w, uint64_t due)
{
    struct core *core = &w->core;
    struct conn *c = &core->conns[w->schedule_next];

    c->due++;
    core->owed++;
    core->due_in_window += due >= core->window_begin;
    if (c->state == CONN_OPEN)
        conn_send(core, c);
    else
        opener_add(core, c);
    if (++w->schedule_next == core->active) {
        w->schedule_next = 0;
        w->schedule_round++;
    }
}

/* All that is due by now. Returns when the next will be; FOREVER after the window's end. */
static uint64_t issue_due(struct worker *w)
{
    struct core *core = &w->core;
    uint64_t due;

    while ((due = next_due(w)) <= core->now && due < core->window_end)
        come_due(w, due);
    opener_run(core);
    return due < core->window_end ? due : FOREVER;
}

/* Poll until something has happened or it is time, without entering the kernel for nothing. */
static void spin(struct worker *w, uint64_t until)
{
    struct core *core = &w->core;
    uint64_t from = core->now;

    while (core->now < until && !ring_has_news(&core->ring))
        core->now = run_now(w);
    w->spun_ns += core->now - from;
}

static void turn_until_due(struct worker *w, uint64_t due)
{
    struct core *core = &w->core;
    uint64_t spin_ns = w->plan->options->spin_ns;
    uint64_t until = due < core->window_end ? due : core->window_end;

    if (until > core->now + spin_ns) {
        turn(w, until - spin_ns);
        return;
    }
    if (ring_pending(&core->ring) > 0)
        turn(w, 0);
    else
        spin(w, until);
    if (ring_has_news(&core->ring))
        turn(w, 0);
}

/* ---- a pause ---- */

static void await_pause(struct worker *w)
{
    w->pause_wanted = false;
    if (w->pause_fd >= 0)
        ring_next(&w->core.ring, IORING_OP_POLL_ADD, w->pause_fd, PAUSE_WANTED)->poll32_events =
            POLLIN;
}

/* Come to rest, stop, and go on as if no time had passed. Whoever pauses it in its warm-up has
 * warmed it up: the window begins. */
static void pause_run(struct worker *w)
{
    struct core *core = &w->core;
    uint64_t from = core->now, before = w->paused_ns;
    uint64_t patience = from + w->plan->options->timeout_ns;

    while (core->owed > 0 && core->now < patience)
        turn(w, patience);
    if (!core->measuring) {
        core->window_begin = from;
        core->window_end = from + w->plan->options->duration_ns;
    }
    await_pause(w);
    pause_take(w->pause_fd);
    w->paused_ns = busy_now() - from;
    busy_leave_out(&w->begun, w->paused_ns - before);
    core->now = from;
}

/* ---- the run ---- */

/* In a closed loop every connection sends by itself once it has begun. */
static void begin_closed_loop(struct worker *w)
{
    struct core *core = &w->core;

    for (unsigned i = 0; i < core->active; i++) {
        if (core->conns[i].state == CONN_OPEN)
            conn_send(core, &core->conns[i]);
        else
            opener_add(core, &core->conns[i]);
    }
    opener_run(core);
}

static bool nothing_works(const struct worker *w)
{
    return w->core.open == 0 && w->core.retry_ns > 0 && has_lost_patience(w);
}

static void run(struct worker *w)
{
    struct core *core = &w->core;
    const struct options *o = w->plan->options;

    core->schedule = (struct schedule){ w->meeting->begin, o->rate, o->connections };
    core->window_begin = w->meeting->begin + o->warmup_ns;
    core->window_end = core->window_begin + o->duration_ns;
    while ((core->now = run_now(w)) < w->meeting->begin)
        turn(w, w->meeting->begin);
    core->sending = true;
    core->good_at = core->now;
    await_pause(w);
    if (o->rate == 0)
        begin_closed_loop(w);
    while (core->now < core->window_end && !w->failed) {
        if (!core->measuring && core->now >= core->window_begin)
            begin_window(w);
        if (o->rate > 0)
            turn_until_due(w, issue_due(w));
        else
            turn(w, core->window_end);
        sample_rate(w);
        if (w->pause_wanted)
            pause_run(w);
        if (nothing_works(w))
            give_up(w);
    }
    if (core->measuring)
        end_window(w);
}

/* What was due is still sent and waited for, so that the longest latencies are not left out. */
static void drain(struct worker *w)
{
    struct core *core = &w->core;
    uint64_t end = core->window_end + w->plan->options->timeout_ns;

    core->sending = false;
    if (w->plan->options->rate > 0)
        issue_due(w);
    while (core->owed > 0 && core->now < end && !w->failed)
        turn(w, end);
    for (unsigned i = core->active; i < core->count; i++)
        if (!conn_stands(&core->conns[i]))
            core_error(core, LOAD_ERROR_READ, 1);
    core->recording = false;
    w->due = core->due_in_window;
    w->in_time = core->in_time;
}

/* ---- the end ---- */

static bool all_closed(const struct core *core)
{
    for (unsigned i = 0; i < core->count; i++)
        if (core->conns[i].state != CONN_CLOSED)
            return false;
    return true;
}

/* What the kernel does not let go of in time keeps its memory: the process ends soon. */
static void close_all(struct worker *w)
{
    struct core *core = &w->core;
    uint64_t end = core->now + END_MAX_MS * MS;

    core->ending = true;
    core->sending = false;
    for (unsigned i = 0; i < core->count; i++)
        conn_end(core, &core->conns[i]);
    while (!all_closed(core) && core->now < end)
        turn(w, end);
    bool closed = all_closed(core);

    ring_free(&core->ring);
    if (closed)
        give_memory_back(w);
}

static void pin(const struct worker *w)
{
    cpu_set_t set;

    prctl(PR_SET_TIMERSLACK, 1); /* ns; sleeping is else up to 50 us longer than asked for */
    if (w->cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)w->cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

void *worker_run(void *worker)
{
    struct worker *w = worker;

    pin(w);
    w->pause_fd = pause_is_possible(w->plan->options) ? pause_open() : -1;
    bool stands = set_up(w);

    w->failed = !stands;
    if (stands)
        connect_all(w);
    pthread_barrier_wait(&w->meeting->ready);
    pthread_barrier_wait(&w->meeting->go);
    if (stands && !w->meeting->called_off) {
        run(w);
        drain(w);
    }
    if (stands)
        close_all(w);
    if (w->pause_fd >= 0)
        close(w->pause_fd);
    return NULL;
}

#include "server/loop.h"

#include "base/check.h"
#include "base/clock.h"
#include "server/conn.h"
#include "server/conn_slab.h"
#include "server/entrance.h"
#include "server/express.h"
#include "server/fills.h"
#include "server/handle.h"
#include "server/late.h"
#include "server/limits.h"
#include "server/lookout.h"
#include "server/rule_watch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* What is held back counts among the descriptors of a core that are no connections. */
static_assert((int)SPARES_MAX < (int)LIMITS_FILES_CORE, "spares have room");

static void end_fill(struct core *core, struct site_fill *fill)
{
    conn_filled(core, fill);
    site_fill_end(&core->site, fill);
}

static void filled(struct loop *loop, const struct io_event *event)
{
    struct core *core = &loop->core;
    struct file_want *want;
    struct str bytes;
    int error;

    if (file_reads_done(core, event, &want, &bytes, &error)) {
        if (want)
            conn_read(core, want, bytes, error);
        file_reads_end(core, event);
        return;
    }
    struct site_fill *fill = fills_done(core, event);
    if (fill)
        end_fill(core, fill);
}

static void worked(struct loop *loop, const struct io_event *event)
{
    struct core *core = &loop->core;

    if (event->job == &loop->batch.job) {
        access_batch_worked(&loop->batch, core->now_ms);
        return;
    }
    if (rule_watch_worked(core, event) || makings_worked(core, event))
        return;
    struct site_fill *fill = fills_worked(core, event);
    if (fill)
        end_fill(core, fill);
}

static void take_order(struct loop *loop)
{
    uint64_t count;

    if (read(loop->setup.orders, &count, sizeof count) > 0)
        loop->ordered = true;
}

/* Other than what each exchange brings. */
static void handle_other(struct loop *loop, const struct io_event *event)
{
    struct core *core = &loop->core;

    switch (event->kind) {
    case IO_RECEIVED:
    case IO_SENT:
        break;
    case IO_ENDED:
        conn_ended(core, event);
        break;
    case IO_CLOSED:
        conn_closed(core, event);
        entrance_admit(&loop->entrance);
        break;
    case IO_ACCEPTED:
        entrance_accepted(&loop->entrance, event);
        break;
    case IO_ACCEPT_STOPPED:
        entrance_stopped(&loop->entrance, event);
        break;
    case IO_FILE_DONE:
        filled(loop, event);
        break;
    case IO_WORKED:
        worked(loop, event);
        break;
    case IO_READY:
        if (event->watch == &loop->watch)
            take_order(loop);
        else if (event->watch == &loop->watcher.watch)
            watcher_read(&loop->watcher, &core->site, core->now_ms);
        else
            lookout_ready(core, event->watch);
        break;
    case IO_UNWATCHED:
        if (event->watch == &loop->watch)
            loop->watching = false;
        else if (event->watch == &loop->watcher.watch)
            loop->watcher.watching = false;
        else
            lookout_over(core, event->watch);
        break;
    }
}

static void read_clocks(struct loop *loop)
{
    struct core *core = &loop->core;
    int64_t now = clock_unix();

    core->now_ms = loop->setup.clock_ms();
    core->now_unix = now;
    if (core->clocks[0].unix_time != now) {
        reply_clock_set(&core->clocks[0], now);
        reply_clock_set(&core->clocks[1], now);
    }
}

static bool has_passed(const struct loop *loop, uint32_t ms)
{
    return loop->core.now_ms - loop->stage_since_ms >= ms;
}

static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int left_ms(uint64_t at, uint64_t now)
{
    return at > now ? (int)(at - now) : 0;
}

static int wait_ms(const struct loop *loop)
{
    const struct core *core = &loop->core;
    uint64_t now = core->now_ms;
    int ms = sooner(deadlines_wait_ms(&core->deadlines, now), late_wait_ms(core));

    if (core->log)
        ms = sooner(ms, access_batch_due_ms(core->log, now));
    ms = sooner(ms, entrance_wait_ms(&loop->entrance));
    if (!fills_have_spares(core))
        ms = sooner(ms, ENTRANCE_RETRY_MS);
    if (core->conn_count > 0 && !root_is_watched(&core->site.root))
        ms = sooner(ms, ROOT_CHECK_MS);
    if (loop->stage == LOOP_SERVING)
        ms = sooner(ms, rule_watch_wait_ms(core));
    if (loop->watcher.more)
        ms = 0;
    if (loop->stage == LOOP_DRAINING)
        ms = sooner(ms, left_ms(loop->stage_since_ms + core->config->drain_ms, now));
    if (loop->stage == LOOP_STOPPING)
        ms = sooner(ms, left_ms(loop->stage_since_ms + LOOP_STOP_MS, now));
    return ms;
}

static void give_up_fills(struct loop *loop, uint64_t before_ms)
{
    struct site_fill *fill;

    while ((fill = fills_give_up(&loop->core, before_ms)))
        end_fill(&loop->core, fill);
}

/* Files go before connections that are not accepted yet. */
static void find_descriptors(struct loop *loop)
{
    struct core *core = &loop->core;

    if (loop->stage == LOOP_STOPPING) {
        give_up_fills(loop, UINT64_MAX);
        return;
    }

    if (!list_empty(&core->put_off))
        entrance_pause(&loop->entrance);
    if (entrance_is_paused(&loop->entrance))
        fills_retry(core);
    if (core->now_ms > FILLS_PATIENCE_MS)
        give_up_fills(loop, core->now_ms - FILLS_PATIENCE_MS);
    if (fills_have_spares(core))
        entrance_admit(&loop->entrance);
}

/* What is due by the clock, not by an event. */
static void keep_time(struct loop *loop)
{
    struct core *core = &loop->core;

    conn_expire(core);
    late_call(core);
    conn_put_late(core);
    if (loop->watcher.more)
        watcher_read(&loop->watcher, &core->site, core->now_ms);
    watcher_tidy(&loop->watcher, &core->site);
    fills_look_at_root(core);
    if (loop->stage == LOOP_SERVING)
        rule_watch_turn(core);
    fills_close_dead(core);
    if (!fills_have_spares(core))
        find_descriptors(loop);
    entrance_turn(&loop->entrance);
    if (core->log && loop->stage == LOOP_SERVING)
        access_batch_flush_due(core->log, core->now_ms);
    else if (core->log)
        access_batch_flush(core->log);
    if (loop->stage == LOOP_DRAINING && has_passed(loop, core->config->drain_ms))
        loop_stop(loop);
}

void loop_turn(struct loop *loop)
{
    const struct input_source *source = &loop->core.source;
    int count = source->engine->wait(source->io, loop->events, LOOP_EVENTS, wait_ms(loop));

    read_clocks(loop);
    for (const struct io_event *event = loop->events; event < loop->events + count; event++) {
        if (event->kind == IO_RECEIVED)
            conn_received(&loop->core, event);
        else if (event->kind == IO_SENT)
            conn_sent(&loop->core, event);
        else
            handle_other(loop, event);
    }
    keep_time(loop);
    if (loop->core.misuse.calls > 0)
        misuse_end_turn(&loop->core.misuse, loop->core.now_ms);
}

static void enter(struct loop *loop, enum loop_stage stage)
{
    loop->stage = stage;
    loop->stage_since_ms = loop->core.now_ms;
    loop->core.draining = true;
    loop->core.express = express_is_open(&loop->core);
}

void loop_drain(struct loop *loop)
{
    if (loop->stage != LOOP_SERVING)
        return;
    enter(loop, LOOP_DRAINING);
    entrance_drain(&loop->entrance);
    loop->core.deadlines.ms[DEADLINE_LINGER] = LOOP_DRAIN_LINGER_MS;
    deadlines_restart(&loop->core.deadlines, DEADLINE_IDLE, loop->core.now_ms);
}

void loop_stop(struct loop *loop)
{
    if (loop->stage == LOOP_STOPPING)
        return;
    enter(loop, LOOP_STOPPING);
    loop->cut = loop->core.conn_count + entrance_shut(&loop->entrance);
    conn_reset_all(&loop->core);
    give_up_fills(loop, UINT64_MAX);
    if (loop->core.log)
        access_log_give_up(loop->core.log->log);
}

static bool is_quiet(const struct loop *loop)
{
    const struct core *core = &loop->core;

    return entrance_is_over(&loop->entrance) && core->conn_count == 0 && core->errands == 0 &&
           (!core->log || access_batch_idle(core->log));
}

bool loop_is_over(const struct loop *loop)
{
    return is_quiet(loop) || (loop->stage == LOOP_STOPPING && has_passed(loop, LOOP_STOP_MS));
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
        seed = (uint64_t)clock_unix() * 0x9e3779b97f4a7c15u;
    return seed;
}

/* Nobody can know it before it is used, and so put it into a file. */
static void make_boundary(char boundary[HTTP_BOUNDARY_LEN])
{
    uint64_t bits = 0;

    for (int i = 0; i < HTTP_BOUNDARY_LEN; i++, bits >>= 4) {
        if (i % 16 == 0)
            bits = random_seed();
        boundary[i] = "0123456789abcdef"[bits & 15];
    }
}

/* Where there are few descriptors, few are kept open between requests. */
static unsigned files_held(const struct config *config)
{
    unsigned share = config->max_conns / 8 + 1;

    return share < SITE_CACHE_DESCRIPTORS ? share : SITE_CACHE_DESCRIPTORS;
}

static int init_site(struct loop *loop)
{
    struct site_config config = {
        .root = loop->setup.root,
        .root_path = loop->setup.root_path ? str_from(loop->setup.root_path) : STR(""),
        .inotify = loop->watcher.watch.fd,
        .form = { .mime = loop->setup.mime,
                  .etag = loop->setup.config->etag,
                  .variants = true,
                  .compress = loop->setup.config->compress && loop->setup.config->cache_bytes > 0 },
        .index = str_from(loop->setup.config->index),
        .listing = loop->setup.config->listing,
        .dotfiles = loop->setup.config->dotfiles,
        .seed = random_seed(),
    };
    struct stat facts;
    uint64_t share = loop->setup.config->cache_bytes / loop->setup.config->cores;

    if (fstat(loop->setup.root, &facts) == 0) {
        config.root_device = facts.st_dev;
        config.root_inode = facts.st_ino;
    }
    site_share_out(config.limits, share, files_held(loop->setup.config));
    return site_init(&loop->core.site, &config);
}

static void init_core(struct loop *loop)
{
    const struct config *config = loop->setup.config;
    const uint32_t ms[DEADLINE_NONE] = {
        config->idle_ms,     config->header_ms, config->body_ms,   config->write_ms,
        CONN_HALF_CLOSED_MS, CONN_LINGER_MS,    config->header_ms,
    };
    struct core *core = &loop->core;

    core->config = config;
    core->express = express_is_open(core);
    entrance_init(&loop->entrance, core);
    rules_init(&core->rules, config, loop->setup.book);
    core->rules.notices = loop->setup.notices;
    makings_init(&core->makings);
    core->buffers = LOOP_BUFFERS;
    core->source.engine = loop->setup.engine;
    core->source.shown = LOOP_BUFFERS;
    core->misuse.clock_ms = loop->setup.clock_ms;
    core->misuse.delay_ms = loop->setup.delay_ms;
    core->app_state = loop->setup.app_state;
    list_init(&core->conns);
    list_init(&core->conns_free);
    list_init(&core->put_off);
    list_init(&core->late_changed);
    list_init(&core->late_timers);
    list_init(&core->late_watched);
    list_init(&core->late_ready);
    reply_clock_init(&core->clocks[0], "", "");
    reply_clock_init(&core->clocks[1], "Strict-Transport-Security", config->hsts);
    spares_fill(&core->spares, loop->setup.root);
    make_boundary(core->boundary);
    deadlines_init(&core->deadlines, ms);
    read_clocks(loop);
}

/* What is wrong with the certificates was told when they were read: here only memory is short. */
static struct tls_context *make_context(const struct tls_config *tls)
{
    struct tls_report report;

    return tls_context_make(tls, &report);
}

bool loop_renew(struct loop *loop, const struct tls_config *tls)
{
    struct tls_context *context = make_context(tls);

    if (!context)
        return false;
    tls_context_drop(loop->core.secure->context);
    loop->core.secure->context = context;
    return true;
}

static bool init_secure(struct loop *loop)
{
    struct tls_context *context = make_context(loop->setup.tls);

    if (!context)
        return false;
    loop->core.secure = secure_core_make(context);
    if (!loop->core.secure)
        tls_context_drop(context);
    return loop->core.secure;
}

static int take_memory(struct loop *loop)
{
    struct core *core = &loop->core;

    if (loop->setup.tls && !init_secure(loop))
        return -ENOMEM;
    core->source.lent = calloc(LOOP_BUFFERS + 1, sizeof *core->source.lent);
    if (!core->source.lent)
        return -ENOMEM;
    if (loop->setup.log) {
        if (!access_batch_init(&loop->batch, loop->setup.log, core->source.engine, core->source.io))
            return -ENOMEM;
        core->log = &loop->batch;
    }
    watcher_init(&loop->watcher, loop->setup.root_path, loop->setup.notices);
    rules_load(&core->rules, loop->setup.root);
    return init_site(loop);
}

static void free_memory(struct loop *loop)
{
    struct core *core = &loop->core;

    spares_release(&core->spares);
    watcher_release(&loop->watcher);
    if (core->log)
        access_batch_free(core->log);
    rules_release(&core->rules);
    if (core->secure)
        secure_core_free(core->secure);
    free(core->source.lent);
    entrance_release(&loop->entrance);
    core->source.engine->free(core->source.io);
}

int loop_init(struct loop *loop, const struct loop_setup *setup)
{
    const struct io_config io_config = { .socks_max = setup->config->max_conns,
                                         .buffers = LOOP_BUFFERS,
                                         .buffer_size = LOOP_BUFFER_SIZE,
                                         .helpers_max = LOOP_HELPERS,
                                         .spin_us = setup->config->spin_us };

    memset(loop, 0, sizeof *loop);
    loop->setup = *setup;
    loop->watcher.watch.fd = -1;
    init_core(loop);

    int error = setup->engine->open(&loop->core.source.io, &io_config);
    if (error) {
        spares_release(&loop->core.spares);
        return error;
    }
    error = take_memory(loop);
    if (error) {
        free_memory(loop);
        return error;
    }
    loop->watch.fd = setup->orders;
    loop->watching = true;
    setup->engine->watch(loop->core.source.io, &loop->watch);
    watcher_start(&loop->watcher, setup->engine, loop->core.source.io);
    fills_look_at_root(&loop->core);
    if (setup->listener >= 0)
        entrance_add(&loop->entrance, setup->listener, false);
    if (setup->tls)
        entrance_add(&loop->entrance, setup->tls_listener, true);
    return 0;
}

/* The engine has nothing of ours but the watch, and what was closed on the way here. */
static void take_leave(struct loop *loop)
{
    struct core *core = &loop->core;
    uint64_t until = core->now_ms + LOOP_STOP_MS;

    core->site.config.inotify = -1; /* nothing is surveyed any more */
    core->source.engine->unwatch(core->source.io, &loop->watch);
    watcher_stop(&loop->watcher, core->source.engine, core->source.io);
    fills_close_dead(core);
    while ((loop->watching || loop->watcher.watching || core->errands > 0) && core->now_ms < until)
        loop_turn(loop);
}

bool loop_release(struct loop *loop)
{
    struct core *core = &loop->core;

    if (!is_quiet(loop))
        return false;
    makings_drop(core);
    site_empty(&core->site);
    take_leave(loop);
    if (loop->watching || loop->watcher.watching || !is_quiet(loop))
        return false;
    site_release(&core->site);
    output_pool_release(&core->outputs);
    conn_slabs_release(core);
    free_memory(loop);
    return true;
}

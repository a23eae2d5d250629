#include "server/rule_watch.h"

#include "server/fills.h"

#include <fcntl.h>
#include <unistd.h>

/* On a helper thread. */
static void run_look(struct io_job *job)
{
    struct rule_watch *watch = CONTAINER_OF(job, struct rule_watch, job);

    rule_look_run(&watch->look, watch->root);
    close(watch->root);
}

/* Without a descriptor to spare the next turn tries again. */
static bool begin_look(struct core *core)
{
    struct rule_watch *watch = &core->rules.watch;

    watch->root = fcntl(core->site.root.now->fd, F_DUPFD_CLOEXEC, 0);
    if (watch->root < 0)
        return false;
    rule_look_begin(&watch->look, &core->rules.files);
    watch->looking = true;
    watch->job.run = run_look;
    core->errands++;
    core->source.engine->work(core->source.io, &watch->job);
    return true;
}

static bool are_held(struct core *core)
{
    for (enum rule_file file = 0; file < RULE_FILES; file++)
        if (!site_find(&core->site, rule_file_paths[file], core->now_ms))
            return false;
    return true;
}

static bool holds_nothing(const struct core *core)
{
    return core->site.cache.shelves[CACHE_WHOLE].limits.entries == 0;
}

/* Nobody waits for these fills. What is found is not always held: the way there may be disturbed.
 */
static void hold(struct core *core)
{
    struct rule_watch *watch = &core->rules.watch;

    if (holds_nothing(core))
        return;
    for (enum rule_file file = 0; file < RULE_FILES; file++) {
        struct str path = rule_file_paths[file];
        if (watch->tries >= RULE_WATCH_TRIES_MAX || site_is_filling(&core->site, path) ||
            site_find(&core->site, path, core->now_ms))
            continue;
        watch->tries++;
        fills_join(core, path);
    }
}

static bool is_calm(const struct core *core)
{
    const struct rule_watch *watch = &core->rules.watch;

    return core->now_ms < watch->next_ms && !watch->pending &&
           watch->news == core->site.news.count && watch->epoch == core->site.epoch;
}

void rule_watch_turn(struct core *core)
{
    struct rule_watch *watch = &core->rules.watch;

    if (core->config->no_files || watch->looking || is_calm(core))
        return;
    bool time = core->now_ms >= watch->next_ms;
    bool held = are_held(core);
    watch->news = core->site.news.count;
    watch->epoch = core->site.epoch;
    if (time)
        watch->tries = 0;
    if (!held) {
        hold(core);
        watch->pending = true;
    }
    if (watch->pending && (held || time) && begin_look(core))
        watch->pending = !held;
    if (time)
        watch->next_ms = core->now_ms + RULE_WATCH_MS;
}

int rule_watch_wait_ms(const struct core *core)
{
    const struct rule_watch *watch = &core->rules.watch;

    if (core->config->no_files || watch->looking || !holds_nothing(core))
        return -1;
    return watch->next_ms > core->now_ms ? (int)(watch->next_ms - core->now_ms) : 0;
}

bool rule_watch_worked(struct core *core, const struct io_event *event)
{
    struct rule_watch *watch = &core->rules.watch;

    if (event->job != &watch->job)
        return false;
    core->errands--;
    watch->looking = false;
    if (rules_take(&core->rules, &watch->look))
        site_remake(&core->site);
    return true;
}

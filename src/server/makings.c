#include "server/makings.h"

#include "base/check.h"
#include "base/cold.h"
#include "server/core.h"
#include "site/compress.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { LOWEST_PRIORITY = 19 };

struct making {
    struct io_job job;
    struct list link;
    struct site_entry *entry; /* pinned */
    struct compress compress;
};

void makings_init(struct makings *makings)
{
    *makings = (struct makings){ 0 };
    list_init(&makings->todo);
}

static void *make_slowly(void *compress)
{
    setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY); /* on Linux, of this thread alone */
    compress_run(compress);
    return NULL;
}

/* On a helper thread, which must keep its own priority for others: nobody may raise it again. */
static void run_making(struct io_job *job)
{
    struct making *making = CONTAINER_OF(job, struct making, job);
    pthread_t thread;

    if (pthread_create(&thread, NULL, make_slowly, &making->compress) == 0)
        pthread_join(thread, NULL);
    else
        compress_run(&making->compress);
}

static void end_making(struct core *core, struct making *making)
{
    making->entry->making &= (uint8_t) ~(1u << making->compress.coding);
    site_unpin(&core->site, making->entry);
    free(making->compress.to);
    free(making);
}

/* What the cache has let go is only kept in memory by waiting here, and would not be served. */
static void drop_let_go(struct core *core)
{
    struct list *next;

    for (struct list *at = core->makings.todo.next; at != &core->makings.todo; at = next) {
        struct making *making = CONTAINER_OF(at, struct making, link);
        next = at->next;
        if (making->entry->cached)
            continue;
        list_remove(at);
        core->makings.count--;
        end_making(core, making);
    }
}

static void start_next(struct core *core)
{
    struct list *node;

    drop_let_go(core);
    if (core->makings.running || core->draining || !(node = list_take(&core->makings.todo)))
        return;
    core->makings.count--;
    core->makings.running = CONTAINER_OF(node, struct making, link);
    core->errands++;
    core->source.engine->work(core->source.io, &core->makings.running->job);
}

COLD void makings_want(struct core *core, struct site_entry *entry, enum http_coding coding)
{
    struct making *making = NULL;
    bool worth = entry->cached && !(entry->making & 1u << coding);

    drop_let_go(core);
    if (worth && core->makings.count < MAKINGS_MAX)
        making = calloc(1, sizeof *making);
    if (!making)
        return;
    entry->making |= (uint8_t)(1u << coding);
    site_pin(entry);
    making->entry = entry;
    making->job.run = run_making;
    making->compress.from = str_of(entry->bytes, entry->size);
    making->compress.coding = coding;
    list_append(&core->makings.todo, &making->link);
    core->makings.count++;
    start_next(core);
}

bool makings_worked(struct core *core, const struct io_event *event)
{
    struct making *making = core->makings.running;
    struct path_fields space;

    if (!making || event->job != &making->job)
        return false;
    core->errands--;
    core->makings.running = NULL;
    struct entry_rules rules = rules_of_path(&core->rules, making->entry->path, &space);
    site_add_made(&core->site, making->entry, making->compress.coding,
                  str_of(making->compress.to, making->compress.to_len), &rules, core->now_unix);
    end_making(core, making);
    start_next(core);
    return true;
}

void makings_drop(struct core *core)
{
    struct list *node;

    CHECK(!core->makings.running);
    while ((node = list_take(&core->makings.todo)))
        end_making(core, CONTAINER_OF(node, struct making, link));
    core->makings.count = 0;
}

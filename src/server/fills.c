#include "server/fills.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* An operation on its way, or a survey; without a fill it closes a descriptor, or surveys the way
 * to the root. */
struct errand {
    struct io_file_op op;
    struct io_job job;
    struct survey *survey; /* of the job, or */
    struct digest *digest;
    struct folder *folder;
    struct variants *variants;
    struct site_fill *fill;
    struct list put_off; /* the core's */
    uint64_t since_ms;   /* when it was put off first; 0: never */
};

static enum io_file_kind kind_of(enum site_ask_kind kind)
{
    switch (kind) {
    case SITE_ASK_OPEN:
        return IO_FILE_OPEN;
    case SITE_ASK_STAT:
        return IO_FILE_STAT;
    case SITE_ASK_READ:
        return IO_FILE_READ;
    case SITE_ASK_SURVEY:
    case SITE_ASK_DIGEST:
    case SITE_ASK_FOLDER:
    case SITE_ASK_VARIANTS:
        break;
    }
    CHECK(false); /* no operation on a file */
    return IO_FILE_READ;
}

/* On a helper thread. */
static void run_survey(struct io_job *job)
{
    survey_run(CONTAINER_OF(job, struct errand, job)->survey);
}

/* Likewise. */
static void run_digest(struct io_job *job)
{
    digest_run(CONTAINER_OF(job, struct errand, job)->digest);
}

static void run_folder(struct io_job *job)
{
    folder_run(CONTAINER_OF(job, struct errand, job)->folder);
}

static void run_variants(struct io_job *job)
{
    variants_run(CONTAINER_OF(job, struct errand, job)->variants);
}

static void send_job(struct core *core, struct errand *errand, void (*run)(struct io_job *))
{
    errand->job.run = run;
    core->errands++;
    core->source.engine->work(core->source.io, &errand->job);
}

static void send_surveyor(struct core *core, struct errand *errand, struct survey *survey)
{
    errand->survey = survey;
    send_job(core, errand, run_survey);
}

static void send_off(struct core *core, struct errand *errand)
{
    core->errands++;
    core->source.engine->file(core->source.io, &errand->op);
}

static void carry(struct core *core, struct errand *errand)
{
    const struct site_ask *ask = &errand->fill->ask;

    if (ask->kind == SITE_ASK_SURVEY) {
        send_surveyor(core, errand, ask->survey);
        return;
    }
    if (ask->kind == SITE_ASK_DIGEST) {
        errand->digest = ask->digest;
        send_job(core, errand, run_digest);
        return;
    }
    if (ask->kind == SITE_ASK_FOLDER) {
        errand->folder = ask->folder;
        send_job(core, errand, run_folder);
        return;
    }
    if (ask->kind == SITE_ASK_VARIANTS) {
        errand->variants = ask->variants;
        send_job(core, errand, run_variants);
        return;
    }
    errand->op = (struct io_file_op){
        .kind = kind_of(ask->kind),
        .fd = ask->fd,
        .path = ask->path,
        .how = ask->how,
        .statx = ask->statx,
        .bytes = ask->bytes,
        .len = ask->len,
    };
    send_off(core, errand);
}

static bool step(struct core *core, struct site_fill *fill, int64_t result)
{
    return site_fill_step(&core->site, fill, result, core->now_ms, core->now_unix);
}

static bool set_rules(struct core *core, struct site_fill *fill)
{
    struct path_fields space;
    struct entry_rules rules = rules_of_path(&core->rules, fill->path, &space);

    return fill_set_rules(fill, &rules);
}

static struct site_fill *start(struct core *core, struct site_fill *fill)
{
    struct errand *errand = calloc(1, sizeof *errand);

    if (!errand || !set_rules(core, fill)) {
        free(errand);
        step(core, fill, -ENOMEM);
        site_fill_end(&core->site, fill);
        return NULL;
    }
    bool more = step(core, fill, 0);
    CHECK(more);
    list_init(&errand->put_off);
    errand->fill = fill;
    carry(core, errand);
    return fill;
}

struct site_fill *fills_join(struct core *core, struct str path)
{
    bool started;
    struct site_fill *fill = site_fill(&core->site, path, &started);

    return fill && started ? start(core, fill) : fill;
}

/* Connections have taken every descriptor: the file waits for one of those held back. */
static bool put_off(struct core *core, struct errand *errand, int result)
{
    bool short_of = result == -EMFILE || result == -ENFILE;

    if (!short_of || errand->op.kind != IO_FILE_OPEN)
        return false;
    if (errand->since_ms == 0)
        errand->since_ms = core->now_ms;
    list_append(&core->put_off, &errand->put_off);
    return true;
}

/* A file takes two, one after the other. Those that hold one already go first, and the last one
 * held back is for them: so one at least can always be finished. */
static bool may_have_a_spare(const struct core *core, const struct errand *errand)
{
    bool holds_one = errand->fill->name_fd >= 0;

    return core->spares.count > (holds_one ? 0 : 1);
}

void fills_retry(struct core *core)
{
    struct list *next;

    spares_fill(&core->spares, core->site.config.root);
    if (core->spares.count == 0 && core->site.cache.shelves[CACHE_OPEN].entries > 0)
        site_shed_descriptors(&core->site);
    for (struct list *node = core->put_off.next; node != &core->put_off; node = next) {
        struct errand *errand = CONTAINER_OF(node, struct errand, put_off);
        next = node->next;
        if (!may_have_a_spare(core, errand))
            continue;
        list_remove(node);
        spares_spend(&core->spares);
        core->source.engine->file(core->source.io, &errand->op);
    }
}

/* Returns the fill if this was the last that it asked for. */
static struct site_fill *end_errand(struct core *core, struct errand *errand, int result)
{
    struct site_fill *fill = errand->fill;

    core->errands--;
    if (fill && step(core, fill, result)) {
        carry(core, errand);
        return NULL;
    }
    free(errand);
    return fill;
}

struct site_fill *fills_done(struct core *core, const struct io_event *event)
{
    struct errand *errand = CONTAINER_OF(event->file, struct errand, op);

    if (put_off(core, errand, event->result))
        return NULL;
    return end_errand(core, errand, event->result);
}

struct site_fill *fills_worked(struct core *core, const struct io_event *event)
{
    struct errand *errand = CONTAINER_OF(event->job, struct errand, job);

    if (errand->fill && errand->fill->ask.kind == SITE_ASK_DIGEST)
        return end_errand(core, errand, errand->digest->error);
    if (errand->fill && errand->fill->ask.kind == SITE_ASK_FOLDER)
        return end_errand(core, errand, errand->folder->error);
    if (errand->fill)
        return end_errand(core, errand, 0);
    core->errands--;
    free(errand);
    site_root_found(&core->site, core->now_ms);
    return NULL;
}

void fills_look_at_root(struct core *core)
{
    struct errand *errand = NULL;
    struct survey *survey = site_root_ask(&core->site, core->now_ms);

    if (survey)
        errand = calloc(1, sizeof *errand);
    if (errand)
        send_surveyor(core, errand, survey);
    else if (survey)
        site_root_found(&core->site, core->now_ms);
}

struct site_fill *fills_give_up(struct core *core, uint64_t before_ms)
{
    for (struct list *node = core->put_off.next; node != &core->put_off; node = node->next) {
        struct errand *errand = CONTAINER_OF(node, struct errand, put_off);
        if (errand->since_ms >= before_ms)
            continue;
        list_remove(node);
        return end_errand(core, errand, -EMFILE);
    }
    return NULL;
}

void fills_close_dead(struct core *core)
{
    int fd;

    while ((fd = site_dead_fd(&core->site)) >= 0) {
        struct errand *errand = calloc(1, sizeof *errand);
        if (!errand) {
            close(fd);
            continue;
        }
        errand->op.kind = IO_FILE_CLOSE;
        errand->op.fd = fd;
        send_off(core, errand);
    }
}

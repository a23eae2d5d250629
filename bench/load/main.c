/* main.c - ringlet-load: read the options, run the threads, tell what they found. */

#include "load/hgrm.h"
#include "load/json.h"
#include "load/pause.h"
#include "load/verdict.h"
#include "load/worker.h"
#include "load/wrk_layout.h"
#include "ringlet.h"
#include "server/config.h"
#include "server/cpus.h"
#include "server/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_NO_RUN = 1,
    EXIT_USAGE = 2,
    EXIT_REFUSED = 3,
    EXIT_WRONG = 4,
    FILES_SPARE = 32, /* descriptors that are no connections, and more for each thread: */
    FILES_THREAD = 4,
    BEGIN_MS = 5, /* from when all connections stand until the first request */
};

static int complain(int status, const struct sentence *why)
{
    fprintf(stderr, "ringlet-load: %s\n", why->text);
    return status;
}

static bool connections_fit(const struct options *o, struct sentence *why)
{
    uint64_t files = limits_raise_files();
    uint64_t needed = o->connections + o->idle + FILES_SPARE + FILES_THREAD * o->threads;

    if (needed <= files)
        return true;
    sentence_set(
        why,
        "%llu connections need %llu open files, and the hard limit is %llu; ask for fewer, "
        "or raise it (ulimit -n)",
        (unsigned long long)(o->connections + o->idle), (unsigned long long)needed,
        (unsigned long long)files);
    return false;
}

/* How many of `all` come before thread `number` of `threads`. */
static unsigned share_before(uint64_t all, uint64_t threads, uint64_t number)
{
    return (unsigned)(all * number / threads);
}

static bool choose_cpus(const struct options *o, struct worker *workers, struct sentence *why)
{
    int allowed[CORES_MAX], cpus[CORES_MAX];
    unsigned count = o->cpus ? cpus_allowed(allowed) : 0;
    unsigned named = o->cpus ? cpus_parse(str_from(o->cpus), allowed, count, cpus, why) : 0;

    if (o->cpus && named == 0)
        return false;
    for (unsigned i = 0; i < o->threads; i++)
        workers[i].cpu = i < named ? cpus[i] : -1;
    return true;
}

static struct worker *make_workers(const struct plan *plan, struct meeting *meeting,
                                   struct sentence *why)
{
    const struct options *o = plan->options;
    struct worker *workers = calloc(o->threads, sizeof *workers);

    if (!workers || !choose_cpus(o, workers, why)) {
        free(workers);
        return NULL;
    }
    for (unsigned i = 0; i < o->threads; i++) {
        struct worker *w = &workers[i];

        w->plan = plan;
        w->meeting = meeting;
        w->number = i;
        w->first = share_before(o->connections, o->threads, i);
        w->active = share_before(o->connections, o->threads, i + 1) - w->first;
        w->idle = share_before(o->idle, o->threads, i + 1) - share_before(o->idle, o->threads, i);
        w->result = malloc(sizeof *w->result);
        if (!w->result) {
            sentence_set(why, "no memory for the results");
            return NULL;
        }
        load_result_init(w->result);
    }
    return workers;
}

static void free_workers(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(workers[i].result);
    free(workers);
}

static bool start_threads(struct worker *workers, unsigned count, struct sentence *why)
{
    for (unsigned i = 0; i < count; i++) {
        int error = pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);

        if (error) {
            sentence_set(why, "cannot start a thread: %s", strerror(error));
            return false;
        }
    }
    return true;
}

static const struct worker *find_failed(const struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (workers[i].failed)
            return &workers[i];
    return NULL;
}

/* Run all threads to their end. False when no run came about. A thread that cannot be started
 * leaves the others waiting for it: only the end of the process helps then. */
static bool run_threads(struct worker *workers, unsigned count, struct meeting *meeting,
                        struct sentence *why)
{
    pthread_barrier_init(&meeting->ready, NULL, count + 1);
    pthread_barrier_init(&meeting->go, NULL, count + 1);
    if (!start_threads(workers, count, why))
        exit(complain(EXIT_NO_RUN, why));
    pthread_barrier_wait(&meeting->ready);
    meeting->called_off = find_failed(workers, count) != NULL;
    meeting->begin = busy_now() + BEGIN_MS * UINT64_C(1000000);
    pthread_barrier_wait(&meeting->go);
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&meeting->ready);
    pthread_barrier_destroy(&meeting->go);

    const struct worker *failed = find_failed(workers, count);

    if (failed)
        *why = failed->why;
    return !failed;
}

static void describe_run(struct load_result *r, const struct options *o)
{
    load_result_init(r);
    r->version = RINGLET_VERSION;
    r->url = o->urls[0];
    r->connections = (unsigned)o->connections;
    r->threads = (unsigned)o->threads;
    r->pipeline = (unsigned)o->pipeline;
    r->duration = (double)o->duration_ns / 1e9;
    r->rate = o->rate;
}

static struct verdict_facts sum_up(struct load_result *r, const struct worker *workers)
{
    struct verdict_facts facts = { 0 };

    for (unsigned i = 0; i < r->threads; i++) {
        const struct worker *w = &workers[i];

        load_result_merge(r, w->result);
        facts.due += w->due;
        facts.in_time += w->in_time;
        if (w->share.waited > facts.waited)
            facts.waited = w->share.waited;
    }
    facts.busy = r->busy;
    return facts;
}

static bool write_json(FILE *out, const struct load_result *r)
{
    json_print(out, r);
    return !ferror(out);
}

static bool write_hgrm(FILE *out, const struct load_result *r)
{
    hgrm_print(out, &r->latency);
    return !ferror(out);
}

/* Through `write`, into the file the operator named, if any. */
static bool write_file(const char *path, bool (*write)(FILE *, const struct load_result *),
                       const struct load_result *r)
{
    FILE *out = path ? fopen(path, "we") : NULL;

    if (!path)
        return true;
    bool good = out && write(out, r);

    if (out && fclose(out) != 0)
        good = false;
    if (!good)
        fprintf(stderr, "ringlet-load: %s: %s\n", path, strerror(errno));
    return good;
}

static bool has_errors(const struct load_result *r)
{
    for (int i = 0; i < LOAD_ERRORS; i++)
        if (r->errors[i] > 0)
            return true;
    return false;
}

/* Print and write what was found; the exit status. */
static int tell(struct load_result *r, const struct options *o, const struct worker *workers)
{
    struct verdict_facts facts = sum_up(r, workers);
    struct sentence why;

    if (r->rate > 0 && !verdict_rate_was_held(r, &facts, &why))
        r->refused = why.text;
    else if (o->tls_resume && !verdict_sessions_were_resumed(r, &why))
        r->refused = why.text;
    if (!o->quiet)
        wrk_layout_print_end(stdout, r);
    bool written = fflush(stdout) == 0 && write_file(o->json, write_json, r) &&
                   (r->refused || write_file(o->hgrm, write_hgrm, r));

    if (!written)
        return EXIT_NO_RUN;
    if (r->refused)
        return complain(EXIT_REFUSED, &why);
    if (has_errors(r))
        return EXIT_WRONG;
    if (r->requests > 0)
        return EXIT_SUCCESS;
    sentence_set(&why, "no answer came while it was measured");
    return complain(EXIT_NO_RUN, &why);
}

static int run_plan(const struct plan *plan, struct sentence *why)
{
    const struct options *o = plan->options;
    struct meeting meeting = { 0 };
    struct load_result *result = malloc(sizeof *result);
    struct worker *workers = make_workers(plan, &meeting, why);
    int status = EXIT_NO_RUN;

    if (!workers || !result) {
        free(result);
        return complain(EXIT_NO_RUN, why);
    }
    describe_run(result, o);
    if (!o->quiet)
        wrk_layout_print_begin(stdout, result);
    fflush(stdout);
    if (pause_is_possible(o))
        pause_block();
    if (run_threads(workers, (unsigned)o->threads, &meeting, why))
        status = tell(result, o, workers);
    else
        complain(status, why);
    free_workers(workers, (unsigned)o->threads);
    free(result);
    return status;
}

static int run_options(const struct options *o, struct sentence *why)
{
    struct plan plan;
    int status = plan_make(&plan, o, why);

    if (status != 0)
        complain(status, why);
    else if (!connections_fit(o, why) || !plan_probe(&plan, why))
        status = complain(EXIT_NO_RUN, why);
    else
        status = run_plan(&plan, why);
    plan_free(&plan);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct sentence why = { "out of memory" };

    limits_ignore_pipe();
    switch (options_read(argc, argv, &options, &why)) {
    case OPTIONS_HELP:
        fputs(options_help(), stdout);
        return EXIT_SUCCESS;
    case OPTIONS_VERSION:
        puts("ringlet-load " RINGLET_VERSION);
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        complain(EXIT_USAGE, &why);
        fputs("Try 'ringlet-load --help'.\n", stderr);
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    return run_options(&options, &why);
}

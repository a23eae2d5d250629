/* embedder.c - a program with handlers, as anybody may write one with ringlet.h: replies in pieces,
 * later ones, and bodies that wait. streams.py asks it for them.
 *
 * embedder --engine E --port P. It speaks HTTPS, too, on a port that its start line names. One
 * core, so what its handlers share needs no lock. */
#include "ringlet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    PATTERN = 65536, /* bytes; what streams say, over and over */
    BODY_MAX = 32 << 20,
    DRAIN_MS = 3000,
};

/* A reply that is in somebody's hands. */
struct task {
    struct core *core;
    struct task *next, **link; /* among the core's */
    struct ringlet_reply *reply;
    uint64_t left, piece;
    bool give;
    int timer; /* descriptor, or -1 */
};

/* A body that is paused. */
struct upload {
    struct upload *next, **link; /* among those that are */
    struct ringlet_body *body;
    uint64_t bytes;
};

struct core {
    char pattern[2 * PATTERN];
    struct task *tasks;
    struct upload *waiting;
    unsigned open, gone, refused, released;
    bool pauses;
};

static uint64_t number(struct ringlet_request *request, const char *name, uint64_t otherwise)
{
    struct ringlet_slice text = ringlet_query_value(request, name);
    char digits[24];

    if (!text.at || text.len >= sizeof digits)
        return otherwise;
    memcpy(digits, text.at, text.len);
    digits[text.len] = '\0';
    return strtoull(digits, NULL, 10);
}

/* --- tasks --- */

static void end_task(struct task *task)
{
    *task->link = task->next;
    if (task->next)
        task->next->link = task->link;
    task->core->open--;
    if (task->timer >= 0)
        close(task->timer);
    free(task);
}

static void gone(void *state)
{
    struct task *task = state;

    task->core->gone++;
    end_task(task);
}

/* Keep a reply; NULL, with the reply finished, when memory is short. */
static struct task *begin_task(struct ringlet_request *request, struct ringlet_reply *reply)
{
    struct core *core = ringlet_state(request);
    struct task *task = calloc(1, sizeof *task);
    struct ringlet_reply *kept = task ? ringlet_reply_later(reply, gone, task) : NULL;

    if (!kept) {
        free(task);
        ringlet_reply_status(reply, 503);
        ringlet_reply_send(reply, "", 0);
        return NULL;
    }
    *task = (struct task){ .core = core, .next = core->tasks, .link = &core->tasks, .timer = -1 };
    if (task->next)
        task->next->link = &task->next;
    core->tasks = task;
    core->open++;
    task->reply = kept;
    return task;
}

/* --- replies in pieces --- */

static void count_release(void *owner)
{
    ((struct core *)owner)->released++;
}

static int say(struct task *task, uint64_t at, uint64_t len)
{
    struct core *core = task->core;
    const char *bytes = core->pattern + at % PATTERN;

    if (task->give)
        return ringlet_reply_give_piece(task->reply, bytes, len, count_release, core);
    return ringlet_reply_piece(task->reply, bytes, len);
}

/* As much as is taken now. */
static void pour(struct ringlet_reply *reply, void *state)
{
    struct task *task = state;

    while (task->left > 0) {
        uint64_t len = task->left < task->piece ? task->left : task->piece;
        int error = say(task, 0 - task->left % PATTERN, len);
        if (error == -EAGAIN) {
            task->core->refused++;
            ringlet_reply_room(reply, pour);
            return;
        }
        if (error) {
            ringlet_reply_abort(reply);
            end_task(task);
            return;
        }
        task->left -= len;
    }
    ringlet_reply_end(reply);
    end_task(task);
}

/* GET /stream?total=&piece=&known=&give=. The pattern is such that it ends with its own end. */
static void stream(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct task *task = begin_task(request, reply);

    (void)data;
    if (!task)
        return;
    task->left = number(request, "total", 0);
    task->piece = number(request, "piece", 4096);
    task->give = number(request, "give", 0) != 0;
    bool known = number(request, "known", 0) != 0;
    ringlet_reply_begin(task->reply, known ? task->left : RINGLET_LENGTH_UNKNOWN);
    pour(task->reply, task);
}

/* GET /silent: begun; says what is published. */
static void silent(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct task *task = begin_task(request, reply);

    (void)data;
    if (!task)
        return;
    ringlet_reply_header(task->reply, "Content-Type", "text/event-stream");
    ringlet_reply_begin(task->reply, RINGLET_LENGTH_UNKNOWN);
}

/* POST /publish: to all that listen */
static void publish(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct core *core = ringlet_state(request);
    struct ringlet_slice body = ringlet_body(request);
    unsigned reached = 0;

    (void)data;
    for (struct task *task = core->tasks; task; task = task->next)
        reached += ringlet_reply_piece(task->reply, body.at, body.len) == 0;
    ringlet_reply_printf(reply, "%u", reached);
}

/* GET /short and /abort: what the client must see to be cut */
static void fall_short(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct task *task = begin_task(request, reply);

    if (!task)
        return;
    ringlet_reply_begin(task->reply, 10);
    ringlet_reply_piece(task->reply, "abc", 3);
    if (data)
        ringlet_reply_end(task->reply);
    else
        ringlet_reply_abort(task->reply);
    end_task(task);
}

/* --- later replies --- */

static void say_late(struct ringlet_reply *reply, void *state)
{
    ringlet_reply_send(reply, "late", 4);
    end_task(state);
}

/* GET /late?ms= */
static void late(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct task *task = begin_task(request, reply);

    (void)data;
    if (task)
        ringlet_reply_timer(task->reply, (uint32_t)number(request, "ms", 1), say_late);
}

/* GET /ready?ms=: the same by a descriptor */
static void ready(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct task *task = begin_task(request, reply);
    uint64_t ms = number(request, "ms", 1);
    const struct itimerspec at = { .it_value = { .tv_sec = (time_t)(ms / 1000),
                                                 .tv_nsec = (long)(ms % 1000) * 1000000 } };

    (void)data;
    if (!task)
        return;
    task->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    timerfd_settime(task->timer, 0, &at, NULL);
    if (ringlet_reply_descriptor(task->reply, task->timer, RINGLET_READABLE, say_late) == 0)
        return;
    ringlet_reply_abort(task->reply);
    end_task(task);
}

/* --- bodies that wait --- */

static void leave_waiting(struct upload *upload)
{
    if (!upload->link)
        return;
    *upload->link = upload->next;
    if (upload->next)
        upload->next->link = upload->link;
    upload->link = NULL;
}

static void wait_in(struct core *core, struct upload *upload)
{
    ringlet_body_pause(upload->body);
    if (upload->link)
        return;
    upload->next = core->waiting;
    upload->link = &core->waiting;
    if (upload->next)
        upload->next->link = &upload->next;
    core->waiting = upload;
}

static void take_more(struct ringlet_body *body, void **state, void *data)
{
    (void)state;
    (void)data;
    ringlet_body_more(body);
}

/* It knows its core by the route's data: there is one. */
static int take(struct ringlet_body *body, const void *bytes, size_t len, void **state, void *data)
{
    struct core *core = *(struct core **)data;
    struct upload *upload = *state;

    if (!upload && !(upload = *state = calloc(1, sizeof *upload)))
        return 503;
    upload->body = body;
    if (!bytes) {
        leave_waiting(upload);
        free(upload);
        return 0;
    }
    upload->bytes += len;
    if (core->pauses) {
        wait_in(core, upload);
    } else if (upload->bytes % 7 == 0) { /* now and then, for a moment */
        ringlet_body_pause(body);
        ringlet_body_timer(body, 1, take_more);
    }
    return 0;
}

/* POST /take */
static void say_taken(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct upload *upload = ringlet_body_state(request);

    (void)data;
    ringlet_reply_printf(reply, "%" PRIu64, upload ? upload->bytes : 0);
    if (upload)
        leave_waiting(upload);
    free(upload);
}

/* GET /pause and /release: what becomes of bodies from now on */
static void set_pauses(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct core *core = ringlet_state(request);
    unsigned count = 0;

    core->pauses = data != NULL;
    while (!core->pauses && core->waiting) {
        struct upload *upload = core->waiting;
        leave_waiting(upload);
        ringlet_body_more(upload->body);
        count++;
    }
    ringlet_reply_printf(reply, "%u", count);
}

/* GET /counts */
static void say_counts(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    const struct core *core = ringlet_state(request);
    unsigned waiting = 0;

    (void)data;
    for (const struct upload *upload = core->waiting; upload; upload = upload->next)
        waiting++;
    ringlet_reply_printf(reply,
                         "{\"open\":%u,\"gone\":%u,\"refused\":%u,\"released\":%u,"
                         "\"waiting\":%u}",
                         core->open, core->gone, core->refused, core->released, waiting);
}

/* --- the program --- */

static void *start_core(void *data)
{
    struct core *core = calloc(1, sizeof *core);

    for (size_t i = 0; core && i < sizeof core->pattern; i++)
        core->pattern[i] = (char)('a' + i % PATTERN % 251 % 26);
    *(struct core **)data = core;
    return core;
}

/* Nothing is left: whatever was open is finished or gone. */
static void end_core(void *state, void *data)
{
    struct core *core = state;

    (void)data;
    if (core->tasks || core->waiting || core->open > 0)
        abort();
    free(core);
}

static void add_routes(struct ringlet *server, struct core **core)
{
    ringlet_core_state(server, start_core, end_core, core);
    ringlet_route(server, "GET", "/stream", stream, NULL);
    ringlet_route(server, "GET", "/silent", silent, NULL);
    ringlet_route_body(server, "POST", "/publish", 4096, publish, NULL);
    ringlet_route(server, "GET", "/short", fall_short, server);
    ringlet_route(server, "GET", "/abort", fall_short, NULL);
    ringlet_route(server, "GET", "/late", late, NULL);
    ringlet_route(server, "GET", "/ready", ready, NULL);
    ringlet_route_pieces(server, "POST", "/take", BODY_MAX, take, say_taken, core);
    ringlet_route(server, "GET", "/pause", set_pauses, server);
    ringlet_route(server, "GET", "/release", set_pauses, NULL);
    ringlet_route(server, "GET", "/counts", say_counts, NULL);
}

int main(int argc, char **argv)
{
    struct ringlet_options options;
    struct core *core = NULL;

    if (argc != 5)
        return 2;
    ringlet_options_init(&options, sizeof options);
    options.engine = argv[2];
    options.port = (uint16_t)strtoul(argv[4], NULL, 10);
    options.cores = 1;
    options.drain_ms = DRAIN_MS;
    options.signals = true;
    options.tls_port = 0;
    options.tls_self_signed = true;
    struct ringlet *server = ringlet_new(&options);
    if (!server)
        return 1;
    add_routes(server, &core);
    int status = ringlet_run(server);
    ringlet_free(server);
    return status;
}

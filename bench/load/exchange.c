#include "load/exchange.h"

#include "load/opener.h"

unsigned exchange_buffer_size(const struct plan *plan)
{
    uint64_t size = plan->options->pipeline * CONN_BUFFER_PER_REQUEST;
    unsigned least = plan->tls ? TLS_RECORD_MAX : CONN_BUFFER;

    if (size < least)
        return least;
    return size < CONN_BUFFER_MAX ? (unsigned)size : CONN_BUFFER_MAX;
}

static bool is_open_loop(const struct core *core)
{
    return core->schedule.rate > 0;
}

unsigned exchange_may_send(const struct core *core, const struct conn *c)
{
    unsigned room = core->run - c->inflight;

    if (c->state != CONN_OPEN)
        return 0;
    if (c->idle)
        return c->used == 0 && !c->settled;
    if (core->per_request && c->used > 0)
        return 0;
    if (!is_open_loop(core))
        return core->sending ? room : 0;
    return c->due - c->issued < room ? (unsigned)(c->due - c->issued) : room;
}

/* When the next request of an open loop was due, and how late we are where nothing but ourselves
 * was in its way. */
static uint64_t note_lateness(struct core *core, const struct conn *c, uint64_t sent)
{
    uint64_t due = schedule_due(&core->schedule, c->place, c->issued);

    if (core->measuring && c->free_at <= due)
        histogram_record(&core->result->lag, sent - due);
    return due;
}

struct str exchange_sent(struct core *core, struct conn *c, unsigned n)
{
    const struct requests *r = &core->plan->requests;
    bool per_request = core->per_request && !c->idle;
    uint64_t sent = per_request ? c->since : core->now;
    unsigned place = c->url + c->inflight;

    for (unsigned i = 0; i < n; i++) {
        unsigned slot = c->first + c->inflight;
        struct conn_times *times = &c->times[slot < core->run ? slot : slot - core->run];

        times->sent = sent;
        times->due = is_open_loop(core) && !c->idle ? note_lateness(core, c, sent) : sent;
        c->inflight++;
        c->issued++;
    }
    c->used += n;
    while (place >= r->count)
        place -= r->count;
    return requests_run(r, place, n);
}

/* From when a request should have been sent, wherever there is a schedule. */
static void record_latency(struct core *core, const struct conn_times *times)
{
    struct load_result *r = core->result;

    if (!is_open_loop(core)) {
        if (core->measuring)
            histogram_record(&r->latency, core->now - times->sent);
        return;
    }
    if (times->due < core->window_begin || times->due >= core->window_end)
        return;
    histogram_record(&r->latency, core->now - times->due);
    histogram_record(&r->uncorrected, core->now - times->sent);
    if (core->now < core->window_end)
        core->in_time++;
}

static void check_answer(struct core *core, const struct conn *c)
{
    uint64_t *expected = &core->lengths[c->url];

    if (c->answer.status != core->expect_status) {
        core_error(core, LOAD_ERROR_STATUS, 1);
        return;
    }
    if (*expected == CORE_LENGTH_UNKNOWN)
        *expected = c->answer.length;
    if (*expected != c->answer.length)
        core_error(core, LOAD_ERROR_LENGTH, 1);
}

static void count_answer(struct core *core, struct conn *c)
{
    if (core->measuring) {
        core->result->requests++;
        core->result->statuses[c->answer.status]++;
    }
    record_latency(core, &c->times[c->first]);
    core->owed -= is_open_loop(core);
}

void exchange_answered(struct core *core, struct conn *c)
{
    const struct requests *r = &core->plan->requests;

    check_answer(core, c);
    if (!c->idle)
        count_answer(core, c);
    else if (!c->settled) {
        c->settled = true;
        core->settled++;
    }
    if (c->inflight-- == core->run)
        c->free_at = core->now;
    c->first = c->first + 1 < core->run ? c->first + 1 : 0;
    c->url = c->url + 1 < r->count ? c->url + 1 : 0;
    c->proven = true;
    opener_encourage(core);
}

/* Move what is left to the front; a buffer full of something that is not whole is nonsense. */
static enum exchange_result keep_rest(const struct core *core, struct conn *c, unsigned used)
{
    c->in_len -= used;
    if (c->in_len == 0)
        return EXCHANGE_ON;
    if (c->inflight == 0 || c->in_len == core->buffer_size)
        return EXCHANGE_BROKEN;
    if (used > 0)
        memmove(c->in, c->in + used, c->in_len);
    return EXCHANGE_ON;
}

enum exchange_result exchange_read(struct core *core, struct conn *c)
{
    bool to_head = core->plan->requests.to_head;
    unsigned at = 0;

    while (c->inflight > 0) {
        struct answer_memory *memory = &core->memories[c->url % CORE_MEMORIES];
        ssize_t used = answer_read(&c->answer, memory, c->in + at, c->in_len - at);

        if (used < 0)
            return EXCHANGE_BROKEN;
        at += (unsigned)used;
        if (!answer_is_done(&c->answer))
            break;
        bool close = c->answer.close || (core->per_request && !c->idle);

        exchange_answered(core, c);
        if (close)
            return EXCHANGE_CLOSE;
        answer_begin(&c->answer, to_head);
    }
    return keep_rest(core, c, at);
}

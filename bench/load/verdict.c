#include "load/verdict.h"

#include <inttypes.h>

#define LAG_MAX_NS    1000000 /* of p99; below, nobody is late */
#define LAG_SHARE_MAX 0.1     /* of p99 of the latency */
#define MISSING_MAX   0.01    /* of the requests due, */
#define MISSING_MAX_S 0.01    /* or as many as are due in so many seconds: they are on their way */
#define WAITED_MAX    0.05 /* of the time, for a CPU; less than what is missing explains nothing */
#define NS_PER_US     1000.0
#define RESUMED_MIN   0.99 /* of the handshakes; fewer are another workload */

static double most_missing(const struct load_result *r, const struct verdict_facts *facts)
{
    double share = MISSING_MAX * (double)facts->due;
    double on_their_way = MISSING_MAX_S * (double)r->rate;
    double most = share > on_their_way ? share : on_their_way;

    return most > 1 ? most : 1;
}

/* The generator was late itself, by more than can be told as latency. */
static bool lags(const struct load_result *r)
{
    uint64_t lag = histogram_value_at(&r->lag, 99);

    return lag > LAG_MAX_NS &&
           (double)lag > LAG_SHARE_MAX * (double)histogram_value_at(&r->latency, 99);
}

static void blame(const struct load_result *r, const struct verdict_facts *facts, bool late,
                  struct sentence *why)
{
    double share = facts->due > 0 ? 100.0 * (double)facts->in_time / (double)facts->due : 0;
    double lag_us = (double)histogram_value_at(&r->lag, 99) / NS_PER_US;
    bool waited = facts->waited > WAITED_MAX && facts->waited > 1 - share / 100;
    bool own = late || facts->busy > LOAD_BUSY_MAX || waited;

    sentence_set(why,
                 "%s fell behind: %.2f %% of the %" PRIu64
                 " requests due were answered in time; the generator was %.0f %% busy, waited %.0f "
                 "%% of its time for a CPU, and was late itself by %.0f us at the 99th percentile",
                 own ? "the generator" : "the server", share, facts->due, 100 * facts->busy,
                 100 * facts->waited, lag_us);
}

bool verdict_rate_was_held(const struct load_result *r, const struct verdict_facts *facts,
                           struct sentence *why)
{
    bool late = lags(r);
    double missing = (double)(facts->due - facts->in_time);

    if (!late && missing <= most_missing(r, facts))
        return true;
    blame(r, facts, late, why);
    return false;
}

bool verdict_sessions_were_resumed(const struct load_result *r, struct sentence *why)
{
    uint64_t all = r->handshakes_full + r->handshakes_resumed;

    if (all > 0 && (double)r->handshakes_resumed >= RESUMED_MIN * (double)all)
        return true;
    sentence_set(why, "only %" PRIu64 " of %" PRIu64 " sessions were resumed",
                 r->handshakes_resumed, all);
    return false;
}

#include "load/result.h"

#include <string.h>

const struct load_percentile load_percentiles[LOAD_PERCENTILES] = {
    { "50", 50 },     { "75", 75 },       { "90", 90 },         { "99", 99 },
    { "99.9", 99.9 }, { "99.99", 99.99 }, { "99.999", 99.999 }, { "100", 100 },
};

static const char *const error_names[LOAD_ERRORS] = {
    "connect", "read", "write", "timeout", "status", "length", "syntax",
};

void load_result_init(struct load_result *r)
{
    memset(r, 0, sizeof *r);
    r->version = "";
    r->url = "";
    histogram_init(&r->latency);
    histogram_init(&r->uncorrected);
    histogram_init(&r->lag);
    histogram_init(&r->rates);
}

void load_result_merge(struct load_result *into, const struct load_result *from)
{
    into->requests += from->requests;
    into->bytes += from->bytes;
    into->handshakes_full += from->handshakes_full;
    into->handshakes_resumed += from->handshakes_resumed;
    into->cpu_ns += from->cpu_ns;
    for (int i = 0; i < LOAD_ERRORS; i++)
        into->errors[i] += from->errors[i];
    for (int i = 0; i < LOAD_STATUSES; i++)
        into->statuses[i] += from->statuses[i];
    if (from->seconds > into->seconds)
        into->seconds = from->seconds;
    if (from->busy > into->busy)
        into->busy = from->busy;
    histogram_merge(&into->latency, &from->latency);
    histogram_merge(&into->uncorrected, &from->uncorrected);
    histogram_merge(&into->lag, &from->lag);
    histogram_merge(&into->rates, &from->rates);
}

static double ratio(double amount, double by)
{
    return by > 0 ? amount / by : 0;
}

double load_result_requests_per_second(const struct load_result *r)
{
    return ratio((double)r->requests, r->seconds);
}

double load_result_bytes_per_second(const struct load_result *r)
{
    return ratio((double)r->bytes, r->seconds);
}

double load_result_cpu_ns_per_request(const struct load_result *r)
{
    return ratio((double)r->cpu_ns, (double)r->requests);
}

bool load_result_bound(const struct load_result *r)
{
    return r->busy > LOAD_BUSY_MAX;
}

const char *load_error_name(enum load_error error)
{
    return error_names[error];
}

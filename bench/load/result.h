/* result.h - what a run of the load generator found: everything that is printed or written of it.
 *
 * Each thread fills one of its own; at the end they are merged, and the printers (wrk_layout.h,
 * hgrm.h, json.h) read the sum. Over a megabyte: belongs on the heap. */
#ifndef LOAD_RESULT_H
#define LOAD_RESULT_H

#include "base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

/* From this share of its time on, a figure may be the generator's limit and not the server's. */
#define LOAD_BUSY_MAX 0.9

enum {
    LOAD_STATUSES = 600,       /* 0 to 599; the parser of answers lets nothing else through */
    LOAD_RATE_SAMPLE_MS = 100, /* how long a thread counts requests for one entry of `rates` */
};

/* What can go wrong with a request; each request that failed is counted under one of them. */
enum load_error {
    LOAD_ERROR_CONNECT,
    LOAD_ERROR_READ, /* reset, or closed before the answer was complete */
    LOAD_ERROR_WRITE,
    LOAD_ERROR_TIMEOUT,
    LOAD_ERROR_STATUS, /* answered, but with another status than expected */
    LOAD_ERROR_LENGTH, /* answered, but with another length than expected */
    LOAD_ERROR_SYNTAX, /* what came was no answer */
    LOAD_ERRORS,
};

struct load_result {
    /* What was asked for. The texts are borrowed for as long as the result is used. */
    const char *version;
    const char *url;
    unsigned connections;
    unsigned threads;
    unsigned pipeline; /* requests in flight per connection */
    double duration;   /* seconds, without the warm-up */
    uint64_t rate;     /* requests a second in all; 0 in a closed loop */

    /* What came of it, after the warm-up. */
    double seconds;    /* really measured */
    uint64_t requests; /* answered, rightly or not */
    uint64_t bytes;    /* received: heads and bodies */
    uint64_t errors[LOAD_ERRORS];
    uint64_t statuses[LOAD_STATUSES];
    uint64_t handshakes_full;    /* of TLS, ended within the window: of sessions that are new, */
    uint64_t handshakes_resumed; /* and of those that go on with an earlier one; where that is asked
                                    for, without each connection's first */
    const char *refused; /* why no latency may be told, a sentence without a full stop; or NULL */

    /* The generator's own part. */
    uint64_t cpu_ns; /* of all threads, without the time spent polling for a due time */
    double busy;     /* 0 to 1: of the busiest thread */

    struct histogram latency;     /* ns; with a rate, from when a request should have been sent */
    struct histogram uncorrected; /* ns from when it was sent; empty in a closed loop */
    struct histogram lag;         /* ns the generator was late itself; empty in a closed loop */
    struct histogram rates;       /* requests a second of one thread, per LOAD_RATE_SAMPLE_MS */
};

/* Nothing asked for and nothing found. */
void load_result_init(struct load_result *r);

/* Add what another thread found to `into`: counts, CPU time and histograms; the longer of the two
 * times measured and the greater share of being busy. What was asked for stays as it is. */
void load_result_merge(struct load_result *into, const struct load_result *from);

/* Requests and bytes a second, CPU nanoseconds a request; 0 where there is nothing to divide. */
double load_result_requests_per_second(const struct load_result *r);
double load_result_bytes_per_second(const struct load_result *r);
double load_result_cpu_ns_per_request(const struct load_result *r);

/* Was the generator too busy for the figures to be the server's? */
bool load_result_bound(const struct load_result *r);

/* "connect", "read" and so on, for the JSON and for sentences. */
const char *load_error_name(enum load_error error);

/* The percentiles that are always told, as texts ("99.9") and as numbers. */
enum { LOAD_PERCENTILES = 8 };
struct load_percentile {
    const char *name;
    double value;
};
extern const struct load_percentile load_percentiles[LOAD_PERCENTILES];

#endif

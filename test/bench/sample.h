/* sample.h - a result of round numbers, and what a printer makes of it. */
#ifndef TEST_SAMPLE_H
#define TEST_SAMPLE_H

#include "load/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A thousand answers: 50 us for most of them, 1 ms for ten, 2 s for one. free(3) it. */
static inline struct load_result *sample_closed(void)
{
    struct load_result *r = malloc(sizeof *r);

    assert_non_null(r);
    load_result_init(r);
    r->version = "1.2.3";
    r->url = "http://127.0.0.1:8080/index.html";
    r->connections = 16;
    r->threads = 2;
    r->pipeline = 1;
    r->duration = 10;
    r->seconds = 10;
    r->requests = 1000;
    r->bytes = 2560000;
    r->statuses[200] = 998;
    r->statuses[404] = 2;
    r->cpu_ns = 750000;
    r->busy = 0.25;
    histogram_record_n(&r->latency, 50000, 989);
    histogram_record_n(&r->latency, 1000000, 10);
    histogram_record(&r->latency, 2000000000);
    histogram_record_n(&r->rates, 48, 100);
    histogram_record_n(&r->rates, 52, 100);
    return r;
}

/* The same at a rate: some were sent late, and the generator was late itself. */
static inline struct load_result *sample_at_a_rate(void)
{
    struct load_result *r = sample_closed();

    r->rate = 100;
    histogram_record_n(&r->uncorrected, 40000, 1000);
    histogram_record_n(&r->lag, 1500, 980);
    histogram_record_n(&r->lag, 20000, 20);
    return r;
}

/* All that `print` writes of a result, ended with a NUL; free(3) it. */
static inline char *sample_text(void (*print)(FILE *, const struct load_result *),
                                const struct load_result *r)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    print(out, r);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* The printer writes exactly this. */
static inline void sample_check(void (*print)(FILE *, const struct load_result *),
                                const struct load_result *r, const char *wanted)
{
    char *text = sample_text(print, r);

    assert_string_equal(text, wanted);
    free(text);
}

#endif

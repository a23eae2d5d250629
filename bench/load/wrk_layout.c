#include "load/wrk_layout.h"

#include "load/hgrm.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { AMOUNT_MAX = 32 }; /* a number with two decimals and a unit */

/* A unit and how many of the one before it make one of it. */
struct unit {
    const char *name;
    double from_last;
};

static const struct unit time_units[] = {
    { "us", 1 }, { "ms", 1000 }, { "s", 1000 }, { "m", 60 }, { "h", 60 }, { NULL, 0 },
};
static const struct unit count_units[] = {
    { "", 1 }, { "k", 1000 }, { "M", 1000 }, { "G", 1000 }, { "T", 1000 }, { NULL, 0 },
};
static const struct unit size_units[] = {
    { "B", 1 },     { "KB", 1024 }, { "MB", 1024 }, { "GB", 1024 },
    { "TB", 1024 }, { "PB", 1024 }, { NULL, 0 },
};

/* In the largest unit that the amount is at least one of. */
static void write_amount(char out[AMOUNT_MAX], double amount, const struct unit *unit)
{
    while (unit[1].name && amount >= unit[1].from_last) {
        unit++;
        amount /= unit->from_last;
    }
    snprintf(out, AMOUNT_MAX, "%.2f%s", amount, unit->name);
}

/* In a column of `width`, of which two characters are for the unit, so that points are aligned. */
static void print_column(FILE *out, double amount, const struct unit *units, int width)
{
    char text[AMOUNT_MAX];
    int pad = 2;

    write_amount(text, amount, units);
    for (size_t len = strlen(text); pad > 0 && len > 0 && isalpha((unsigned char)text[len - 1]);)
        len--, pad--;
    fprintf(out, "%*s%*s", width - pad, text, pad, "");
}

static void print_statistics(FILE *out, const char *name, const struct histogram *h, double scale,
                             const struct unit *units)
{
    double mean = histogram_mean(h), stdev = histogram_stdev(h);
    double reach = stdev + mean * 1e-9; /* what is all the same counts despite rounding */
    uint64_t within = histogram_count_between(h, mean - reach, mean + reach);
    uint64_t count = histogram_count(h);

    fprintf(out, "    %-10s", name);
    print_column(out, mean / scale, units, 8);
    print_column(out, stdev / scale, units, 10);
    print_column(out, (double)histogram_max(h) / scale, units, 9);
    fprintf(out, "%8.2f%%\n", count > 0 ? 100 * (double)within / (double)count : 0);
}

static void print_threads(FILE *out, const struct load_result *r)
{
    fprintf(out, "  Thread Stats%6s%11s%8s%12s\n", "Avg", "Stdev", "Max", "+/- Stdev");
    if (!r->refused)
        print_statistics(out, "Latency", &r->latency, 1e3, time_units);
    print_statistics(out, "Req/Sec", &r->rates, 1, count_units);
}

static void print_distribution(FILE *out, const struct histogram *h)
{
    fputs("  Latency Distribution (HdrHistogram - Recorded Latency)\n", out);
    for (int i = 0; i < LOAD_PERCENTILES; i++) {
        double percentile = load_percentiles[i].value;
        fprintf(out, "%7.3f%%", percentile);
        print_column(out, (double)histogram_value_at(h, percentile) / 1e3, time_units, 10);
        putc('\n', out);
    }
}

static void print_latency(FILE *out, const struct load_result *r)
{
    if (r->refused) {
        fprintf(out, "  No latency is told: %s\n", r->refused);
        return;
    }
    print_distribution(out, &r->latency);
    if (r->rate > 0) {
        fputs("\n  Detailed Percentile spectrum:\n", out);
        hgrm_print(out, &r->latency);
        fputs("----------------------------------------------------------\n", out);
    }
}

static void print_volume(FILE *out, const struct load_result *r)
{
    char seconds[AMOUNT_MAX], bytes[AMOUNT_MAX];

    write_amount(seconds, r->seconds * 1e6, time_units);
    write_amount(bytes, (double)r->bytes, size_units);
    fprintf(out, "  %" PRIu64 " requests in %s, %s read\n", r->requests, seconds, bytes);
}

/* Are any of these counted? Then a line of them, by name. */
static void print_errors(FILE *out, const char *title, const struct load_result *r,
                         enum load_error first, enum load_error last)
{
    uint64_t sum = 0;

    for (unsigned i = first; i <= last; i++)
        sum += r->errors[i];
    if (sum == 0)
        return;
    fprintf(out, "  %s:", title);
    for (unsigned i = first; i <= last; i++)
        fprintf(out, "%s %s %" PRIu64, i > first ? "," : "", load_error_name((enum load_error)i),
                r->errors[i]);
    putc('\n', out);
}

/* Of TLS, where there were any while it was measured. */
static void print_handshakes(FILE *out, const struct load_result *r)
{
    if (r->handshakes_full + r->handshakes_resumed > 0)
        fprintf(out, "  TLS handshakes: %" PRIu64 " full, %" PRIu64 " resumed\n",
                r->handshakes_full, r->handshakes_resumed);
}

static void print_speed(FILE *out, const struct load_result *r)
{
    char bytes[AMOUNT_MAX];

    write_amount(bytes, load_result_bytes_per_second(r), size_units);
    fprintf(out, "Requests/sec: %9.2f\n", load_result_requests_per_second(r));
    fprintf(out, "Transfer/sec: %10s\n", bytes);
}

static void print_generator(FILE *out, const struct load_result *r)
{
    fprintf(out, "Generator: %.1f %% busy, %.0f ns of CPU a request", 100 * r->busy,
            load_result_cpu_ns_per_request(r));
    if (r->rate > 0) {
        char usual[AMOUNT_MAX], worst[AMOUNT_MAX];
        write_amount(usual, (double)histogram_value_at(&r->lag, 50) / 1e3, time_units);
        write_amount(worst, (double)histogram_value_at(&r->lag, 99) / 1e3, time_units);
        fprintf(out, ", late itself by %s (50 %%) and %s (99 %%)", usual, worst);
    }
    if (load_result_bound(r))
        fputs("; generator-bound: the server may be faster than these figures", out);
    putc('\n', out);
}

void wrk_layout_print_begin(FILE *out, const struct load_result *r)
{
    fprintf(out, "Running %gs test @ %s\n", r->duration, r->url);
    fprintf(out, "  %u threads and %u connections\n", r->threads, r->connections);
}

void wrk_layout_print_end(FILE *out, const struct load_result *r)
{
    print_threads(out, r);
    print_latency(out, r);
    print_volume(out, r);
    print_errors(out, "Socket errors", r, LOAD_ERROR_CONNECT, LOAD_ERROR_TIMEOUT);
    print_errors(out, "Wrong answers", r, LOAD_ERROR_STATUS, LOAD_ERROR_SYNTAX);
    print_handshakes(out, r);
    print_speed(out, r);
    print_generator(out, r);
}

#include "load/json.h"

#include <inttypes.h>

static double us(double ns)
{
    return ns / 1e3;
}

/* RFC 8259 section 7: quotes, backslashes and control characters are escaped. */
static void print_string(FILE *out, const char *text)
{
    putc('"', out);
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < 0x20)
            fprintf(out, "\\u%04x", byte);
        else
            putc(byte, out);
    }
    putc('"', out);
}

static void print_asked(FILE *out, const struct load_result *r)
{
    fputs("\"version\": ", out);
    print_string(out, r->version);
    fputs(", \"url\": ", out);
    print_string(out, r->url);
    fprintf(out, ",\n \"connections\": %u, \"threads\": %u, \"seconds\": %.6f, \"rate\": ",
            r->connections, r->threads, r->seconds);
    if (r->rate > 0)
        fprintf(out, "%" PRIu64, r->rate);
    else
        fputs("null", out);
    fprintf(out, ", \"pipeline\": %u,\n", r->pipeline);
}

static void print_counts(FILE *out, const struct load_result *r)
{
    fprintf(out, " \"requests\": %" PRIu64 ", \"bytes\": %" PRIu64 ",\n", r->requests, r->bytes);
    fprintf(out, " \"requests_per_second\": %.3f, \"bytes_per_second\": %.3f,\n",
            load_result_requests_per_second(r), load_result_bytes_per_second(r));
}

static void print_errors(FILE *out, const struct load_result *r)
{
    fputs(" \"errors\": {", out);
    for (int i = 0; i < LOAD_ERRORS; i++)
        fprintf(out, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", load_error_name((enum load_error)i),
                r->errors[i]);
    fputs("},\n", out);
}

static void print_statuses(FILE *out, const struct load_result *r)
{
    const char *between = "";

    fputs(" \"statuses\": {", out);
    for (int status = 0; status < LOAD_STATUSES; status++) {
        if (r->statuses[status] == 0)
            continue;
        fprintf(out, "%s\"%d\": %" PRIu64, between, status, r->statuses[status]);
        between = ", ";
    }
    fputs("},\n", out);
}

static void print_handshakes(FILE *out, const struct load_result *r)
{
    fprintf(out, " \"handshakes\": {\"full\": %" PRIu64 ", \"resumed\": %" PRIu64 "},\n",
            r->handshakes_full, r->handshakes_resumed);
}

static void print_latency(FILE *out, const char *name, const struct histogram *h, bool told)
{
    fprintf(out, " \"%s\": ", name);
    if (!told) {
        fputs("null,\n", out);
        return;
    }
    fprintf(out, "{\"count\": %" PRIu64 ", \"mean_us\": %.3f, \"stdev_us\": %.3f, ",
            histogram_count(h), us(histogram_mean(h)), us(histogram_stdev(h)));
    fprintf(out, "\"max_us\": %.3f,\n  \"percentiles\": {", us((double)histogram_max(h)));
    for (int i = 0; i < LOAD_PERCENTILES; i++)
        fprintf(out, "%s\"%s\": %.3f", i > 0 ? ", " : "", load_percentiles[i].name,
                us((double)histogram_value_at(h, load_percentiles[i].value)));
    fputs("}},\n", out);
}

static void print_refused(FILE *out, const struct load_result *r)
{
    fputs(" \"refused\": ", out);
    if (r->refused)
        print_string(out, r->refused);
    else
        fputs("null", out);
    fputs(",\n", out);
}

static void print_lag(FILE *out, const struct load_result *r)
{
    const struct histogram *lag = &r->lag;

    if (r->rate == 0) {
        fputs(" \"lag_us\": null,\n", out);
        return;
    }
    fprintf(out, " \"lag_us\": {\"50\": %.3f, \"99\": %.3f, \"100\": %.3f},\n",
            us((double)histogram_value_at(lag, 50)), us((double)histogram_value_at(lag, 99)),
            us((double)histogram_value_at(lag, 100)));
}

static void print_generator(FILE *out, const struct load_result *r)
{
    fprintf(out, " \"generator\": {\"cpu_ns\": %" PRIu64 ", \"busy\": %.4f, ", r->cpu_ns, r->busy);
    fprintf(out, "\"cpu_ns_per_request\": %.3f, \"bound\": %s}", load_result_cpu_ns_per_request(r),
            load_result_bound(r) ? "true" : "false");
}

void json_print(FILE *out, const struct load_result *r)
{
    putc('{', out);
    print_asked(out, r);
    print_counts(out, r);
    print_errors(out, r);
    print_statuses(out, r);
    print_handshakes(out, r);
    print_latency(out, "latency", &r->latency, !r->refused);
    print_refused(out, r);
    print_latency(out, "uncorrected", &r->uncorrected, r->rate > 0 && !r->refused);
    print_lag(out, r);
    print_generator(out, r);
    fputs("}\n", out);
}

#include "sample.h"

#include "load/wrk_layout.h"

#include <string.h>

static void print_all(FILE *out, const struct load_result *r)
{
    wrk_layout_print_begin(out, r);
    wrk_layout_print_end(out, r);
}

static void test_closed_loop(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    sample_check(print_all, r,
                 "Running 10s test @ http://127.0.0.1:8080/index.html\n"
                 "  2 threads and 16 connections\n"
                 "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n"
                 "    Latency     2.06ms   63.21ms   2.00s    99.90%\n"
                 "    Req/Sec    50.00      2.00    52.00    100.00%\n"
                 "  Latency Distribution (HdrHistogram - Recorded Latency)\n"
                 " 50.000%   50.02us\n"
                 " 75.000%   50.02us\n"
                 " 90.000%   50.02us\n"
                 " 99.000%    1.00ms\n"
                 " 99.900%    1.00ms\n"
                 " 99.990%    2.00s \n"
                 " 99.999%    2.00s \n"
                 "100.000%    2.00s \n"
                 "  1000 requests in 10.00s, 2.44MB read\n"
                 "Requests/sec:    100.00\n"
                 "Transfer/sec:   250.00KB\n"
                 "Generator: 25.0 % busy, 750 ns of CPU a request\n");
    free(r);
}

static void test_at_a_rate(void **state)
{
    (void)state;
    struct load_result *r = sample_at_a_rate();

    histogram_init(&r->latency);
    histogram_record(&r->latency, 1234567);
    r->duration = 0.5;
    r->busy = 0.951;
    sample_check(print_all, r,
                 "Running 0.5s test @ http://127.0.0.1:8080/index.html\n"
                 "  2 threads and 16 connections\n"
                 "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n"
                 "    Latency     1.23ms    0.00us   1.23ms  100.00%\n"
                 "    Req/Sec    50.00      2.00    52.00    100.00%\n"
                 "  Latency Distribution (HdrHistogram - Recorded Latency)\n"
                 " 50.000%    1.23ms\n"
                 " 75.000%    1.23ms\n"
                 " 90.000%    1.23ms\n"
                 " 99.000%    1.23ms\n"
                 " 99.900%    1.23ms\n"
                 " 99.990%    1.23ms\n"
                 " 99.999%    1.23ms\n"
                 "100.000%    1.23ms\n"
                 "\n"
                 "  Detailed Percentile spectrum:\n"
                 "       Value   Percentile   TotalCount 1/(1-Percentile)\n"
                 "\n"
                 "    1.234567     0.000000            1         1.00\n"
                 "    1.234567     1.000000            1          inf\n"
                 "#[Mean    =     1.234567, StdDeviation   =     0.000000]\n"
                 "#[Max     =     1.234567, Total count    =            1]\n"
                 "#[Buckets =           32, SubBuckets     =         2048]\n"
                 "----------------------------------------------------------\n"
                 "  1000 requests in 10.00s, 2.44MB read\n"
                 "Requests/sec:    100.00\n"
                 "Transfer/sec:   250.00KB\n"
                 "Generator: 95.1 % busy, 750 ns of CPU a request, late itself by 1.50us (50 %) "
                 "and 20.00us (99 %); generator-bound: the server may be faster than these "
                 "figures\n");
    free(r);
}

static void test_refused(void **state)
{
    (void)state;
    struct load_result *r = sample_at_a_rate();

    r->refused = "the server fell behind";
    r->seconds = 90;
    r->errors[LOAD_ERROR_TIMEOUT] = 7;
    r->errors[LOAD_ERROR_LENGTH] = 1;
    sample_check(wrk_layout_print_end, r,
                 "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n"
                 "    Req/Sec    50.00      2.00    52.00    100.00%\n"
                 "  No latency is told: the server fell behind\n"
                 "  1000 requests in 1.50m, 2.44MB read\n"
                 "  Socket errors: connect 0, read 0, write 0, timeout 7\n"
                 "  Wrong answers: status 0, length 1, syntax 0\n"
                 "Requests/sec:     11.11\n"
                 "Transfer/sec:    27.78KB\n"
                 "Generator: 25.0 % busy, 750 ns of CPU a request, late itself by 1.50us (50 %) "
                 "and 20.00us (99 %)\n");
    free(r);
}

/* The value of a line, whatever its unit. */
static void check_line(const struct load_result *r, const char *wanted)
{
    char *text = sample_text(wrk_layout_print_end, r);

    if (!strstr(text, wanted))
        fail_msg("%s is not in %s", wanted, text);
    free(text);
}

static void test_units(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    histogram_init(&r->latency);
    histogram_init(&r->rates);
    histogram_record(&r->rates, 1250000);
    histogram_record(&r->latency, 900);
    r->bytes = 1023;
    check_line(r, "    Req/Sec     1.25M     0.00     1.25M   100.00%\n");
    check_line(r, "100.000%    0.90us\n");
    check_line(r, ", 1023.00B read\n");

    histogram_record(&r->latency, HISTOGRAM_VALUE_MAX);
    r->bytes = UINT64_C(3) << 50;
    check_line(r, "100.000%    1.00h \n");
    check_line(r, ", 3.00PB read\n");
    free(r);
}

static void test_handshakes(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();
    char *text = sample_text(wrk_layout_print_end, r);

    assert_null(strstr(text, "handshakes"));
    free(text);
    r->handshakes_resumed = 40;
    check_line(r, "\n  TLS handshakes: 0 full, 40 resumed\n");
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_loop), cmocka_unit_test(test_at_a_rate),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_units),
        cmocka_unit_test(test_handshakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

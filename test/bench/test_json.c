#include "sample.h"

#include "load/json.h"

#include <string.h>

static void test_closed_loop(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    sample_check(
        json_print, r,
        "{\"version\": \"1.2.3\", \"url\": \"http://127.0.0.1:8080/index.html\",\n"
        " \"connections\": 16, \"threads\": 2, \"seconds\": 10.000000, \"rate\": null, "
        "\"pipeline\": 1,\n"
        " \"requests\": 1000, \"bytes\": 2560000,\n"
        " \"requests_per_second\": 100.000, \"bytes_per_second\": 256000.000,\n"
        " \"errors\": {\"connect\": 0, \"read\": 0, \"write\": 0, \"timeout\": 0, \"status\": 0, "
        "\"length\": 0, \"syntax\": 0},\n"
        " \"statuses\": {\"200\": 998, \"404\": 2},\n"
        " \"handshakes\": {\"full\": 0, \"resumed\": 0},\n"
        " \"latency\": {\"count\": 1000, \"mean_us\": 2059.277, \"stdev_us\": 63206.335, "
        "\"max_us\": 2000000.000,\n"
        "  \"percentiles\": {\"50\": 50.015, \"75\": 50.015, \"90\": 50.015, \"99\": 1000.447, "
        "\"99.9\": 1000.447, \"99.99\": 2000000.000, \"99.999\": 2000000.000, "
        "\"100\": 2000000.000}},\n"
        " \"refused\": null,\n"
        " \"uncorrected\": null,\n"
        " \"lag_us\": null,\n"
        " \"generator\": {\"cpu_ns\": 750000, \"busy\": 0.2500, "
        "\"cpu_ns_per_request\": 750.000, \"bound\": false}}\n");
    free(r);
}

static void check_holds(const struct load_result *r, const char *wanted)
{
    char *text = sample_text(json_print, r);

    if (!strstr(text, wanted))
        fail_msg("%s is not in %s", wanted, text);
    free(text);
}

static void test_at_a_rate(void **state)
{
    (void)state;
    struct load_result *r = sample_at_a_rate();

    r->busy = 0.95;
    check_holds(r, "\"rate\": 100, ");
    check_holds(r, "\"uncorrected\": {\"count\": 1000, \"mean_us\": 40.000, \"stdev_us\": 0.000, ");
    check_holds(r, "\"lag_us\": {\"50\": 1.500, \"99\": 20.000, \"100\": 20.000},\n");
    check_holds(r, "\"bound\": true}");
    free(r);
}

static void test_refused(void **state)
{
    (void)state;
    struct load_result *r = sample_at_a_rate();

    r->refused = "the server \"fell\" behind";
    check_holds(r, " \"latency\": null,\n \"refused\": \"the server \\\"fell\\\" behind\",\n"
                   " \"uncorrected\": null,\n \"lag_us\": {\"50\": 1.500");
    free(r);
}

static void test_what_needs_escaping(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    r->url = "http://[::1]/a\\b\"c\n\x1f\x7f\xc3\xa4";
    check_holds(r, "\"url\": \"http://[::1]/a\\\\b\\\"c\\u000a\\u001f\x7f\xc3\xa4\",\n");
    free(r);
}

static void test_handshakes(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    r->handshakes_full = 3;
    r->handshakes_resumed = 997;
    check_holds(r, " \"handshakes\": {\"full\": 3, \"resumed\": 997},\n");
    free(r);
}

static void test_nothing_answered(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    load_result_init(r);
    r->errors[LOAD_ERROR_TIMEOUT] = 3;
    check_holds(r, "\"requests_per_second\": 0.000, ");
    check_holds(r, "\"timeout\": 3, ");
    check_holds(r, " \"statuses\": {},\n");
    check_holds(r, " \"latency\": {\"count\": 0, \"mean_us\": 0.000, ");
    check_holds(r, "\"cpu_ns_per_request\": 0.000, ");
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_loop),      cmocka_unit_test(test_at_a_rate),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_what_needs_escaping),
        cmocka_unit_test(test_nothing_answered), cmocka_unit_test(test_handshakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

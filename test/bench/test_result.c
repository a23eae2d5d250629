#include "sample.h"

#include <string.h>

static void test_quotients(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    r->seconds = 4;
    assert_true(load_result_requests_per_second(r) == 250);
    assert_true(load_result_bytes_per_second(r) == 640000);
    assert_true(load_result_cpu_ns_per_request(r) == 750);

    load_result_init(r);
    assert_true(load_result_requests_per_second(r) == 0);
    assert_true(load_result_bytes_per_second(r) == 0);
    assert_true(load_result_cpu_ns_per_request(r) == 0);
    free(r);
}

static void test_bound_above_the_limit(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    assert_false(load_result_bound(r));
    r->busy = LOAD_BUSY_MAX;
    assert_false(load_result_bound(r));
    r->busy = 0.91;
    assert_true(load_result_bound(r));
    free(r);
}

static void test_merging(void **state)
{
    (void)state;
    struct load_result *sum = sample_closed(), *part = sample_at_a_rate();

    for (int i = 0; i < LOAD_ERRORS; i++)
        part->errors[i] = (uint64_t)i + 1;
    sum->errors[LOAD_ERROR_SYNTAX] = 100;
    part->seconds = 9.5;
    part->busy = 0.5;
    part->statuses[599] = 7;
    sum->handshakes_full = part->handshakes_full = 2;
    part->handshakes_resumed = 5;
    load_result_merge(sum, part);

    assert_int_equal(sum->requests, 2000);
    assert_int_equal(sum->bytes, 5120000);
    assert_int_equal(sum->cpu_ns, 1500000);
    assert_int_equal(sum->errors[LOAD_ERROR_CONNECT], 1);
    assert_int_equal(sum->errors[LOAD_ERROR_SYNTAX], 100 + LOAD_ERRORS);
    assert_int_equal(sum->statuses[200], 1996);
    assert_int_equal(sum->statuses[599], 7);
    assert_int_equal(sum->handshakes_full, 4);
    assert_int_equal(sum->handshakes_resumed, 5);
    assert_true(sum->seconds == 10);
    assert_true(sum->busy == 0.5);
    assert_int_equal(sum->rate, 0);
    assert_int_equal(histogram_count(&sum->latency), 2000);
    assert_int_equal(histogram_count(&sum->uncorrected), 1000);
    assert_int_equal(histogram_count(&sum->lag), 1000);
    assert_int_equal(histogram_count(&sum->rates), 400);
    free(sum);
    free(part);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(load_error_name(LOAD_ERROR_CONNECT), "connect");
    assert_string_equal(load_error_name(LOAD_ERROR_READ), "read");
    assert_string_equal(load_error_name(LOAD_ERROR_WRITE), "write");
    assert_string_equal(load_error_name(LOAD_ERROR_TIMEOUT), "timeout");
    assert_string_equal(load_error_name(LOAD_ERROR_STATUS), "status");
    assert_string_equal(load_error_name(LOAD_ERROR_LENGTH), "length");
    assert_string_equal(load_error_name(LOAD_ERROR_SYNTAX), "syntax");
    for (int i = 0; i < LOAD_PERCENTILES; i++)
        assert_true(load_percentiles[i].value == strtod(load_percentiles[i].name, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotients),
        cmocka_unit_test(test_bound_above_the_limit),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

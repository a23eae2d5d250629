#include "sample.h"

#include "load/hgrm.h"

static void print_latency(FILE *out, const struct load_result *r)
{
    hgrm_print(out, &r->latency);
}

static void test_spectrum(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    histogram_init(&r->latency);
    histogram_record_n(&r->latency, 1000, 6);
    histogram_record_n(&r->latency, 2000, 3);
    histogram_record(&r->latency, 1700000000);
    sample_check(print_latency, r,
                 "       Value   Percentile   TotalCount 1/(1-Percentile)\n"
                 "\n"
                 "    0.001000     0.000000            6         1.00\n"
                 "    0.001000     0.100000            6         1.11\n"
                 "    0.001000     0.200000            6         1.25\n"
                 "    0.001000     0.300000            6         1.43\n"
                 "    0.001000     0.400000            6         1.67\n"
                 "    0.001000     0.500000            6         2.00\n"
                 "    0.001000     0.550000            6         2.22\n"
                 "    0.001000     0.600000            6         2.50\n"
                 "    0.002000     0.650000            9         2.86\n"
                 "    0.002000     0.700000            9         3.33\n"
                 "    0.002000     0.750000            9         4.00\n"
                 "    0.002000     0.775000            9         4.44\n"
                 "    0.002000     0.800000            9         5.00\n"
                 "    0.002000     0.825000            9         5.71\n"
                 "    0.002000     0.850000            9         6.67\n"
                 "    0.002000     0.875000            9         8.00\n"
                 "    0.002000     0.887500            9         8.89\n"
                 "    0.002000     0.900000            9        10.00\n"
                 " 1700.000000     0.912500           10        11.43\n"
                 " 1700.000000     1.000000           10          inf\n"
                 "#[Mean    =   169.988285, StdDeviation   =   509.960854]\n"
                 "#[Max     =  1700.000000, Total count    =           10]\n"
                 "#[Buckets =           32, SubBuckets     =         2048]\n");
    free(r);
}

static void test_empty(void **state)
{
    (void)state;
    struct load_result *r = sample_closed();

    histogram_init(&r->latency);
    sample_check(print_latency, r,
                 "       Value   Percentile   TotalCount 1/(1-Percentile)\n"
                 "\n"
                 "#[Mean    =     0.000000, StdDeviation   =     0.000000]\n"
                 "#[Max     =     0.000000, Total count    =            0]\n"
                 "#[Buckets =           32, SubBuckets     =         2048]\n");
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

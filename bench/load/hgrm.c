#include "load/hgrm.h"

#include <inttypes.h>
#include <math.h>

static double ms(double ns)
{
    return ns / 1e6;
}

static void print_step(FILE *out, const struct histogram_step *step)
{
    double turns = step->fraction < 1 ? 1 / (1 - step->fraction) : (double)INFINITY;

    fprintf(out, "%12.6f %12f %12" PRIu64 " %12.2f\n", ms((double)step->value), step->fraction,
            step->count, turns);
}

void hgrm_print(FILE *out, const struct histogram *h)
{
    struct histogram_walk walk = histogram_walk(h);
    struct histogram_step step;

    fprintf(out, "%12s %12s %12s %12s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    while (histogram_next(&walk, &step))
        print_step(out, &step);
    fprintf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", ms(histogram_mean(h)),
            ms(histogram_stdev(h)));
    fprintf(out, "#[Max     = %12.6f, Total count    = %12" PRIu64 "]\n",
            ms((double)histogram_max(h)), histogram_count(h));
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", HISTOGRAM_BUCKETS,
            HISTOGRAM_SUB_BUCKETS);
}

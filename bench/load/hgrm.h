/* hgrm.h - a histogram as HdrHistogram's percentile text, for the plotters that read it. */
#ifndef LOAD_HGRM_H
#define LOAD_HGRM_H

#include "base/histogram.h"

#include <stdio.h>

/* The columns Value, Percentile, TotalCount, 1/(1-Percentile), then mean, deviation and so on in
 * lines that begin with '#'. Values are milliseconds, as wrk2 writes them, but with six decimals:
 * three of them would be too coarse for answers within microseconds. Errors stay with `out`
 * (ferror(3)). */
void hgrm_print(FILE *out, const struct histogram *h);

#endif

/* wrk_layout.h - a result as wrk2 prints it, so that people and scripts that read wrk2 read this.
 *
 * Not the same as wrk2: values of the detailed spectrum have six decimals, answers that were wrong
 * are told by kind, and the last line says what the generator itself was doing. */
#ifndef LOAD_WRK_LAYOUT_H
#define LOAD_WRK_LAYOUT_H

#include "load/result.h"

#include <stdio.h>

/* Before the run: "Running 10s test @ URL" and how many threads and connections. */
void wrk_layout_print_begin(FILE *out, const struct load_result *r);

/* After the run: the rest. Where the run is refused, the reason stands in place of every latency.
 * Errors stay with `out` (ferror(3)). */
void wrk_layout_print_end(FILE *out, const struct load_result *r);

#endif

/* json.h - a result as one JSON object, for programs that compare many of them. */
#ifndef LOAD_JSON_H
#define LOAD_JSON_H

#include "load/result.h"

#include <stdio.h>

/* One object over several lines, with a newline at its end. "latency" and "uncorrected" are null
 * when the run is refused; "rate", "uncorrected" and "lag_us" are null in a closed loop. Errors
 * stay with `out` (ferror(3)). */
void json_print(FILE *out, const struct load_result *r);

#endif

/* busy.h - what a thread of the generator itself cost. */
#ifndef LOAD_BUSY_H
#define LOAD_BUSY_H

#include <stdint.h>

/* CLOCK_MONOTONIC in ns. */
uint64_t busy_now(void);

struct busy {
    uint64_t since, cpu, waited; /* when it was begun: ns of the clock, of CPU, on a run queue */
};

struct busy_share {
    uint64_t cpu_ns; /* CPU time less what was spent polling */
    double busy;     /* cpu_ns by the time passed, 0 to 1 */
    double waited;   /* share of the time it wanted a CPU and had none, 0 to 1 */
};

/* What is left out of the time passed: it was nobody's. */
void busy_leave_out(struct busy *begun, uint64_t ns);

/* Begin for the calling thread, and tell what was since, `spun_ns` of it polling. */
struct busy busy_begin(void);
struct busy_share busy_end(const struct busy *begun, uint64_t spun_ns);

#endif

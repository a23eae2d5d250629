#include "load/busy.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t busy_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* The second number of schedstat (proc(5)); 0 where the kernel doesn't count. */
static uint64_t read_waited(void)
{
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    unsigned long long ran, waited = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &ran, &waited) != 2)
        waited = 0;
    fclose(file);
    return waited;
}

struct busy busy_begin(void)
{
    uint64_t waited = read_waited();

    return (struct busy){ busy_now(), read_clock(CLOCK_THREAD_CPUTIME_ID), waited };
}

void busy_leave_out(struct busy *begun, uint64_t ns)
{
    begun->since += ns;
}

static double share_of(uint64_t part, uint64_t whole)
{
    if (part >= whole)
        return 1;
    return (double)part / (double)whole;
}

struct busy_share busy_end(const struct busy *begun, uint64_t spun_ns)
{
    uint64_t cpu = read_clock(CLOCK_THREAD_CPUTIME_ID) - begun->cpu;
    uint64_t passed = busy_now() - begun->since;
    uint64_t worked = cpu > spun_ns ? cpu - spun_ns : 0;

    return (struct busy_share){
        .cpu_ns = worked,
        .busy = share_of(worked, passed),
        .waited = share_of(read_waited() - begun->waited, passed),
    };
}

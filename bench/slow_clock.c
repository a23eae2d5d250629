/* slow_clock.c - clocks that go a thousandth as fast, preloaded into a server that is stepped.
 *
 * Stepping makes a server thousands of times slower. By its own clock as little time has to pass
 * for a request as ever, or what it does once a second would be done for each of them. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SLOWER = 1000, CLOCKS = 16, SECOND_NS = 1000000000 };

static long long begun_ns[CLOCKS];

static long long read_ns(clockid_t clock)
{
    struct timespec now = { 0 };

    syscall(SYS_clock_gettime, clock, &now);
    return now.tv_sec * (long long)SECOND_NS + now.tv_nsec;
}

static long long slowed_ns(clockid_t clock)
{
    return begun_ns[clock] + (read_ns(clock) - begun_ns[clock]) / SLOWER;
}

__attribute__((constructor)) static void begin(void)
{
    for (int clock = 0; clock < CLOCKS; clock++)
        begun_ns[clock] = read_ns(clock);
}

/* They stand in for those of the C library. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock < 0 || clock >= CLOCKS)
        return (int)syscall(SYS_clock_gettime, clock, now);
    long long ns = slowed_ns(clock);
    *now = (struct timespec){ .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };
    return 0;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *now, void *zone)
{
    long long ns = slowed_ns(CLOCK_REALTIME);

    (void)zone;
    *now = (struct timeval){ .tv_sec = ns / SECOND_NS, .tv_usec = ns % SECOND_NS / 1000 };
    return 0;
}

__attribute__((visibility("default"))) time_t time(time_t *now)
{
    time_t seconds = slowed_ns(CLOCK_REALTIME) / SECOND_NS;

    if (now)
        *now = seconds;
    return seconds;
}

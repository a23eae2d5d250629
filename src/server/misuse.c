#include "server/misuse.h"

#include "app/endpoints.h"
#include "base/cold.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* --- telling --- */

/* Where it is remembered that this route is told of now; -1 when it is not to be. */
static int find_place(const struct misuse *misuse, const struct endpoint *route, uint64_t now_ms)
{
    int place = -1;

    for (int i = 0; i < MISUSE_ROUTES; i++) {
        bool over = !misuse->told[i].route || now_ms - misuse->told[i].at_ms >= MISUSE_TELL_MS;
        if (misuse->told[i].route == route)
            return over ? i : -1;
        if (over && place < 0)
            place = i;
    }
    return place;
}

COLD void misuse_tell(struct misuse *misuse, const struct endpoint *route, uint64_t now_ms,
                      const char *what)
{
    struct str method = http_method_name(route->method);
    int place = find_place(misuse, route, now_ms);

    if (place < 0)
        return;
    misuse->told[place].route = route;
    misuse->told[place].at_ms = now_ms;
    fprintf(stderr, "ringlet: %.*s %.*s: the handler %s\n", (int)method.len, method.at,
            (int)route->pattern.len, route->pattern.at, what);
}

/* --- holding up the core --- */

/* "RAN WAITED SLICES", in nanoseconds; where handlers are called nothing is taken from the heap. */
uint64_t misuse_delay_ms(void)
{
    unsigned long long waited_ns = 0;
    char bytes[128];
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    ssize_t len = read(fd, bytes, sizeof bytes);
    close(fd);
    struct str line = str_of(bytes, len > 0 ? (size_t)len : 0);
    str_next_word(&line);
    if (!str_number(str_next_word(&line), UINT64_MAX, &waited_ns))
        waited_ns = 0;
    return waited_ns / 1000000;
}

static uint64_t take_delay(struct misuse *misuse)
{
    uint64_t before_ms = misuse->delay_seen_ms;

    misuse->delay_seen_ms = misuse->delay_ms ? misuse->delay_ms() : 0;
    return misuse->delay_seen_ms > before_ms ? misuse->delay_seen_ms - before_ms : 0;
}

COLD void misuse_look(struct misuse *misuse, uint64_t now_ms)
{
    take_delay(misuse);
    misuse->seen_ms = misuse->clock_ms();
    misuse->next_look_ms = now_ms < misuse->suspect_until_ms ? now_ms : now_ms + MISUSE_LOOK_MS;
}

static COLD void tell_blocked(struct misuse *misuse, unsigned calls, uint64_t now_ms, uint64_t ms)
{
    char what[128];

    if (calls == 1)
        snprintf(what, sizeof what, "has held up its core for %" PRIu64 " ms", ms);
    else
        snprintf(what, sizeof what,
                 "or one of the %u before it in the same turn has held up its core for %" PRIu64
                 " ms",
                 calls - 1, ms);
    misuse_tell(misuse, misuse->called, now_ms, what);
}

static COLD void judge(struct misuse *misuse, unsigned calls, uint64_t held_ms, uint64_t now_ms)
{
    uint64_t delay_ms = take_delay(misuse);

    if (held_ms > delay_ms + RINGLET_BLOCKED_MS) {
        tell_blocked(misuse, calls, now_ms, held_ms - delay_ms);
    } else {
        misuse->suspect_until_ms = now_ms + MISUSE_SUSPECT_MS;
        misuse->next_look_ms = now_ms;
    }
}

void misuse_end_turn(struct misuse *misuse, uint64_t began_ms)
{
    uint64_t since_ms = misuse->seen_ms > began_ms ? misuse->seen_ms : began_ms;
    uint64_t now_ms = misuse->clock_ms();
    unsigned calls = misuse->calls;

    misuse->calls = 0;
    misuse->seen_ms = 0;
    if (now_ms > since_ms + RINGLET_BLOCKED_MS)
        judge(misuse, calls, now_ms - since_ms, now_ms);
}

#include "server/limits.h"

#include "base/check.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>

/* What a core needs beside its own descriptors: the fewest connections and their files. */
enum { FILES_MIN = LIMITS_CONNS_MIN + LIMITS_CONNS_MIN / (LIMITS_FILES_PART - 1) + 1 };

uint64_t limits_raise_files(void)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = { limit.rlim_max, limit.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur;
}

unsigned limits_conns(uint64_t files, unsigned cores, unsigned asked, struct sentence *why)
{
    CHECK(cores > 0);

    uint64_t reserve = LIMITS_FILES_PROCESS + (uint64_t)LIMITS_FILES_CORE * cores;
    uint64_t share = files > reserve ? (files - reserve) / cores : 0;
    if (share < FILES_MIN) {
        sentence_set(why,
                     "%" PRIu64 " open files are too few for %u core%s, which take %" PRIu64
                     " at least; raise the limit (ulimit -n) or ask for fewer --cores",
                     files, cores, cores == 1 ? "" : "s", reserve + (uint64_t)FILES_MIN * cores);
        return 0;
    }
    share -= share / LIMITS_FILES_PART;
    if (asked > 0)
        return asked;
    return share < LIMITS_CONNS_DEFAULT_MAX ? (unsigned)share : LIMITS_CONNS_DEFAULT_MAX;
}

void limits_ignore_pipe(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

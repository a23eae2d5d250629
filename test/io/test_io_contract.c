/* The engine contract, clause by clause, against one engine:
 *
 *     test_io_contract io_uring|epoll [spin]
 *     test_io_contract fake [SEED]
 *
 * With `spin` the engine polls before it sleeps, and what holds must hold all the same.
 * The fake engine goes through all of it once in the calm and once in each weather, or in that of
 * SEED alone. Ends with 77, and why, where an engine can't be had. */
#include "contract.h"
#include "fake_io.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, USAGE = 2, SEEDS = 4, ENDS_AFTER_S = 380 };

static int all_clauses(void)
{
    return contract_turns() + contract_spinning() + contract_receiving() + contract_sending() +
           contract_closing() + contract_accepting() + contract_helping();
}

static int fake_in_all_weathers(uint64_t first, uint64_t last)
{
    int failed = 0;

    for (uint64_t seed = first; seed <= last && failed == 0; seed++) {
        printf("fake engine, seed %llu\n", (unsigned long long)seed);
        fflush(stdout);
        rig_choose(&fake_io_engine, &peer_fake, seed);
        failed = all_clauses();
    }
    return failed;
}

/* Can it be opened here at all? */
static int try_out(const struct io_engine *engine)
{
    const struct io_config config = {
        .socks_max = 16, .buffers = 128, .buffer_size = 4096, .helpers_max = 1
    };
    struct io *io = NULL;
    int result = engine->open(&io, &config);

    if (result == 0)
        engine->free(io);
    return result;
}

static int against(const struct io_engine *engine, bool spin)
{
    int result = try_out(engine);

    if (result < 0) {
        printf("skipped: %s can't be had here: %s\n", engine->name, strerror(-result));
        return SKIPPED;
    }
    rig_choose(engine, &peer_tcp, 0);
    rig_choose_spin(spin ? IO_SPIN_MAX_US : 0);
    return all_clauses() > 0;
}

static void set_descriptor_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    bool spin = argc > 2 && strcmp(argv[2], "spin") == 0;

    alarm(ENDS_AFTER_S);
    set_descriptor_limit();
    if (strcmp(name, "io_uring") == 0)
        return against(&io_uring_engine, spin);
    if (strcmp(name, "epoll") == 0)
        return against(&io_epoll_engine, spin);
    if (strcmp(name, "fake") != 0) {
        fprintf(stderr, "usage: test_io_contract io_uring|epoll [spin], or fake [SEED]\n");
        return USAGE;
    }
    if (argc > 2) {
        uint64_t seed = strtoull(argv[2], NULL, 10);
        return fake_in_all_weathers(seed, seed) > 0;
    }
    return fake_in_all_weathers(0, SEEDS) > 0;
}

#include "app/demo.h"
#include "server/embed.h"
#include "server/options.h"
#include "server/process.h"
#include "server/version.h"

#include <fcntl.h>
#include <unistd.h>

/* A standard stream that was closed is held by a descriptor that can be neither read nor written,
 * so that no socket or ring gets its number and with it what is meant for standard error. */
static void hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) < 0)
            return;
}

/* The demo endpoints are a program's routes like any other's. */
static int run_demo(struct config *config, int (*run)(struct config *))
{
    char why[DEMO_WHY_MAX] = "out of memory";
    struct ringlet *server = ringlet_new(NULL);
    struct demo *demo = server ? demo_add(server, config->dataset, why) : NULL;
    int status = STATUS_FAILED;

    if (demo) {
        config->app = embed_app(server);
        status = run(config);
    } else {
        fprintf(stderr, "ringlet: --demo: %s%s%s\n", config->dataset ? config->dataset : "",
                config->dataset ? ": " : "", why);
    }
    ringlet_free(server);
    demo_free(demo);
    return status;
}

static int run(struct config *config, int (*how)(struct config *))
{
    return config->demo ? run_demo(config, how) : how(config);
}

int main(int argc, char **argv)
{
    struct config config;

    hold_streams();
    switch (options_read(&config, argc, argv, environ, stderr)) {
    case OPTIONS_RUN:
        return run(&config, process_run);
    case OPTIONS_CHECK:
        return run(&config, process_check);
    case OPTIONS_HELP:
        options_help(stdout);
        return STATUS_CLEAN;
    case OPTIONS_VERSION:
        version_write(stdout);
        return STATUS_CLEAN;
    case OPTIONS_REFUSED:
        break;
    }
    return STATUS_USAGE;
}

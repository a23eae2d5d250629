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

int main(int argc, char **argv)
{
    struct config config;

    hold_streams();
    switch (options_read(&config, argc, argv, environ, stderr)) {
    case OPTIONS_RUN:
        return process_run(&config);
    case OPTIONS_CHECK:
        return process_check(&config);
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

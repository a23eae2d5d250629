#include "server/options.h"
#include "server/process.h"
#include "server/version.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    struct config config;

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

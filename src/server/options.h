/* options.h - the command line and the environment, read into a struct config.
 *
 * One table names every option; parsing, RINGLET_* variables, --help and the refusals are made from
 * it. The command line goes before the environment, the environment before the default. Who uses
 * it: main. Nothing here exits, so that tests can drive it. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "server/config.h"

#include <stdio.h>

/* Exit statuses of the process. */
enum { STATUS_CLEAN = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_CONFIG = 78 };

enum options_action {
    OPTIONS_RUN,     /* config is complete but for max_conns, when it is 0 */
    OPTIONS_CHECK,   /* likewise; say that all is well and exit STATUS_CLEAN */
    OPTIONS_HELP,    /* config is not filled: options_help, then exit STATUS_CLEAN */
    OPTIONS_VERSION, /* config is not filled: version_write, then exit STATUS_CLEAN */
    OPTIONS_REFUSED, /* the sentence has been written to `err`: exit STATUS_USAGE */
};

/* Read argv (which getopt may put in another order) and `envp` (ends with NULL; may be NULL) into
 * *config. The texts stay those of argv and envp. Looks at the root, the media type file, the user
 * database, the CPUs and their quota; changes nothing. */
enum options_action options_read(struct config *config, int argc, char **argv, char **envp,
                                 FILE *err);

/* What --help shows: at most 80 columns, with defaults, units and variables. */
void options_help(FILE *out);

#endif

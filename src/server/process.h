/* process.h - one server from its checked options to its exit status, in the foreground. */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include "server/config.h"

/* Serve until a signal ends it. Says on standard error what it does and what goes wrong. Returns
 * the exit status. config->max_conns 0 is filled in. */
int process_run(struct config *config);

/* Everything that can be checked without serving: for --check. The exit status. */
int process_check(struct config *config);

#endif

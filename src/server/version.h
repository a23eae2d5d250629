/* version.h - what this binary is and what it finds here: --version. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

#include <stdio.h>

/* A few lines: the version, the engines built in, liburing's version, the kernel and which of the
 * optional io_uring features it has, or why a ring can't be had. Opens a ring and closes it. */
void version_write(FILE *out);

#endif

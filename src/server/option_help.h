/* option_help.h - what --help shows, made from the table. */
#ifndef SERVER_OPTION_HELP_H
#define SERVER_OPTION_HELP_H

#include <stdio.h>

/* At most 80 columns, with defaults, units and variables. */
void option_help_write(FILE *out);

#endif

/* option_needs.h - what options need of each other, and which do not go together.
 *
 * Looked at when each of them was read by itself. */
#ifndef SERVER_OPTION_NEEDS_H
#define SERVER_OPTION_NEEDS_H

#include "server/option_values.h"

/* False: one was refused, with a line on values->err. */
bool option_needs_check(const struct option_values *values);

#endif

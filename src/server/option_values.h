/* option_values.h - what was given for each option, read into a struct config or refused.
 *
 * Whoever reads the command line and the environment gives values as it meets them; the one given
 * last is the one that is read, but for lists, which keep all that the command line has. Used by
 * options. */
#ifndef SERVER_OPTION_VALUES_H
#define SERVER_OPTION_VALUES_H

#include "server/option_table.h"

#include <stdio.h>

enum option_origin {
    ORIGIN_NONE,
    ORIGIN_DEFAULT,
    ORIGIN_ENVIRONMENT,
    ORIGIN_LINE,
    ORIGIN_ARGUMENT, /* DIR */
};

/* The value that won for one row, and how the operator wrote its name. */
struct option_given {
    enum option_origin origin;
    const struct option_row *spelled;
    const char *value;
};

/* All zero but for config and err: nothing is given. */
struct option_values {
    struct config *config;
    struct option_given given[ID_COUNT];
    bool too_many[ID_COUNT]; /* items of a list were left out */
    FILE *err;               /* for the sentence that refuses */
};

/* The text is borrowed for as long as the config is used. */
void option_values_give(struct option_values *values, enum option_id id, enum option_origin origin,
                        const char *value);

/* Read all that was given, and the defaults of the rest, into the config, which is all zero but for
 * lists. False: one was refused, with a line on `err`. */
bool option_values_read(struct option_values *values);

/* Was it given at all, if only as "no"? */
bool option_values_has(const struct option_values *values, enum option_id id);

/* Write "ringlet: --port 65536: ..." or "ringlet: RINGLET_PORT=65536: ..." to `err`. Always false.
 */
bool option_values_refuse(const struct option_values *values, enum option_id id, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));

/* Was --check given, and not as "no"? After reading. */
bool option_values_ask_for_check(const struct option_values *values);

#endif

/* opener.h - opens connections in bounded batches, and backs off when that fails. */
#ifndef LOAD_OPENER_H
#define LOAD_OPENER_H

#include "load/conn.h"

/* Have `c`, which is closed, opened as soon as may be. */
void opener_add(struct core *core, struct conn *c);

/* Open what may be opened now. */
void opener_run(struct core *core);

/* A connection could not be opened, or failed before it had an answer: wait longer. */
void opener_back_off(struct core *core);

/* A connection works. */
static inline void opener_encourage(struct core *core)
{
    core->retry_ns = 0;
    core->good_at = core->now;
}

#endif

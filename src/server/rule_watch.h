/* rule_watch.h - sees to it that the rules in force are those of the files.
 *
 * The site holds both files, or the knowledge that there is none, like anything else that is
 * served, so it is told of changes like that and wakes for them. When it no longer holds one they
 * are looked at on a helper thread, and once more when it does again: what happened in between gave
 * no event. Where it can't hold them they are looked at every RULE_WATCH_MS while anything happens;
 * with a cache that holds nothing at all also while nothing does, as nothing would wake the core.
 */
#ifndef SERVER_RULE_WATCH_H
#define SERVER_RULE_WATCH_H

#include "server/core.h"

enum {
    RULE_WATCH_MS = 1000,
    RULE_WATCH_TRIES_MAX = 32, /* to have the site hold a file, in that time */
};

/* Once a turn, while serving. */
void rule_watch_turn(struct core *core);

/* How long until the files must be looked at though nothing happens; -1: never. */
int rule_watch_wait_ms(const struct core *core);

/* A job is done: was it a look? Then its outcome is used. */
bool rule_watch_worked(struct core *core, const struct io_event *event);

#endif

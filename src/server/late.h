/* late.h - the replies of one core that their handlers have not finished yet. */
#ifndef SERVER_LATE_H
#define SERVER_LATE_H

#include "app/kept.h"
#include "server/core.h"

/* The program has touched some of them since this was last called: set their timers, and tell what
 * was done wrong. Returns one that has something to be put out, or to be cut; NULL when there are
 * no more. */
struct kept *late_changed(struct core *core);

/* It is kept from now on: should it be forgotten, that is told. */
void late_watch(struct core *core, struct kept *kept);

/* Its pieces may have room for more: if the program waits for that it will be called. */
void late_look_for_room(struct core *core, struct kept *kept);

/* Call those for which what they wait for has come, and tell of those that nothing will wake. */
void late_call(struct core *core);

/* How long until one is to be called or told of for the time, or at once; -1 when none is. */
int late_wait_ms(const struct core *core);

#endif

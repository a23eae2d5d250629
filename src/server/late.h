/* late.h - what the handlers of one core do later: replies that are not finished, bodies that are
 * not taken yet. */
#ifndef SERVER_LATE_H
#define SERVER_LATE_H

#include "app/kept.h"
#include "server/core.h"

struct http1;

/* The program has touched some of them since this was last called: wait for what it has asked for,
 * and tell what was done wrong. Returns the connection of one that has something to be put out, or
 * that goes on; with *cut, it is to be cut. NULL when there are no more. */
struct http1 *late_changed(struct core *core, bool *cut);

/* It is kept from now on: should it be forgotten, that is told. */
void late_watch(struct core *core, struct kept *kept);

/* Its pieces may have room for more: if the program waits for that it will be called. */
void late_look_for_room(struct core *core, struct kept *kept);

/* Call those for which what they wait for has come, and tell of those that nothing will wake. */
void late_call(struct core *core);

/* Wait for nothing for it any more. */
void late_forget(struct core *core, struct wait *wait);

/* How long until one is to be called or told of for the time, or at once; -1 when none is. */
int late_wait_ms(const struct core *core);

#endif

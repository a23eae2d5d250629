/* late.h - the replies of one core that their handlers have not finished yet. */
#ifndef SERVER_LATE_H
#define SERVER_LATE_H

#include "app/kept.h"
#include "server/core.h"

/* The program has touched some of them since this was last called: set their timers. Returns one
 * that is finished, no more than once; NULL when there are no more. */
struct kept *late_finished(struct core *core);

/* Call those whose timers are due. */
void late_expire(struct core *core);

/* How long until a timer is due; -1 when none is set. */
int late_wait_ms(const struct core *core);

#endif

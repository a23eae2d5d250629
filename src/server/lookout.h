/* lookout.h - a descriptor of the program's that is watched for a reply or a body.
 *
 * It has a duplicate of its own, and lives until the engine has let go of that, whatever becomes of
 * whoever waits. */
#ifndef SERVER_LOOKOUT_H
#define SERVER_LOOKOUT_H

#include "app/wait.h"
#include "server/core.h"

struct lookout {
    struct io_watch watch;
    struct wait *wait; /* NULL: nobody waits any more */
};

/* Watch the descriptor that was asked for, and take it over. */
void lookout_begin(struct core *core, struct wait *wait);

/* If one is watched: nobody waits for it any more. */
void lookout_end(struct core *core, struct wait *wait);

/* For the events of a watch that is a lookout's. */
void lookout_ready(struct core *core, struct io_watch *watch);
void lookout_over(struct core *core, struct io_watch *watch);

#endif

/* pause.h - SIGTSTP to a generator that sends at a rate: it comes to rest and stops, and the time
 * until it goes on (SIGCONT) is none of the run's.
 *
 * To be paused means to answer for nothing meanwhile, so the worker (worker.h) sends nothing that
 * is due any more, waits for what is under way, and stops the process. What several threads do
 * would not end at once: there is no pause for them, and SIGTSTP does what it always does. */
#ifndef LOAD_PAUSE_H
#define LOAD_PAUSE_H

#include "load/options.h"

#include <stdbool.h>

/* Does this run come to rest when it is told to stop? */
bool pause_is_possible(const struct options *options);

/* Keep SIGTSTP from stopping the process. Before the thread is started, which inherits it. */
void pause_block(void);

/* A descriptor that is readable when a pause is wanted (signalfd(2)), the caller's to close; -1
 * with errno set. */
int pause_open(void);

/* Stop the process as it was told by what lies in the descriptor; returns when it goes on. */
void pause_take(int fd);

#endif

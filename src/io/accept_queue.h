/* accept_queue.h - taking connections out of a listener's queue, and what the errors mean. */
#ifndef IO_ACCEPT_QUEUE_H
#define IO_ACCEPT_QUEUE_H

#include <stdbool.h>

/* Did accept(2) fail only for the one connection it was about, so that the next one may be tried?
 * `error` is an errno. */
bool accept_queue_lost_one(int error);

/* The next connection, non-blocking and close-on-exec; -EAGAIN when the queue is empty; -errno when
 * accepting has to pause or can't work. */
int accept_queue_take(int listener);

#endif

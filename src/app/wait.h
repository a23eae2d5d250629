/* wait.h - what the program waits with, for a time or a descriptor: a kept reply, or a body.
 *
 * Asking is noted in a list of the core's, which the server looks through once a turn; the server
 * then waits, and calls what was asked for. */
#ifndef APP_WAIT_H
#define APP_WAIT_H

#include "base/list.h"
#include "ringlet.h"

/* Whose part it is. */
enum wait_of { WAIT_OF_REPLY, WAIT_OF_BODY };

struct wait {
    enum wait_of of;
    void *connection;     /* the server's */
    struct list *changes; /* the core's list */
    struct list changed;  /* in that, when the program has done something */
    struct list timed;    /* in the core's list of timers, by the time they are due */
    struct list ready;    /* in the core's list of those to be called at once */

    bool timer_asked; /* since the server has last looked: */
    bool timer;       /* for a timer, or for none any more */
    uint32_t timer_ms;
    uint64_t due_ms; /* the server's: when that is */

    bool descriptor_asked; /* since the server has last looked: for one, or for none any more */
    int fd;                /* a duplicate, which the server takes over; or -1 */
    unsigned events;
    struct lookout *lookout; /* the server's, while it is watched; or NULL */
    bool came;               /* the server's: it is ready, and that is to be told */
};

/* Nothing is asked for. `changes` is the list of the core. */
void wait_init(struct wait *wait, enum wait_of of, struct list *changes);

/* The program has done something. */
void wait_note(struct wait *wait);

/* Ask for a timer, or for none. */
void wait_for_time(struct wait *wait, uint32_t ms, bool wanted);

/* Ask for a descriptor, or for none. 0, -EINVAL when it can't be watched, or -errno. */
int wait_for_descriptor(struct wait *wait, int fd, unsigned events, bool wanted);

/* Leave all lists, and close what the server has not taken over. */
void wait_drop(struct wait *wait);

#endif

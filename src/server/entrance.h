/* entrance.h - how connections come into a core: from its listeners, or from among those who wait.
 *
 * When as many connections are open as may be, those that still arrive wait, accepted, until one
 * closes, and the longest idle ones are closed sooner; nothing accepted is lost (but those whose
 * waiting finds no memory: they are closed). When descriptors run out, connections wait in the
 * kernel's queue and accepting is tried again every ENTRANCE_RETRY_MS. */
#ifndef SERVER_ENTRANCE_H
#define SERVER_ENTRANCE_H

#include "server/core.h"

enum {
    ENTRANCE_RETRY_MS = 100,
    ENTRANCE_CROWDED_IDLE_MS =
        1000, /* how long a connection may be idle while others wait for its place */
    ENTRANCE_DRAIN_IDLE_MS = 1000, /* likewise in a drain: time for a request that is on its way */
    /* How long a drain keeps its listeners for those who have connected and not come in yet: for
     * LISTENER_DEFER_S, and a round trip. Longer would be for those who never complete. */
    ENTRANCE_NEWCOMERS_MS = 1500,
    ENTRANCE_NEWCOMERS_STEP_MS = 50,      /* between two looks for them */
    ENTRANCE_HURRIED_HANDSHAKE_MS = 3000, /* in either case: time for two round trips, and a loss */
};

enum door_state { DOOR_ACCEPTS, DOOR_STOPPING, DOOR_STOPPED };

/* One listener. */
struct door {
    int listener; /* -1 once it is closed */
    bool secure;  /* who comes in speaks TLS */
    enum door_state state;
    uint64_t retry_ms; /* when to accept again after a failure; 0: not waiting for that */
};

/* Accepted, and waiting for a place. */
struct parked {
    int fd;
    bool secure;
};

enum entrance_stage {
    ENTRANCE_OPEN,
    ENTRANCE_DRAINING, /* who waits in a queue still comes in */
    ENTRANCE_SHUT,     /* nobody does */
};

struct entrance {
    struct core *core;
    enum entrance_stage stage;
    struct door doors[IO_LISTENERS_MAX];
    int count;             /* of doors */
    struct parked *parked; /* from parked_first to parked_end */
    unsigned parked_first, parked_end, parked_cap;
    uint64_t newcomers_until_ms; /* in a drain: then the queues are emptied, whoever is to come */
    uint64_t newcomers_look_ms;  /* when to look for them again; 0: nobody waits for them */
    unsigned cut;                /* who was in a queue when it was shut */
};

/* Nothing is accepted yet; the core outlives it. */
void entrance_init(struct entrance *e, struct core *core);

/* Accept from a listener, which is the entrance's from now on. */
void entrance_add(struct entrance *e, int listener, bool secure);

/* For the events of a listener. */
void entrance_accepted(struct entrance *e, const struct io_event *event);
void entrance_stopped(struct entrance *e, const struct io_event *event);

/* Places or descriptors may have become free. */
void entrance_admit(struct entrance *e);

/* Accept no more until entrance_admit finds descriptors. */
void entrance_pause(struct entrance *e);
/* Does it accept from no listener? */
bool entrance_is_paused(const struct entrance *e);

/* Accept again where that failed a while ago. */
void entrance_turn(struct entrance *e);
/* How long until there is something to do by the clock; -1: nothing. */
int entrance_wait_ms(const struct entrance *e);

/* Nobody new: who waits in the queues, or has connected and sent nothing yet, comes in, and then
 * the listeners are closed. */
void entrance_drain(struct entrance *e);
/* Nobody at all. Returns how many were cut who had been parked. */
unsigned entrance_shut(struct entrance *e);
/* After either: is every listener closed, and nobody parked? */
bool entrance_is_over(const struct entrance *e);

/* Free its memory, when it is over or nothing was added. */
void entrance_release(struct entrance *e);

#endif

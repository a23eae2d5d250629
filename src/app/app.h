/* app.h - what a program brings to a server: its routes, and state for each core. */
#ifndef APP_APP_H
#define APP_APP_H

#include "app/endpoints.h"

struct app {
    struct endpoints endpoints;

    /* Called on each core's thread, before it serves and when it has ended; either may be NULL.
     * `start` gives the core's state, NULL when it can't. */
    void *(*start)(void *data);
    void (*end)(void *state, void *data);
    void *data;
};

#endif

/* patience.h - how much longer one call of `wait` may sleep, when what woke it was of no interest
 * to the caller. The clock is not read unless that happens, so the sleep may be up to twice what
 * was asked. */
#ifndef IO_PATIENCE_H
#define IO_PATIENCE_H

#include <stdint.h>

struct patience {
    int timeout_ms;    /* for the next sleep; -1: for ever */
    uint64_t deadline; /* 0 before the first vain wake-up */
};

/* Woken in vain: set timeout_ms for the next sleep; 0 when there is none left. */
void patience_tried(struct patience *);

#endif

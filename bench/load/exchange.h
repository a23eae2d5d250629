/* exchange.h - the requests and answers of a connection: which may go out, what came back, and
 * how long it took. Touches no descriptor. */
#ifndef LOAD_EXCHANGE_H
#define LOAD_EXCHANGE_H

#include "load/conn.h"

enum exchange_result {
    EXCHANGE_ON,     /* receive on, or send the next */
    EXCHANGE_CLOSE,  /* the last answer said that its connection ends */
    EXCHANGE_BROKEN, /* no server may send this */
};

/* How many bytes a connection's buffer has. */
unsigned exchange_buffer_size(const struct plan *plan);

/* How many requests may go out now. */
unsigned exchange_may_send(const struct core *core, const struct conn *c);

/* `n` requests go out: their bytes. */
struct str exchange_sent(struct core *core, struct conn *c, unsigned n);

/* Read the answers that are in the buffer, and keep what is not yet whole. */
enum exchange_result exchange_read(struct core *core, struct conn *c);

/* The answer to the oldest request is complete. */
void exchange_answered(struct core *core, struct conn *c);

#endif

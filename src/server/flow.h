/* flow.h - put out a reply whose content is given in pieces (ringlet_reply_begin).
 *
 * What was given in one turn goes out in one send. While that is under way the program may give
 * more, up to RINGLET_PIECES_SIZE with what is being sent. */
#ifndef SERVER_FLOW_H
#define SERVER_FLOW_H

#include "server/exchange.h"

enum flow_progress {
    FLOW_WAITS, /* for the program: all it has given is put out */
    FLOW_FULL,  /* the output must be sent first */
    FLOW_OVER,  /* all is put out, or nobody is to get it */
};

/* The head; x is of the reply's request, and its output has room for any. False: memory is short.
 */
bool flow_begin(struct exchange *x, struct kept *kept);

/* As much of the content as has room in an output. What was put out before has been sent. */
enum flow_progress flow_put(struct core *core, struct output *out, struct kept *kept);

#endif

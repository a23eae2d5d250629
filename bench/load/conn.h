/* conn.h - one connection: sends what is due, receives and checks the answers.
 *
 * The kernel holds at most one send and one receive of it, or one connect. Closing has two stages:
 * shut down, then close and forget once the kernel holds nothing of it any more. */
#ifndef LOAD_CONN_H
#define LOAD_CONN_H

#include "load/core.h"

enum {
    CONN_BUFFER = 4096,              /* received at once; a head must fit */
    CONN_BUFFER_PER_REQUEST = 512,   /* as much more for each request in flight, */
    CONN_BUFFER_MAX = 128 * 1024,    /* up to this */
    CONN_SILENT_SEND_MAX = 8 * 1024, /* longer requests' sends are waited for */
    CONN_SKIP_MAX = 1 << 30,         /* content thrown away by one receive */
};

/* What the kernel is asked to do, and how a completion names it: operation, place in core->conns,
 * generation. */
enum conn_op {
    CONN_OP_CONNECT,
    CONN_OP_RECEIVE,
    CONN_OP_SEND,
    CONN_OP_BITS = 2,
    CONN_INDEX_BITS = 30
};

enum conn_state {
    CONN_CLOSED,
    CONN_CONNECTING,
    CONN_HANDSHAKE, /* of TLS */
    CONN_OPEN,
    CONN_CLOSING, /* shut down; the kernel still holds something of it */
};

/* When a request that is in flight was due, and when it was sent. */
struct conn_times {
    uint64_t due, sent;
};

struct conn {
    struct answer answer; /* to the oldest request in flight */
    char *in;
    unsigned in_len;
    int fd; /* -1: none */
    uint8_t state;
    bool queued;    /* waits to be opened */
    bool receiving; /* the kernel holds a receive */
    bool skipping;  /* which throws away what it receives */
    bool writing;   /* the kernel holds a connect, or a send whose end is waited for */
    bool idle;      /* sends one request and stays */
    bool settled;   /* counted as such in the core */
    bool proven;    /* has had an answer since it was opened */
    uint32_t generation;
    uint32_t index;           /* in core->conns */
    uint32_t place;           /* in the schedule */
    uint32_t url;             /* place in the rotation of the oldest request in flight */
    uint32_t inflight;        /* requests sent and not answered */
    uint32_t first;           /* the oldest of them in `times` */
    uint32_t used;            /* requests sent since it was opened */
    uint64_t issued;          /* requests sent or lost, ever; n-th of the schedule is next */
    uint64_t due;             /* requests of the schedule that have come due */
    uint64_t free_at;         /* since when there has been room for a request */
    uint64_t since;           /* when opening it began */
    struct conn_times *times; /* plan->options->pipeline of them, used as a ring */
    struct tls *tls;
    struct tls_ticket *ticket; /* of the last session, when the next is to resume it; or NULL */
    struct str outgoing;       /* of TLS: the rest of what is being sent */
};

/* Begin to open a closed connection. */
void conn_open(struct core *core, struct conn *c);

/* Send what may be sent now. */
void conn_send(struct core *core, struct conn *c);

/* A completion of the kernel. */
void conn_complete(struct core *core, uint64_t user_data, int result);

/* Give it up because of an error, which is counted for every request in flight. */
void conn_fail(struct core *core, struct conn *c, enum load_error error);

/* Close it at the end. */
void conn_end(struct core *core, struct conn *c);

/* Give it up when it has waited longer than the operator allows. */
void conn_check_patience(struct core *core, struct conn *c);

/* Is an idle connection still there, with nothing to read? */
bool conn_stands(const struct conn *c);

#endif

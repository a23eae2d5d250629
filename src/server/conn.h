/* conn.h - the life of one connection: bytes in, bytes out, deadlines, close.
 *
 * The state says what we are waiting for. The engine owns the descriptor and the socket part of the
 * struct from conn_open until IO_CLOSED; conn is reused only after that. */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include "server/http1.h"

enum {
    CONN_LINGER_MS = 5000, /* how long a peer may go on sending after our FIN */
    CONN_HALF_CLOSED_MS = RINGLET_HALF_CLOSED_MS,
    /* Bytes of a connection that may be closed without waiting for its client: what of them it has
     * not taken is the kernel's, and in no count or deadline of ours. */
    CONN_FIN_SENT_MAX = 64 * 1024,
    CONN_LEASES_HELD = 4, /* with more buffers waiting to be read, receiving is paused */
};

enum conn_state {
    CONN_READING, /* for bytes */
    CONN_FILLING, /* for the file that the next request asks for */
    CONN_WAITING, /* for a handler to go on: with its reply, or with its body */
    CONN_SENDING, /* for the kernel to take what we send, whatever else we wait for */
    CONN_CLOSING, /* for IO_CLOSED */
};

struct conn {
    struct io_sock sock; /* first: an event's socket is the connection */
    struct list link;    /* of the core's: open, or free */
    struct list filling; /* of the fill's: who waits for it */
    struct deadline deadline;
    enum conn_state state;
    bool ended; /* the peer has sent its FIN */
    bool last;  /* close when what is being sent is sent */
    bool paused;
    bool between;          /* plain, waits for bytes, and nothing is there of any request */
    bool express;          /* sends an everyday reply, and has received nothing since */
    bool hungry;           /* http1 has used what it can of what it has: TLS */
    bool reset;            /* closing, and not lingering */
    uint64_t sent_seen;    /* of sock.sent, when its deadline was set */
    struct output *out;    /* being sent, or NULL */
    struct secure *secure; /* NULL: plain */
    struct http1 http1;
};

/* Begin with a connected descriptor, whose client speaks TLS or does not. Takes it over; when
 * memory is short, closes it. */
void conn_open(struct core *core, int fd, bool secure);

/* For the events of a socket. */
void conn_received(struct core *core, const struct io_event *event);
void conn_ended(struct core *core, const struct io_event *event);
void conn_sent(struct core *core, const struct io_event *event);
void conn_closed(struct core *core, const struct io_event *event);

/* The fill is over: tell everybody who waits for it. */
void conn_filled(struct core *core, struct site_fill *fill);

/* A part of a file that somebody sends through TLS has been read. */
void conn_read(struct core *core, struct file_want *want, struct str bytes, int error);

/* Put out what handlers have finished late, and cut what they have given up. */
void conn_put_late(struct core *core);

/* Deal with every deadline that has passed. */
void conn_expire(struct core *core);

/* Cut all of them, whatever they are doing. */
void conn_reset_all(struct core *core);

/* Is it true to its state, between two turns of the loop? For tests. */
bool conn_holds(const struct conn *c);

#endif

/* secure.h - what TLS adds to one connection: between its socket and http1, both ways.
 *
 * What was received is opened into memory that all connections of the core share, shown to http1 as
 * input from there, and copied only as far as http1 leaves it. What is to be sent is sealed from
 * where it lies into a buffer of the core's, which is the connection's until it is sent. Nothing
 * here knows a socket, a deadline or a state: that is conn's. */
#ifndef SERVER_SECURE_H
#define SERVER_SECURE_H

#include "server/file_reads.h"
#include "server/input.h"
#include "server/output.h"
#include "server/sealed.h"
#include "tls/session.h"

struct conn;

enum {
    SECURE_PLAIN_SIZE = TLS_RECORD_MAX,    /* opened at a time */
    SECURE_FILE_SIZE = 4 * TLS_RECORD_MAX, /* of a file, read at a time */
    /* Handshakes of a core that may be under way; with more, the oldest is cut. */
    SECURE_HANDSHAKES_MAX = 4096,
};

/* What the TLS connections of one core share. */
struct secure_core {
    struct tls_context *context; /* for those that come */
    struct sealed_pool pool;
    struct file_reads reads;
    unsigned handshakes; /* under way */
    char plain[SECURE_PLAIN_SIZE];
    char file[SECURE_FILE_SIZE];
};

struct secure {
    struct conn *conn; /* whose it is */
    struct tls_session *session;
    struct input cipher;               /* received, and not opened */
    struct sealed *sealed;             /* being put together, or sent; or NULL */
    struct file_want want;             /* the part of the file that is being read */
    struct output *out;                /* what is sealed, from these on; or NULL */
    struct str slices[IO_IOV_MAX + 1]; /* and one for a piece of the file */
    int count;
    uint64_t file_at, file_left;
    bool more;        /* the session holds plaintext that there was no room for */
    bool handshaking; /* counted in secure_core.handshakes */
    bool ending;      /* close_notify is to follow what is sealed now */
    bool ended;       /* and has */
};

/* With this context, which is dropped with it. NULL when memory is short. */
struct secure_core *secure_core_make(struct tls_context *context);

/* Nobody uses anything of it. */
void secure_core_free(struct secure_core *shared);

/* For a new connection. NULL when memory is short. */
struct secure *secure_make(struct core *core, struct conn *conn);

/* Nothing more is received or sealed; what is being sent stays. */
void secure_stop(struct secure *s, struct core *core);

/* After secure_stop, and when nothing is being sent. */
void secure_free(struct secure *s, struct core *core);

/* Has something come that is not opened yet? */
static inline bool secure_has_input(const struct secure *s)
{
    return s->more || !input_is_empty(&s->cipher);
}

/* Open what has come, and show as much as there is room for as the input of http1, which has used
 * up or kept what it was shown before. There is nothing being sent. With TLS_FULL there is more.
 * What the session has to say is put together, for secure_seal. */
enum tls_result secure_open(struct secure *s, struct core *core, struct input *plain);

/* Is there room for what the session may have to say to the next bytes? */
bool secure_has_room(const struct secure *s);

/* Begin with an output, which stays the caller's until secure_seal has said that all is sealed. */
void secure_begin(struct secure *s, struct output *out);

/* Say behind the last bytes that nothing follows: where it can be said, and once. */
void secure_end(struct secure *s);

/* Is there something to be sealed, or sealed and not handed out? */
bool secure_has_output(const struct secure *s);

enum secure_outcome {
    SECURE_SEND,    /* send s->sealed, then call secure_sent */
    SECURE_READING, /* a file is being read: secure_filled */
    SECURE_NOTHING, /* all has been sent */
    SECURE_BROKEN,  /* it can't go on: the session has failed, the file is shorter than was said, or
                       memory is short */
};

/* Put together what is to be sent next. */
enum secure_outcome secure_seal(struct secure *s, struct core *core);

/* s->sealed has been sent. */
void secure_sent(struct secure *s, struct core *core);

/* What was read of the file (empty at its end), or why it was not. As secure_seal. */
enum secure_outcome secure_filled(struct secure *s, struct core *core, struct str bytes, int error);

#endif

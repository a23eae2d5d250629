/* visitor.h - a client of the stage's that speaks TLS: OpenSSL's, over the bytes of a plain one. */
#ifndef TEST_VISITOR_H
#define TEST_VISITOR_H

#include "stage.h"

#include <openssl/ssl.h>

struct visitor {
    struct client *wire;  /* what is on the wire; the stage's */
    struct client *plain; /* what was understood of it, for client_answer and its kind */
    SSL_CTX *context;
    SSL *ssl;
    bool ended; /* the server has said that nothing follows */
};

/* A stage whose connections all speak TLS. */
struct stage *visitor_stage(const struct config *config);

/* `version` is TLS1_2_VERSION or TLS1_3_VERSION. Nothing is said yet. */
struct visitor *visitor_open(struct stage *stage, int version);

/* Say this, the handshake before it if need be, and hear everything that comes of it. */
void visitor_say(struct visitor *v, const char *text);

/* Hear what has come, and what comes of that. */
void visitor_listen(struct visitor *v);

/* Free it; the wire is the stage's. */
void visitor_free(struct visitor *v);

#endif

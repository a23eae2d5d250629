/* context_inside.h - what is in a context, for the files of this room that share it. */
#ifndef TLS_CONTEXT_INSIDE_H
#define TLS_CONTEXT_INSIDE_H

#include "tls/pair.h"
#include "tls/tickets.h"

struct tls_context {
    OSSL_LIB_CTX *library;
    SSL_CTX *ssl;
    BIO_METHOD *stream; /* see stream.h */
    struct tickets tickets;
    struct pair pairs[TLS_PAIRS_MAX];
    int count;
    unsigned sessions; /* that use it */
    bool dropped;
};

/* A session begins and ends; the context may be gone after the latter. */
void tls_context_hold(struct tls_context *context);
void tls_context_let_go(struct tls_context *context);

#endif

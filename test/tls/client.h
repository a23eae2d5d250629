/* client.h - an OpenSSL client that talks to a session over memory. */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "tls/session.h"

#include <openssl/ssl.h>

/* Both ends of a conversation. Set what is to differ before the first client_run. */
struct client {
    SSL_CTX *context;
    SSL *ssl;
    struct tls_session *session;
    size_t piece;    /* ciphertext given to the session at a time; 0: all there is */
    size_t out_room; /* of the session's output */
    size_t plain_room;
    uint64_t now_ms;
    enum tls_result result; /* of the last receive */
    char *got;              /* what the session made of it */
    size_t got_len, got_cap;
    size_t put;      /* bytes of ciphertext the session has put out */
    char first[512]; /* of those */
    char last[512];  /* what the session put out last */
    size_t last_len;
};

/* `version` is TLS1_2_VERSION or TLS1_3_VERSION. */
void client_begin(struct client *c, struct tls_context *context, int version);

/* Let both talk until neither has anything to say. True when both have finished the handshake. */
bool client_run(struct client *c);

/* Give these bytes to the session as if they were the client's. */
void client_feed(struct client *c, const char *bytes, size_t len);

/* Send all of the slices, and let the client read them: how many bytes it got that are the same. */
size_t client_download(struct client *c, struct str *slices, int count);

void client_end(struct client *c);

#endif

/* context.h - what the TLS connections of one core have in common: certificates, keys, policy.
 *
 * A worker makes one on its own thread; nothing of it is shared with another core, OpenSSL's
 * library context included. The policy is that of an "intermediate" server: TLS 1.2 and 1.3, AEAD
 * suites with forward secrecy, X25519 and P-256 first, AES first unless the client would rather
 * have ChaCha20, no compression, no renegotiation, no 0-RTT, stateless tickets and no session
 * cache.
 *
 * When certificates are read again, a new context is made; the old one goes on for the sessions it
 * has. Nothing here reads a file, a clock or a socket, or writes a log. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "base/str.h"
#include "tls/report.h"

#include <stdint.h>

enum {
    TLS_PAIRS_MAX = 64, /* of certificates and keys; more are refused */
    TLS_TICKET_SECRET_SIZE = 32,
    /* How long tickets are sealed with the same keys. One is good for a period, and what is sealed
     * at the start of one can be opened until the end of the next. */
    TLS_TICKET_PERIOD_MS = 12 * 60 * 60 * 1000,
};

/* A certificate with its chain, the leaf first, and the key of the leaf. */
struct tls_pem {
    struct str name;         /* what sentences call it: the file's path */
    struct str certificates; /* PEM */
    struct str key;          /* PEM, not encrypted */
};

/* All of it is borrowed during tls_context_make only. The caller, who read the keys, clears them
 * afterwards with tls_clear. */
struct tls_config {
    const struct tls_pem *pairs; /* the first is for clients that name no host, or one we lack */
    int count;                   /* from 1 */
    /* The same for all cores, so that each can resume what another began; random, in memory alone,
     * and cleared when the server ends. */
    const unsigned char *ticket_secret; /* TLS_TICKET_SECRET_SIZE bytes */
    int64_t now_unix;                   /* seconds: what certificates' dates are compared with */
};

struct tls_context;

/* On the thread that will use it. NULL: the reason is in report->error. There may be a warning
 * either way. */
struct tls_context *tls_context_make(const struct tls_config *config, struct tls_report *report);

/* No new sessions: it goes when the last one it has goes. */
void tls_context_drop(struct tls_context *context);

/* Overwrite a secret in a way that no compiler leaves out. */
void tls_clear(void *secret, size_t size);

/* Fill with random bytes, for ticket_secret. False when the system has none. */
bool tls_random(void *bytes, size_t size);

#endif

/* made_pair.h - certificates for tests: of any kind of key, for any names. */
#ifndef TLS_MADE_PAIR_H
#define TLS_MADE_PAIR_H

#include "tls/context.h"

enum { MADE_NOW = 1700000000 }; /* seconds: when the tests believe to be */

struct made_pair {
    char certificate[8192], key[8192];
    struct tls_pem pem;
};

/* `kind` is "P-256", or "RSA" with a number of bits: "RSA2048". `names` is subjectAltName as
 * OpenSSL writes it, "DNS:a.example,DNS:*.b.example", or NULL. The key is encrypted when there is a
 * passphrase. */
void made_pair_make(struct made_pair *made, const char *kind, const char *names,
                    const char *passphrase);

/* A context of those, or NULL. */
struct tls_context *made_context(const struct made_pair *const *pairs, int count,
                                 struct tls_report *report);

#endif

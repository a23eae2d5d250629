/* pair.h - a certificate, the chain that leads up to its root, and its private key.
 *
 * Used by the context alone. The PEM bytes are borrowed during pair_read only; the key then lives
 * in OpenSSL's memory, which clears it when it frees it. */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

#include "tls/context.h"
#include "tls/names.h"

#include <openssl/ssl.h>

enum {
    PAIR_RSA_BITS_MIN = 2048, /* shorter ones are refused */
    PAIR_CHAIN_MAX = 16,      /* certificates in a chain; more are refused */
};

struct pair {
    X509 *certificate;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    struct tls_names names;
};

/* Read and check a pair. False: the reason is in report->error, and *pair holds nothing. */
bool pair_read(struct pair *pair, OSSL_LIB_CTX *library, const struct tls_pem *pem,
               int64_t now_unix, struct tls_report *report);

/* Free what pair_read took. */
void pair_release(struct pair *pair);

#endif

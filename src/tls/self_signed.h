/* self_signed.h - a key and a certificate of its own making, to try HTTPS with.
 *
 * Used by the server at start, when it is asked for and no certificate is given. Everything is
 * memory: nothing is written anywhere. */
#ifndef TLS_SELF_SIGNED_H
#define TLS_SELF_SIGNED_H

#include "base/str.h"

#include <stdint.h>

enum {
    TLS_SELF_SIGNED_DAYS = 397,      /* how long it is valid: browsers refuse more */
    TLS_SELF_SIGNED_NAMES_MAX = 64,  /* names beyond are left out */
    TLS_SELF_SIGNED_CERT_MAX = 8192, /* bytes of PEM; with names that need more it fails */
    TLS_SELF_SIGNED_KEY_MAX = 512,
    TLS_FINGERPRINT_SIZE = 32 * 3,
};

struct tls_self_signed {
    char certificate[TLS_SELF_SIGNED_CERT_MAX];
    char key[TLS_SELF_SIGNED_KEY_MAX]; /* secret: cleared by tls_self_signed_clear */
    size_t certificate_len, key_len;
    char fingerprint[TLS_FINGERPRINT_SIZE]; /* SHA-256, "AB:CD:...", for who is to trust it */
};

/* Make an ECDSA P-256 key and a certificate for localhost, 127.0.0.1, ::1 and the given names and
 * addresses, valid from a day before now. What is neither a DNS name nor an address is left out.
 * 0, -EINVAL when it gets too long, or -ENOMEM for whatever else OpenSSL could not do. */
int tls_self_signed_make(struct tls_self_signed *made, const struct str *names, int count,
                         int64_t now_unix);

/* Overwrite it. */
void tls_self_signed_clear(struct tls_self_signed *made);

#endif

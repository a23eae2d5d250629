/* names.h - the names that a certificate is for.
 *
 * Only the DNS names of subjectAltName count (RFC 9525 6.3); a "*" stands for one whole label, the
 * leftmost. Used by the context to pick a certificate for the name a client asks for (SNI). */
#ifndef TLS_NAMES_H
#define TLS_NAMES_H

#include "base/str.h"

enum {
    TLS_NAMES_MAX = 1024, /* of one certificate; what is beyond is not looked at */
    TLS_NAME_MAX = 253,   /* of a DNS name in text; a longer one is not taken */
};

struct x509_st;

enum tls_name_match { TLS_NAME_OTHER, TLS_NAME_WILDCARD, TLS_NAME_EXACT };

struct tls_names {
    struct str *names; /* in the names' own memory */
    int count;
};

/* Copy the names out of a certificate. 0 or -ENOMEM. */
int tls_names_read(struct tls_names *names, struct x509_st *certificate);

/* How `host`, which may end with a dot, fits one name, in any case of letters. */
enum tls_name_match tls_name_fits(struct str name, struct str host);

/* The best that any of them does. */
enum tls_name_match tls_names_match(const struct tls_names *names, struct str host);

/* Free what tls_names_read took. */
void tls_names_release(struct tls_names *names);

#endif

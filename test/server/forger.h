/* forger.h - records of TLS 1.3 in a client's name, with what OpenSSL itself would never put into
 * them. */
#ifndef TEST_FORGER_H
#define TEST_FORGER_H

#include <openssl/ssl.h>

#include <stddef.h>

enum { FORGED_EXTRA = 5 + 1 + 16 }; /* header, type, tag (RFC 8446 5.2) */

/* Have the client take the one suite there are forgeries for, and tell its secret; before the
 * handshake. */
void forger_watch(SSL *ssl);

/* Seal `len` bytes in a record of this type, the client's `number`th since the handshake. `record`
 * has room for FORGED_EXTRA more. Returns its length. */
size_t forger_seal(const SSL *ssl, unsigned char number, unsigned char type, const char *bytes,
                   size_t len, char *record);

/* For a client that was watched. */
void forger_free(SSL *ssl);

#endif

/* tickets.h - the keys that session tickets are sealed with, made from a secret and the time.
 *
 * Every core derives the same keys from the same secret, so that a session begun on one is resumed
 * on any other and nothing is shared but the secret. Time is cut into periods, each with keys of
 * its own, HKDF(secret, period) (RFC 5869); tickets are sealed with those of the current period
 * and opened with those of the current and the one before. Used by the context alone. */
#ifndef TLS_TICKETS_H
#define TLS_TICKETS_H

#include "tls/context.h"

#include <openssl/ssl.h>

enum {
    TICKET_NAME_SIZE = 16, /* SSL_CTX_set_tlsext_ticket_key_evp_cb(3) */
    TICKET_CIPHER_KEY_SIZE = 32,
    TICKET_MAC_KEY_SIZE = 32,
};

struct ticket_keys {
    bool made;
    uint64_t period;
    unsigned char name[TICKET_NAME_SIZE]; /* tells the periods apart to us, and nobody else */
    unsigned char cipher[TICKET_CIPHER_KEY_SIZE];
    unsigned char mac[TICKET_MAC_KEY_SIZE];
};

struct tickets {
    OSSL_LIB_CTX *library;
    EVP_CIPHER *cipher;
    unsigned char secret[TLS_TICKET_SECRET_SIZE];
    struct ticket_keys keys[2]; /* of an even period, of an odd one */
};

/* Borrows the library, copies the secret. False when OpenSSL lacks what it takes. */
bool tickets_init(struct tickets *tickets, OSSL_LIB_CTX *library, const unsigned char *secret);

/* The keys to seal a ticket with, or NULL. Valid until the next call. */
const struct ticket_keys *tickets_to_seal(struct tickets *tickets, uint64_t now_ms);

/* The keys that sealed the ticket of that name, or NULL when they are too old or not ours; *old
 * when they are of the period before. Valid until the next call. */
const struct ticket_keys *tickets_to_open(struct tickets *tickets, const unsigned char *name,
                                          uint64_t now_ms, bool *old);

/* Set up OpenSSL's contexts with these keys. */
bool tickets_set_up(const struct tickets *tickets, const struct ticket_keys *keys,
                    const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool seal);

/* Clear all keys. */
void tickets_release(struct tickets *tickets);

#endif

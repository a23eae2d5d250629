/* certificates.h - the certificates that HTTPS is served with, from the start on and when they
 * change.
 *
 * Keys are in memory only until the cores have taken them; then the files are watched, and read
 * again when they change or that is asked for. What is no good is refused with a sentence on
 * standard error, and changes nothing. Used by the process, on the main thread. */
#ifndef SERVER_CERTIFICATES_H
#define SERVER_CERTIFICATES_H

#include "server/pair_watch.h"
#include "server/pairs.h"

/* Nothing of it does anything where config->tls is false. */
struct certificates {
    const struct config *config;
    unsigned char ticket_secret[TLS_TICKET_SECRET_SIZE];
    struct pairs pairs; /* until they are taken */
    struct tls_config tls;
    struct pairs_stamps stamps; /* of the files when they were read last */
    struct pair_watch watch;
    bool asked; /* to be read whatever the stamps say */
};

/* Read, or make, the pairs, and see that they are good; before privileges are dropped. False, with
 * *why. All is released by certificates_release in either case. */
bool certificates_init(struct certificates *c, const struct config *config, struct sentence *why);

/* After privileges were dropped: can they be read again? False, with *why. Begins to watch them. */
bool certificates_keep(struct certificates *c, struct sentence *why);

/* What the cores are to be given; borrowed until certificates_taken. NULL: there is no HTTPS. */
const struct tls_config *certificates_given(const struct certificates *c);

/* The cores have all taken them: the keys go. */
void certificates_taken(struct certificates *c);

/* To be polled for reading, for certificates_wait_ms at most; -1 when there is nothing. Then
 * certificates_stirred. */
int certificates_fd(const struct certificates *c);
int certificates_wait_ms(const struct certificates *c, uint64_t now_ms);
void certificates_stirred(struct certificates *c, uint64_t now_ms);

/* Read the files when there is time, whether they have changed or not. */
void certificates_ask(struct certificates *c);

/* Those given last are taken: are there others now? Then the cores are to be given them. */
bool certificates_renew(struct certificates *c, uint64_t now_ms);

/* The secrets go. Without certificates_init, for one that is all zero but for watch.fd, -1. */
void certificates_release(struct certificates *c);

#endif

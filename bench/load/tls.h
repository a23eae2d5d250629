/* tls.h - the client's side of TLS, over memory: what came from the socket goes in, what is to be
 * sent comes out, and no call here touches a descriptor.
 *
 * A context is shared by all threads; a tls belongs to one connection, and a ticket to who took it.
 */
#ifndef LOAD_TLS_H
#define LOAD_TLS_H

#include "base/str.h"
#include "server/sentence.h"

#include <sys/types.h>

enum {
    TLS_RECORD_MAX = 16 * 1024, /* plain bytes of a record, RFC 8446 section 5.1; sent at once */
    TLS_RAW_MAX = 64 * 1024,    /* received at once */
};

struct tls_context;
struct tls;
struct tls_ticket; /* by which a later connection goes on with the session of an earlier one */

/* NULL with the reason in *why. `insecure` takes any certificate. A `cipher` that is not NULL is
 * the only suite offered, in TLS 1.3 and with keys agreed on by X25519: what one server costs can
 * then be compared with what another does. */
struct tls_context *tls_context_make(bool insecure, const char *cipher, struct sentence *why);
void tls_context_free(struct tls_context *context);

/* A session to `host`, whose name is sent and whose certificate must bear it; it asks to resume
 * that of a ticket, which may be NULL. NULL: no memory. */
struct tls *tls_open(struct tls_context *context, const char *host, struct tls_ticket *ticket);
void tls_free(struct tls *tls);

/* The last ticket that has come, or NULL where none has. Owned by the caller; free it. */
struct tls_ticket *tls_take_ticket(struct tls *tls);
void tls_ticket_free(struct tls_ticket *ticket);

/* Did the server agree to resume? Known once the handshake is done. */
bool tls_is_resumed(const struct tls *tls);

/* TLS_RAW_MAX bytes to receive into, and what to tell when so many have come. */
char *tls_raw(struct tls *tls);
void tls_received(struct tls *tls, size_t bytes);

/* Get on with the handshake: 1 done, 0 not yet, -1 it failed. */
int tls_handshake(struct tls *tls);

/* The next plain bytes: how many, 0 when more must come first, -1 at the end or a failure. */
ssize_t tls_read(struct tls *tls, char *at, size_t cap);

/* Take all of `plain` for sending. False when the session is broken. */
bool tls_write(struct tls *tls, struct str plain);

/* The next bytes for the socket, at most TLS_RECORD_MAX; empty when there are none. They stay where
 * they are until the next call of this function. */
struct str tls_outgoing(struct tls *tls);

/* Why the last call failed, in OpenSSL's words. */
const char *tls_error(const struct tls *tls);

#endif

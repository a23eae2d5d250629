/* session.h - the TLS of one connection, the server's side: bytes in, bytes out.
 *
 * How a connection uses it. It has one session from accept to close, and never lets it outlive the
 * thread of its context.
 *
 * Receiving. The bytes of a lease go to tls_session_receive as `cipher`, which advances over what
 * was taken; plaintext is added to `plain`, and whatever has to be said to the peer (handshake,
 * alerts) to `out`. Ciphertext is borrowed during the call only. What is left of it after TLS_FULL
 * is the caller's to keep, in its lease, until there is room for more plaintext: OpenSSL itself
 * keeps no more than one record. Call until it answers anything but TLS_FULL, sending `out` between
 * the calls; only after TLS_MORE is all of the ciphertext used up, and the lease can go back.
 *
 * Sending. tls_session_send seals slices, each where it lies, into `out`, which is the buffer that
 * the engine then sends; slices advance over what was taken, so what did not fit is sealed after
 * IO_SENT. Before the handshake is over nothing is taken.
 *
 * `out` needs room for TLS_OUT_MIN at least. What does not fit is kept and comes first in the next
 * call's `out`; tls_session_owes says that there is such, and tls_session_flush asks for nothing
 * else.
 *
 * Closing. Send what tls_session_close adds, then close lingering. After TLS_ENDED the peer sends
 * no more, but may still read: finish, then close. A FIN without TLS_ENDED before is a truncation,
 * to be taken as one wherever the length of a message depends on it. After TLS_FAILED send `out`,
 * the alert, and close; after TLS_PLAIN_HTTP answer in plain text and close: then the session has
 * taken and said nothing.
 *
 * now_ms is the clock of the core; it has to be the same clock on all cores, for tickets. */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include "base/text.h"
#include "tls/context.h"

#include <stdint.h>

enum {
    TLS_RECORD_MAX = 16384,   /* plaintext in one record (RFC 8446 5.1) */
    TLS_RECORD_OVERHEAD = 64, /* more than any of our suites adds to it */
    /* The first bytes go in records that fit a packet each, so that a client can begin with what
     * has come; after that in whole ones. A connection that was idle has a small window again. */
    TLS_RECORD_SMALL = 1300,
    TLS_SMALL_BYTES = 16 * 1024,
    TLS_IDLE_MS = 1000,
    TLS_OUT_MIN = 512,
    /* Of ciphertext from a client whose handshake is not over; one that goes on has failed. What
     * clients say is a tenth of it, and OpenSSL would hold four times as much of a hello. */
    TLS_GREETING_MAX = 32 * 1024,
};

enum tls_result {
    TLS_MORE,       /* all taken; more ciphertext is needed */
    TLS_FULL,       /* no room for plaintext, or too much owed to the peer: call again */
    TLS_ENDED,      /* the peer has said that it sends no more */
    TLS_FAILED,     /* it is over: `out` has the alert, when there is one to be sent */
    TLS_PLAIN_HTTP, /* these are not TLS records but a request in plain text */
};

struct tls_session;

/* NULL when memory is short. The context has not been dropped. */
struct tls_session *tls_session_make(struct tls_context *context);

/* At any time: nothing is put out. */
void tls_session_free(struct tls_session *session);

/* See above. `cipher` may be empty, to go on after TLS_FULL. */
enum tls_result tls_session_receive(struct tls_session *session, struct str *cipher,
                                    struct text *plain, struct text *out, uint64_t now_ms);

/* Seal what fits of `count` slices, in records that span them. True, or false when it has failed.
 */
bool tls_session_send(struct tls_session *session, struct str *slices, int count, struct text *out,
                      uint64_t now_ms);

/* Say that nothing more will be sent (close_notify), once. Where it can't be said nothing is. */
void tls_session_close(struct tls_session *session, struct text *out);

/* Is there something for the peer that did not fit? Then put it out, as far as it fits. */
bool tls_session_owes(const struct tls_session *session);
void tls_session_flush(struct tls_session *session, struct text *out);

/* Is the handshake over, and has nothing failed? */
bool tls_session_is_open(const struct tls_session *session);

/* Was it resumed, without a full handshake? */
bool tls_session_is_resumed(const struct tls_session *session);

/* What ALPN chose, empty without ALPN; and the host that the client asked for (SNI), likewise.
 * Valid as long as the session. */
struct str tls_session_protocol(const struct tls_session *session);
struct str tls_session_host(const struct tls_session *session);

#endif

/* session_inside.h - what is in a session, for OpenSSL's calls back into the context. */
#ifndef TLS_SESSION_INSIDE_H
#define TLS_SESSION_INSIDE_H

#include "tls/session.h"
#include "tls/stream.h"

#include <openssl/ssl.h>

struct tls_session {
    SSL *ssl;
    struct tls_context *context;
    struct stream stream;
    uint64_t now_ms;   /* of the call in progress */
    uint64_t sent_ms;  /* when something was sealed last */
    uint32_t small;    /* bytes sealed in small records since the beginning, or since it was idle */
    uint32_t greeting; /* bytes received until the handshake was over */
    bool begun;        /* the first byte was looked at */
    bool opened;       /* the handshake was over once; OpenSSL says so of later messages, too */
    bool failed;
    bool refused; /* the client asked for renegotiation and was told no */
    bool said_end;
};

/* OpenSSL's info callback, see SSL_CTX_set_info_callback(3). */
void tls_session_watch(const SSL *ssl, int where, int value);

#endif

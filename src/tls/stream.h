/* stream.h - the two ends of a session as OpenSSL sees them: ciphertext in, ciphertext out.
 *
 * A BIO over memory that is borrowed for the length of one call: input is read where it lies,
 * output is written where the caller wants it. What does not fit there overflows into memory of the
 * stream itself, bounded, and comes first the next time; so OpenSSL never has to be asked again to
 * write what it has sealed. Used by the session alone. */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include "base/text.h"

#include <openssl/bio.h>

/* A flight of certificates, or the answers to one call's input; with more, writing fails. */
enum { STREAM_OVERFLOW_MAX = 128 * 1024 };

struct stream {
    struct str in;    /* not read yet */
    struct text *out; /* NULL but during a call */
    char *overflow;   /* from overflow_at to overflow_len; NULL when there is none */
    size_t overflow_at, overflow_len, overflow_cap;
};

/* The kind of BIO; NULL when memory is short. Free it with BIO_meth_free. */
BIO_METHOD *stream_method(void);

/* A BIO over `stream`, which outlives it. NULL when memory is short. */
BIO *stream_bio(BIO_METHOD *method, struct stream *stream);

/* Move as much of the overflow as fits into `out`. */
void stream_flush(struct stream *stream, struct text *out);

static inline bool stream_has_overflow(const struct stream *stream)
{
    return stream->overflow_at < stream->overflow_len;
}

/* Free its memory. */
void stream_release(struct stream *stream);

#endif

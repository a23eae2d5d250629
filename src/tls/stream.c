#include "tls/stream.h"

#include <stdlib.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int stream_read(BIO *bio, char *into, size_t cap, size_t *read)
{
    struct stream *stream = BIO_get_data(bio);
    size_t len = smaller(cap, stream->in.len);

    BIO_clear_retry_flags(bio);
    *read = len;
    if (len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(into, stream->in.at, len);
    stream->in.at += len;
    stream->in.len -= len;
    return 1;
}

static bool grow(struct stream *stream, size_t more)
{
    size_t cap = stream->overflow_cap ? stream->overflow_cap : 4096;

    while (cap < stream->overflow_len + more)
        cap *= 2;
    if (cap > STREAM_OVERFLOW_MAX)
        return false;
    char *grown = realloc(stream->overflow, cap);
    if (!grown)
        return false;
    stream->overflow = grown;
    stream->overflow_cap = cap;
    return true;
}

static bool overflow(struct stream *stream, const char *bytes, size_t len)
{
    if (len > STREAM_OVERFLOW_MAX - stream->overflow_len)
        return false;
    if (stream->overflow_len + len > stream->overflow_cap && !grow(stream, len))
        return false;
    memcpy(stream->overflow + stream->overflow_len, bytes, len);
    stream->overflow_len += len;
    return true;
}

static int stream_write(BIO *bio, const char *bytes, size_t len, size_t *written)
{
    struct stream *stream = BIO_get_data(bio);
    size_t fits = 0;

    BIO_clear_retry_flags(bio);
    if (stream->out && !stream_has_overflow(stream))
        fits = smaller(len, text_room(stream->out));
    if (fits < len && !overflow(stream, bytes + fits, len - fits))
        return 0;
    if (fits > 0)
        text_add(stream->out, str_of(bytes, fits));
    *written = len;
    return 1;
}

static long stream_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* Without a type number of its own: there are 127 for the life of a process, and a method is made
 * for each context. */
BIO_METHOD *stream_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");

    if (!method)
        return NULL;
    BIO_meth_set_read_ex(method, stream_read);
    BIO_meth_set_write_ex(method, stream_write);
    BIO_meth_set_ctrl(method, stream_control);
    return method;
}

BIO *stream_bio(BIO_METHOD *method, struct stream *stream)
{
    BIO *bio = BIO_new(method);

    if (!bio)
        return NULL;
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    return bio;
}

void stream_flush(struct stream *stream, struct text *out)
{
    size_t len = smaller(text_room(out), stream->overflow_len - stream->overflow_at);

    if (len == 0)
        return;
    text_add(out, str_of(stream->overflow + stream->overflow_at, len));
    stream->overflow_at += len;
    if (!stream_has_overflow(stream))
        stream_release(stream);
}

void stream_release(struct stream *stream)
{
    free(stream->overflow);
    stream->overflow = NULL;
    stream->overflow_at = stream->overflow_len = stream->overflow_cap = 0;
}

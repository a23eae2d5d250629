#include "tls/session.h"

#include "base/check.h"
#include "tls/context_inside.h"
#include "tls/session_inside.h"

#include <openssl/err.h>
#include <stdlib.h>

/* More than this owed to a peer, and nothing more is read from it. */
enum { OWED_MAX = 32 * 1024 };

static struct tls_session *attach(struct tls_session *session)
{
    BIO *bio = stream_bio(session->context->stream, &session->stream);

    session->ssl = SSL_new(session->context->ssl);
    if (!session->ssl || !bio) {
        BIO_free(bio);
        SSL_free(session->ssl);
        free(session);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_app_data(session->ssl, session);
    SSL_set_accept_state(session->ssl);
    return session;
}

struct tls_session *tls_session_make(struct tls_context *context)
{
    struct tls_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->context = context;
    session = attach(session);
    if (session)
        tls_context_hold(context);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    struct tls_context *context = session->context;

    SSL_free(session->ssl);
    stream_release(&session->stream);
    free(session);
    tls_context_let_go(context);
}

void tls_session_watch(const SSL *ssl, int where, int value)
{
    struct tls_session *session = SSL_get_app_data(ssl);

    /* The low byte is the alert (RFC 5246 7.2). */
    if (where == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
        session->refused = true;
}

/* OpenSSL keeps the errors of a thread on one list: what is left there by one session would be
 * taken for the next one's. Clearing goes through the whole of it, so there is a look first. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

static void enter(struct tls_session *session, struct text *out)
{
    CHECK(text_room(out) >= TLS_OUT_MIN);
    forget_errors();
    stream_flush(&session->stream, out);
    session->stream.out = out;
}

static void leave(struct tls_session *session)
{
    session->opened = session->opened || SSL_is_init_finished(session->ssl);
    session->stream.out = NULL;
    session->stream.in = str_of(NULL, 0);
}

static enum tls_result fail(struct tls_session *session)
{
    session->failed = true;
    ERR_clear_error();
    return TLS_FAILED;
}

/* A handshake begins with a record of type 22, so no letter: RFC 8446 5.1. */
static bool is_plain_http(struct tls_session *session, struct str cipher)
{
    if (session->begun || cipher.len == 0)
        return false;
    session->begun = true;
    return cipher.at[0] >= 'A' && cipher.at[0] <= 'Z';
}

static size_t owed(const struct tls_session *session)
{
    return session->stream.overflow_len - session->stream.overflow_at;
}

static enum tls_result judge(struct tls_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        return fail(session);
    }
}

static enum tls_result read_some(struct tls_session *session, struct text *plain)
{
    while (text_room(plain) > 0 && owed(session) <= OWED_MAX) {
        size_t len = 0;
        int result = SSL_read_ex(session->ssl, plain->at + plain->len, text_room(plain), &len);

        if (session->refused)
            return fail(session);
        if (result <= 0)
            return judge(session, result);
        plain->len += len;
    }
    return TLS_FULL;
}

/* OpenSSL has dealt with so much of what a client says before the handshake is over. */
static bool greets_without_end(struct tls_session *session, size_t len)
{
    if (session->opened)
        return false;
    session->greeting += (uint32_t)len;
    return session->greeting > TLS_GREETING_MAX;
}

enum tls_result tls_session_receive(struct tls_session *session, struct str *cipher,
                                    struct text *plain, struct text *out, uint64_t now_ms)
{
    if (session->failed)
        return TLS_FAILED;
    if (is_plain_http(session, *cipher)) {
        session->failed = true;
        return TLS_PLAIN_HTTP;
    }
    session->now_ms = now_ms;
    enter(session, out);
    session->stream.in = *cipher;
    enum tls_result result = read_some(session, plain);
    size_t taken = cipher->len - session->stream.in.len;
    *cipher = session->stream.in;
    leave(session);
    return greets_without_end(session, taken) ? fail(session) : result;
}

/* How much goes into the next record: no crumbs at the end of a buffer that has `begun`. */
static size_t record_size(const struct tls_session *session, const struct text *out, bool begun)
{
    size_t most = session->small < TLS_SMALL_BYTES ? TLS_RECORD_SMALL : TLS_RECORD_MAX;
    size_t room = text_room(out);

    if (room <= TLS_RECORD_OVERHEAD)
        return 0;
    room -= TLS_RECORD_OVERHEAD;
    if (begun && room < TLS_RECORD_SMALL)
        return 0;
    return room < most ? room : most;
}

static size_t total(const struct str *slices, int count, size_t max)
{
    size_t len = 0;

    for (int i = 0; i < count && len < max; i++)
        len += slices[i].len;
    return len < max ? len : max;
}

static void advance(struct str *slices, size_t len)
{
    for (; len > 0; slices++) {
        size_t part = len < slices->len ? len : slices->len;
        slices->at += part;
        slices->len -= part;
        len -= part;
    }
}

static bool seal(struct tls_session *session, const char *bytes, size_t len)
{
    size_t written = 0;

    if (SSL_write_ex(session->ssl, bytes, len, &written) == 1 && written == len)
        return true;
    fail(session);
    return false;
}

/* One record of what lies in several pieces: one copy costs less than a record more. */
static bool seal_gathered(struct tls_session *session, const struct str *slices, size_t len)
{
    char gathered[TLS_RECORD_MAX];
    struct text text = text_in(gathered, len);

    for (; text.len < len; slices++) {
        size_t part = slices->len < len - text.len ? slices->len : len - text.len;
        text_add(&text, str_of(slices->at, part));
    }
    return seal(session, gathered, len);
}

static bool seal_record(struct tls_session *session, struct str *slices, size_t len)
{
    while (slices->len == 0)
        slices++;
    bool done =
        slices->len >= len ? seal(session, slices->at, len) : seal_gathered(session, slices, len);
    if (!done)
        return false;
    advance(slices, len);
    if (session->small < TLS_SMALL_BYTES)
        session->small += (uint32_t)len;
    return true;
}

static bool seal_all(struct tls_session *session, struct str *slices, int count, struct text *out)
{
    bool begun = false;

    while (!stream_has_overflow(&session->stream)) {
        size_t len = total(slices, count, record_size(session, out, begun));
        if (len == 0)
            break;
        if (!seal_record(session, slices, len))
            return false;
        begun = true;
    }
    return true;
}

bool tls_session_send(struct tls_session *session, struct str *slices, int count, struct text *out,
                      uint64_t now_ms)
{
    if (session->failed || session->said_end)
        return false;
    if (now_ms - session->sent_ms >= TLS_IDLE_MS)
        session->small = 0;
    session->now_ms = session->sent_ms = now_ms;
    enter(session, out);
    /* A message that changes keys may have come in part: that has to be dealt with first. */
    bool ready = SSL_is_init_finished(session->ssl);
    bool done = !ready || seal_all(session, slices, count, out);
    leave(session);
    return done;
}

void tls_session_close(struct tls_session *session, struct text *out)
{
    enter(session, out);
    if (!session->said_end && tls_session_is_open(session)) {
        session->said_end = true;
        SSL_shutdown(session->ssl);
        ERR_clear_error();
    }
    leave(session);
}

bool tls_session_owes(const struct tls_session *session)
{
    return stream_has_overflow(&session->stream);
}

void tls_session_flush(struct tls_session *session, struct text *out)
{
    stream_flush(&session->stream, out);
}

bool tls_session_is_open(const struct tls_session *session)
{
    return !session->failed && session->opened;
}

bool tls_session_is_resumed(const struct tls_session *session)
{
    return SSL_session_reused(session->ssl) == 1;
}

struct str tls_session_protocol(const struct tls_session *session)
{
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(session->ssl, &name, &len);
    return str_of((const char *)name, len);
}

struct str tls_session_host(const struct tls_session *session)
{
    const char *host = SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);

    return host ? str_from(host) : str_of(NULL, 0);
}

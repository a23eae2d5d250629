#include "client.h"

#include <openssl/err.h>
#include <stdlib.h>

void client_begin(struct client *c, struct tls_context *context, int version)
{
    *c = (struct client){ .out_room = 65536, .plain_room = 16384, .now_ms = 1000 };
    c->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c->context, version);
    SSL_CTX_set_max_proto_version(c->context, version);
    c->ssl = SSL_new(c->context);
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(c->ssl), -1);
    SSL_set_connect_state(c->ssl);
    c->session = tls_session_make(context);
    c->got_cap = 1 << 16;
    c->got = malloc(c->got_cap);
}

/* What the session put out goes to the client. */
static void hand_over(struct client *c, const struct text *out)
{
    if (out->len == 0)
        return;
    size_t len = out->len < sizeof c->last ? out->len : sizeof c->last;
    memcpy(c->last, out->at, len);
    c->last_len = len;
    if (c->put == 0)
        memcpy(c->first, out->at, len);
    c->put += out->len;
    BIO_write(SSL_get_rbio(c->ssl), out->at, (int)out->len);
}

static void keep(struct client *c, const struct text *plain)
{
    while (c->got_len + plain->len > c->got_cap) {
        c->got_cap *= 2;
        c->got = realloc(c->got, c->got_cap);
    }
    if (plain->len > 0)
        memcpy(c->got + c->got_len, plain->at, plain->len);
    c->got_len += plain->len;
}

/* Each time from memory of exactly that size, so that a sanitizer sees every step beside it. */
static void feed_piece(struct client *c, const char *bytes, size_t len)
{
    char *copy = malloc(len);
    memcpy(copy, bytes, len);
    struct str cipher = str_of(copy, len);

    do {
        char *plain_memory = malloc(c->plain_room), *out_memory = malloc(c->out_room);
        struct text plain = text_in(plain_memory, c->plain_room);
        struct text out = text_in(out_memory, c->out_room);
        c->result = tls_session_receive(c->session, &cipher, &plain, &out, c->now_ms);
        hand_over(c, &out);
        keep(c, &plain);
        while (tls_session_owes(c->session)) {
            out.len = 0;
            tls_session_flush(c->session, &out);
            hand_over(c, &out);
        }
        free(plain_memory);
        free(out_memory);
    } while (c->result == TLS_FULL);
    free(copy);
}

void client_feed(struct client *c, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t piece = c->piece && c->piece < len ? c->piece : len;
        feed_piece(c, bytes, piece);
        bytes += piece;
        len -= piece;
    }
}

static bool feed_pending(struct client *c)
{
    char *bytes;
    long len = BIO_get_mem_data(SSL_get_wbio(c->ssl), &bytes);

    if (len <= 0)
        return false;
    char *copy = malloc((size_t)len);
    memcpy(copy, bytes, (size_t)len);
    (void)BIO_reset(SSL_get_wbio(c->ssl));
    client_feed(c, copy, (size_t)len);
    free(copy);
    return true;
}

/* Reads nothing but takes in what is no data: the end of a handshake, tickets, alerts. */
static void listen(struct client *c)
{
    char byte;

    ERR_clear_error();
    SSL_do_handshake(c->ssl);
    if (SSL_is_init_finished(c->ssl))
        SSL_peek(c->ssl, &byte, 1);
}

bool client_run(struct client *c)
{
    do
        listen(c);
    while (feed_pending(c));
    return SSL_is_init_finished(c->ssl) && tls_session_is_open(c->session);
}

static size_t read_same(struct client *c, const char *expected, size_t len)
{
    char got[4096];
    size_t same = 0, read = 0;

    while (same < len && SSL_read_ex(c->ssl, got, sizeof got, &read) == 1) {
        if (read > len - same || memcmp(expected + same, got, read) != 0)
            return same;
        same += read;
    }
    return same;
}

static char *join(const struct str *slices, int count, size_t *len)
{
    char *all = malloc(1);

    *len = 0;
    for (int i = 0; i < count; i++) {
        all = realloc(all, *len + slices[i].len + 1);
        memcpy(all + *len, slices[i].at, slices[i].len);
        *len += slices[i].len;
    }
    return all;
}

size_t client_download(struct client *c, struct str *slices, int count)
{
    size_t len, same = 0;
    char *all = join(slices, count, &len);
    char *memory = malloc(c->out_room);
    struct text out;

    do {
        out = text_in(memory, c->out_room);
        if (!tls_session_send(c->session, slices, count, &out, c->now_ms))
            break;
        hand_over(c, &out);
        same += read_same(c, all + same, len - same);
    } while (out.len > 0 && same < len);
    free(memory);
    free(all);
    return same;
}

void client_end(struct client *c)
{
    tls_session_free(c->session);
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    free(c->got);
}

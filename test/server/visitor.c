#include "visitor.h"

#include "base/check.h"
#include "made_pair.h"

#include <openssl/err.h>
#include <stdlib.h>

struct stage *visitor_stage(const struct config *config)
{
    static const unsigned char secret[TLS_TICKET_SECRET_SIZE] = "one secret for all the cores";
    struct made_pair pair;

    made_pair_make(&pair, "P-256", "DNS:h", NULL);
    const struct tls_config tls = {
        .pairs = &pair.pem, .count = 1, .ticket_secret = secret, .now_unix = MADE_NOW
    };
    return stage_open_secure(config, &tls);
}

struct visitor *visitor_open(struct stage *stage, int version)
{
    struct visitor *v = calloc(1, sizeof *v);

    CHECK(v);
    v->wire = client_open(stage);
    v->plain = calloc(1, sizeof *v->plain);
    CHECK(v->plain);
    v->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(v->context, version);
    SSL_CTX_set_max_proto_version(v->context, version);
    v->ssl = SSL_new(v->context);
    SSL_set_bio(v->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(v->ssl), -1);
    SSL_set_connect_state(v->ssl);
    return v;
}

/* From the wire to OpenSSL. */
static bool take_in(struct visitor *v)
{
    struct client *wire = v->wire;
    size_t len = wire->in_len - wire->in_at;

    if (len == 0)
        return false;
    CHECK(BIO_write(SSL_get_rbio(v->ssl), wire->in + wire->in_at, (int)len) == (int)len);
    wire->in_at = wire->in_len = 0;
    return true;
}

/* And the other way. */
static bool put_out(struct visitor *v)
{
    char *bytes;
    long len = BIO_get_mem_data(SSL_get_wbio(v->ssl), &bytes);

    if (len <= 0)
        return false;
    client_say_bytes(v->wire, bytes, (size_t)len);
    (void)BIO_reset(SSL_get_wbio(v->ssl));
    return true;
}

static void understand(struct visitor *v)
{
    char bytes[16384];
    size_t len;

    ERR_clear_error();
    while (SSL_read_ex(v->ssl, bytes, sizeof bytes, &len) == 1)
        client_heard(v->plain, bytes, len);
    v->ended = v->ended || (SSL_get_shutdown(v->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void visitor_listen(struct visitor *v)
{
    bool moved;

    do {
        stage_settle(v->wire->stage);
        moved = take_in(v);
        understand(v);
        moved = put_out(v) || moved;
        v->plain->saw = v->wire->saw;
    } while (moved);
}

void visitor_say(struct visitor *v, const char *text)
{
    size_t written;

    if (!SSL_is_init_finished(v->ssl))
        visitor_listen(v);
    if (*text)
        CHECK(SSL_write_ex(v->ssl, text, strlen(text), &written) == 1);
    put_out(v);
    visitor_listen(v);
}

void visitor_free(struct visitor *v)
{
    SSL_free(v->ssl);
    SSL_CTX_free(v->context);
    free(v->plain->in);
    free(v->plain);
    free(v);
}

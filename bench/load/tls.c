#include "load/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>

struct tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    char why[256]; /* NUL-terminated */
    char raw[TLS_RAW_MAX];
    char outgoing[TLS_RECORD_MAX];
};

static bool offer_only(SSL_CTX *context, const char *cipher)
{
    char group[] = "X25519"; /* the macro casts const away */

    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, cipher) == 1 &&
           SSL_CTX_set1_groups_list(context, group) == 1;
}

struct tls_context *tls_context_make(bool insecure, const char *cipher, struct sentence *why)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
        (!insecure && !SSL_CTX_set_default_verify_paths(context))) {
        sentence_set(why, "TLS: %s", ERR_reason_error_string(ERR_get_error()));
        SSL_CTX_free(context);
        return NULL;
    }
    if (cipher && !offer_only(context, cipher)) {
        sentence_set(why, "--tls-cipher %s: no suite of TLS 1.3 that OpenSSL knows", cipher);
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return (struct tls_context *)context;
}

void tls_context_free(struct tls_context *context)
{
    SSL_CTX_free((SSL_CTX *)context);
}

/* An address is compared with the certificate's addresses, and is not a name to send. */
static bool set_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char name[TLSEXT_MAXLEN_host_name + 1];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    snprintf(name, sizeof name, "%s", host); /* the macro casts const away */
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, host) == 1;
}

struct tls *tls_open(struct tls_context *context, const char *host, struct tls_ticket *ticket)
{
    struct tls *tls = calloc(1, sizeof *tls);

    if (!tls)
        return NULL;
    tls->ssl = SSL_new((SSL_CTX *)context);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->in || !tls->out || !set_host(tls->ssl, host) ||
        (ticket && SSL_set_session(tls->ssl, (SSL_SESSION *)ticket) != 1)) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        SSL_free(tls->ssl);
        free(tls);
        return NULL;
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    /* Connections end without a close_notify of ours; without this OpenSSL takes that for a failure
     * and makes the session's tickets worthless, SSL_set_shutdown(3). */
    SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN);
    SSL_free(tls->ssl);
    free(tls);
}

struct tls_ticket *tls_take_ticket(struct tls *tls)
{
    SSL_SESSION *session = SSL_get1_session(tls->ssl);

    if (session && SSL_SESSION_is_resumable(session))
        return (struct tls_ticket *)session;
    SSL_SESSION_free(session);
    return NULL;
}

void tls_ticket_free(struct tls_ticket *ticket)
{
    SSL_SESSION_free((SSL_SESSION *)ticket);
}

bool tls_is_resumed(const struct tls *tls)
{
    return SSL_session_reused(tls->ssl) == 1;
}

char *tls_raw(struct tls *tls)
{
    return tls->raw;
}

void tls_received(struct tls *tls, size_t bytes)
{
    BIO_write(tls->in, tls->raw, (int)bytes);
}

static int result_of(struct tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    unsigned long code = ERR_peek_error();

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    if (error == SSL_ERROR_ZERO_RETURN)
        snprintf(tls->why, sizeof tls->why, "closed");
    else if (SSL_get_verify_result(tls->ssl) != X509_V_OK &&
             SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE)
        snprintf(tls->why, sizeof tls->why, "%s",
                 X509_verify_cert_error_string(SSL_get_verify_result(tls->ssl)));
    else
        snprintf(tls->why, sizeof tls->why, "%s", code ? ERR_reason_error_string(code) : "broken");
    ERR_clear_error();
    return -1;
}

int tls_handshake(struct tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);

    return result == 1 ? 1 : result_of(tls, result);
}

ssize_t tls_read(struct tls *tls, char *at, size_t cap)
{
    ERR_clear_error();
    int result = SSL_read(tls->ssl, at, cap > INT_MAX ? INT_MAX : (int)cap);

    return result > 0 ? result : result_of(tls, result);
}

bool tls_write(struct tls *tls, struct str plain)
{
    size_t written;

    ERR_clear_error();
    if (plain.len == 0 || SSL_write_ex(tls->ssl, plain.at, plain.len, &written) == 1)
        return true;
    result_of(tls, 0);
    return false;
}

struct str tls_outgoing(struct tls *tls)
{
    int bytes = BIO_read(tls->out, tls->outgoing, sizeof tls->outgoing);

    return str_of(tls->outgoing, bytes > 0 ? (size_t)bytes : 0);
}

const char *tls_error(const struct tls *tls)
{
    return tls->why;
}

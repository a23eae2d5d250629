#include "tls/context.h"

#include "base/check.h"
#include "tls/context_inside.h"
#include "tls/session_inside.h"
#include "tls/stream.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

/* Mozilla's "intermediate" profile but for finite-field Diffie-Hellman, which only clients without
 * elliptic curves need and which costs the server most. */
static const char suites_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char suites_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

enum { SECURITY_LEVEL = 2 }; /* 112 bits: what the suites above give; for chains, too */

/* What ALPN may settle on, the best first. A client that is told to speak the old version of HTTP
 * may offer that alone. */
struct protocol {
    struct str name;
    bool spoken;
};

static const struct protocol protocols[] = {
    { STR_INIT("h2"), false },
    { STR_INIT("http/1.1"), true },
    { STR_INIT("http/1.0"), true },
};

static bool offered(const unsigned char *list, unsigned len, struct str name)
{
    for (unsigned at = 0; at < len; at += 1U + list[at])
        if (list[at] < len - at && str_equal(str_of((const char *)list + at + 1, list[at]), name))
            return true;
    return false;
}

/* A client that offers none of ours gets the alert no_application_protocol (RFC 7301 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                           const unsigned char *list, unsigned len, void *unused)
{
    (void)ssl;
    (void)unused;
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        struct str name = protocols[i].name;
        if (!protocols[i].spoken || !offered(list, len, name))
            continue;
        *chosen = (const unsigned char *)name.at;
        *chosen_len = (unsigned char)name.len;
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool has_match(const struct tls_context *context, struct str host, enum tls_name_match match)
{
    for (int i = 0; i < context->count; i++)
        if (tls_names_match(&context->pairs[i].names, host) == match)
            return true;
    return false;
}

static bool use_pair(SSL *ssl, const struct pair *pair)
{
    return SSL_use_cert_and_key(ssl, pair->certificate, pair->key, pair->chain, 1) == 1;
}

/* Those that fit as well as any. A key of each kind has its place in OpenSSL, which takes what the
 * client can check; the last one put there stays, hence backwards. */
static bool use_pairs_for(SSL *ssl, const struct tls_context *context, struct str host,
                          enum tls_name_match match)
{
    SSL_certs_clear(ssl);
    for (int i = context->count - 1; i >= 0; i--) {
        const struct pair *pair = &context->pairs[i];
        if (tls_names_match(&pair->names, host) == match && !use_pair(ssl, pair))
            return false;
    }
    return true;
}

/* Without a match the client gets what the SSL_CTX has, and may refuse it. */
static int choose_pairs(SSL *ssl, void *context)
{
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct str host = asked ? str_from(asked) : str_of(NULL, 0);
    enum tls_name_match match = TLS_NAME_EXACT;

    if (!has_match(context, host, match))
        match = TLS_NAME_WILDCARD;
    if (!has_match(context, host, match))
        return 1;
    return use_pairs_for(ssl, context, host, match);
}

/* Any answer but an error says that the name was understood, which RFC 6066 asks for. */
static int take_name(SSL *ssl, int *alert, void *unused)
{
    (void)ssl;
    (void)alert;
    (void)unused;
    return SSL_TLSEXT_ERR_OK;
}

/* Does it belong beside the first pair: for the same name, another kind of key? */
static bool is_beside_first(const struct tls_context *context, const struct pair *pair)
{
    const struct pair *first = &context->pairs[0];

    if (pair == first)
        return true;
    if (EVP_PKEY_get_base_id(pair->key) == EVP_PKEY_get_base_id(first->key))
        return false;
    return first->names.count > 0 &&
           tls_names_match(&pair->names, first->names.names[0]) != TLS_NAME_OTHER;
}

static bool use_default_pairs(struct tls_context *context)
{
    for (int i = context->count - 1; i >= 0; i--) {
        const struct pair *pair = &context->pairs[i];
        if (is_beside_first(context, pair) &&
            SSL_CTX_use_cert_and_key(context->ssl, pair->certificate, pair->key, pair->chain, 1) !=
                1)
            return false;
    }
    return true;
}

/* Clients are not to use a ticket of TLS 1.3 twice (RFC 8446 C.4), so they are given another. */
static bool needs_another(const SSL *ssl, bool old)
{
    return old || SSL_version(ssl) == TLS1_3_VERSION;
}

/* 1 go on, 2 go on and seal a new one, 0 do a full handshake, -1 give up. */
static int ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                       EVP_MAC_CTX *mac, int seal)
{
    struct tls_session *session = SSL_get_app_data(ssl);
    struct tickets *tickets = &session->context->tickets;
    const struct ticket_keys *keys;
    bool old = false;

    if (!seal) {
        keys = tickets_to_open(tickets, name, session->now_ms, &old);
        if (!keys)
            return 0;
        if (!tickets_set_up(tickets, keys, iv, cipher, mac, false))
            return -1;
        return 1 + needs_another(ssl, old);
    }
    keys = tickets_to_seal(tickets, session->now_ms);
    if (!keys || RAND_bytes_ex(tickets->library, iv, EVP_MAX_IV_LENGTH, 0) != 1)
        return -1;
    memcpy(name, keys->name, sizeof keys->name);
    return tickets_set_up(tickets, keys, iv, cipher, mac, true) ? 1 : -1;
}

static bool set_policy(SSL_CTX *ssl)
{
    char groups[] = "X25519:P-256:P-384"; /* OpenSSL takes no const here */

    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_max_early_data(ssl, 0);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl, suites_12) == 1 &&
           SSL_CTX_set_ciphersuites(ssl, suites_13) == 1 &&
           SSL_CTX_set1_groups_list(ssl, groups) == 1;
}

static bool set_resumption(SSL_CTX *ssl)
{
    const unsigned char id[] = "ringlet";

    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ssl, TLS_TICKET_PERIOD_MS / 1000);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, ticket_keys) == 1 &&
           SSL_CTX_set_session_id_context(ssl, id, sizeof id - 1) == 1;
}

static bool set_up(struct tls_context *context, const struct tls_config *config)
{
    context->library = OSSL_LIB_CTX_new();
    context->stream = stream_method();
    if (!context->library || !context->stream)
        return false;
    context->ssl = SSL_CTX_new_ex(context->library, NULL, TLS_server_method());
    if (!context->ssl || !set_policy(context->ssl) || !set_resumption(context->ssl))
        return false;
    SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(context->ssl, take_name);
    SSL_CTX_set_info_callback(context->ssl, tls_session_watch);
    return tickets_init(&context->tickets, context->library, config->ticket_secret);
}

static bool read_pairs(struct tls_context *context, const struct tls_config *config,
                       struct tls_report *report)
{
    for (int i = 0; i < config->count; i++) {
        if (!pair_read(&context->pairs[i], context->library, &config->pairs[i], config->now_unix,
                       report))
            return false;
        context->count++;
    }
    return true;
}

static bool explain(struct tls_report *report, struct str what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    snprintf(report->error, sizeof report->error, "%.*s: %s", (int)what.len, what.at,
             reason ? reason : "OpenSSL does not say why it is not taken");
    ERR_clear_error();
    return false;
}

/* What pair_read lets pass and the policy does not: a chain signed with SHA-1, an odd curve. Each
 * is tried by itself, so that the sentence names it. */
static bool check_pairs(struct tls_context *context, const struct tls_config *config,
                        struct tls_report *report)
{
    for (int i = 0; i < context->count; i++) {
        const struct pair *pair = &context->pairs[i];
        SSL *ssl = SSL_new(context->ssl);
        bool fine = ssl && use_pair(ssl, pair);
        SSL_free(ssl);
        if (!fine)
            return explain(report, config->pairs[i].name);
    }
    return true;
}

static bool fill_in(struct tls_context *context, const struct tls_config *config,
                    struct tls_report *report)
{
    ERR_clear_error();
    if (config->count < 1 || config->count > TLS_PAIRS_MAX) {
        snprintf(report->error, sizeof report->error, "there have to be 1 to %d certificates",
                 TLS_PAIRS_MAX);
        return false;
    }
    if (!set_up(context, config))
        return explain(report, STR("OpenSSL can't be set up"));
    if (!read_pairs(context, config, report) || !check_pairs(context, config, report))
        return false;
    if (!use_default_pairs(context))
        return explain(report, STR("the first certificate can't be used"));
    if (context->count > 1)
        SSL_CTX_set_cert_cb(context->ssl, choose_pairs, context);
    return true;
}

static void release(struct tls_context *context)
{
    for (int i = 0; i < context->count; i++)
        pair_release(&context->pairs[i]);
    tickets_release(&context->tickets);
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->stream);
    OSSL_LIB_CTX_free(context->library);
    free(context);
}

struct tls_context *tls_context_make(const struct tls_config *config, struct tls_report *report)
{
    struct tls_context *context = calloc(1, sizeof *context);

    *report = (struct tls_report){ "", "" };
    if (!context) {
        snprintf(report->error, sizeof report->error, "out of memory");
        return NULL;
    }
    if (!fill_in(context, config, report)) {
        release(context);
        return NULL;
    }
    return context;
}

void tls_context_drop(struct tls_context *context)
{
    CHECK(!context->dropped);
    context->dropped = true;
    if (context->sessions == 0)
        release(context);
}

void tls_context_hold(struct tls_context *context)
{
    CHECK(!context->dropped);
    context->sessions++;
}

void tls_context_let_go(struct tls_context *context)
{
    CHECK(context->sessions > 0);
    context->sessions--;
    if (context->sessions == 0 && context->dropped)
        release(context);
}

void tls_clear(void *secret, size_t size)
{
    OPENSSL_cleanse(secret, size);
}

bool tls_random(void *bytes, size_t size)
{
    return RAND_bytes(bytes, (int)size) == 1;
}

#include "tls/pair.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

static bool refuse(struct tls_report *report, const struct tls_pem *pem, const char *what)
{
    snprintf(report->error, sizeof report->error, "%.*s: %s", (int)pem->name.len, pem->name.at,
             what);
    ERR_clear_error();
    return false;
}

static void warn(struct tls_report *report, const struct tls_pem *pem, const char *what)
{
    if (report->warning[0] == '\0')
        snprintf(report->warning, sizeof report->warning, "%.*s: %s", (int)pem->name.len,
                 pem->name.at, what);
}

static BIO *open_pem(struct str text)
{
    if (text.len == 0 || text.len > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(text.at, (int)text.len);
}

/* Nobody is there to be asked. */
static int no_passphrase(char *into, int cap, int writing, void *asked)
{
    (void)into;
    (void)cap;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static X509 *next_certificate(BIO *bio, OSSL_LIB_CTX *library)
{
    X509 *certificate = X509_new_ex(library, NULL);

    if (certificate && !PEM_read_bio_X509(bio, &certificate, NULL, NULL)) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* Was the end of the text the only reason that no more could be read? */
static bool at_end_of_pem(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static const char *read_chain(struct pair *pair, BIO *bio, OSSL_LIB_CTX *library)
{
    X509 *next;

    while ((next = next_certificate(bio, library))) {
        if (sk_X509_num(pair->chain) >= PAIR_CHAIN_MAX || !sk_X509_push(pair->chain, next)) {
            X509_free(next);
            return "the chain of certificates is too long";
        }
    }
    return at_end_of_pem() ? NULL : "a certificate of the chain is damaged";
}

static const char *read_certificates(struct pair *pair, BIO *bio, OSSL_LIB_CTX *library)
{
    pair->chain = sk_X509_new_null();
    if (!pair->chain)
        return "out of memory";
    pair->certificate = next_certificate(bio, library);
    if (pair->certificate)
        return read_chain(pair, bio, library);
    return at_end_of_pem() ? "there is no certificate in it (BEGIN CERTIFICATE)"
                           : "the certificate is damaged";
}

static const char *read_key(struct pair *pair, BIO *bio, OSSL_LIB_CTX *library, struct str text)
{
    bool asked = false;

    pair->key = PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, &asked, library, NULL);
    if (pair->key)
        return NULL;
    if (asked)
        return "the key is encrypted, and nobody is there to give the passphrase: "
               "store it without one (openssl pkey)";
    return memmem(text.at, text.len, "PRIVATE KEY-----", 16)
               ? "the private key is damaged"
               : "there is no private key for it (BEGIN PRIVATE KEY)";
}

static const char *read_both(struct pair *pair, OSSL_LIB_CTX *library, const struct tls_pem *pem)
{
    const char *wrong = "the certificate or its key is empty";
    BIO *certificates = open_pem(pem->certificates);
    BIO *key = open_pem(pem->key);

    if (certificates && key)
        wrong = read_certificates(pair, certificates, library);
    if (certificates && key && !wrong)
        wrong = read_key(pair, key, library, pem->key);
    BIO_free(certificates);
    BIO_free(key);
    return wrong;
}

static const char *check_strength(const struct pair *pair)
{
    switch (EVP_PKEY_get_base_id(pair->key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        if (EVP_PKEY_get_bits(pair->key) >= PAIR_RSA_BITS_MIN)
            return NULL;
        return "the RSA key is too short: it has to have 2048 bits at least";
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return NULL;
    default:
        return "a key of this kind is not served: take an ECDSA or an RSA key";
    }
}

static void check_dates(const struct pair *pair, const struct tls_pem *pem, int64_t now_unix,
                        struct tls_report *report)
{
    time_t now = (time_t)now_unix;

    if (X509_cmp_time(X509_get0_notAfter(pair->certificate), &now) < 0)
        warn(report, pem, "the certificate has expired: clients will refuse it");
    else if (X509_cmp_time(X509_get0_notBefore(pair->certificate), &now) > 0)
        warn(report, pem, "the certificate is not valid yet: clients will refuse it");
    else if (pair->names.count == 0)
        warn(report, pem, "the certificate has no name in subjectAltName: clients will refuse it");
}

static const char *read_pair(struct pair *pair, OSSL_LIB_CTX *library, const struct tls_pem *pem)
{
    const char *wrong = read_both(pair, library, pem);

    if (wrong)
        return wrong;
    if (X509_check_private_key(pair->certificate, pair->key) != 1)
        return "the key does not belong to the certificate";
    wrong = check_strength(pair);
    if (!wrong && tls_names_read(&pair->names, pair->certificate) < 0)
        wrong = "out of memory";
    return wrong;
}

bool pair_read(struct pair *pair, OSSL_LIB_CTX *library, const struct tls_pem *pem,
               int64_t now_unix, struct tls_report *report)
{
    *pair = (struct pair){ 0 };
    ERR_clear_error();
    const char *wrong = read_pair(pair, library, pem);
    if (wrong) {
        pair_release(pair);
        return refuse(report, pem, wrong);
    }
    check_dates(pair, pem, now_unix, report);
    ERR_clear_error();
    return true;
}

void pair_release(struct pair *pair)
{
    tls_names_release(&pair->names);
    EVP_PKEY_free(pair->key);
    sk_X509_pop_free(pair->chain, X509_free);
    X509_free(pair->certificate);
    *pair = (struct pair){ 0 };
}

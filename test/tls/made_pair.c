#include "made_pair.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void must(int done)
{
    if (done <= 0)
        abort();
}

static EVP_PKEY *make_key(const char *kind)
{
    if (strncmp(kind, "RSA", 3) == 0)
        return EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10));
    return EVP_EC_gen(kind);
}

static X509 *make_certificate(EVP_PKEY *key, const char *names)
{
    X509 *certificate = X509_new();

    must(certificate != NULL && X509_set_version(certificate, X509_VERSION_3));
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7));
    must(ASN1_TIME_set(X509_getm_notBefore(certificate), MADE_NOW - 1000) != NULL);
    must(ASN1_TIME_set(X509_getm_notAfter(certificate), MADE_NOW + 1000) != NULL);
    must(X509_set_pubkey(certificate, key));
    if (names) {
        char text[512];
        snprintf(text, sizeof text, "%s", names);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
        must(extension && X509_add_ext(certificate, extension, -1));
        X509_EXTENSION_free(extension);
    }
    must(X509_sign(certificate, key, EVP_sha256()));
    return certificate;
}

static struct str take(BIO *bio, char *into, size_t cap)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);

    must(len > 0 && (size_t)len < cap);
    memcpy(into, text, (size_t)len);
    BIO_free(bio);
    return str_of(into, (size_t)len);
}

void made_pair_make(struct made_pair *made, const char *kind, const char *names,
                    const char *passphrase)
{
    EVP_PKEY *key = make_key(kind);
    BIO *certificate_text = BIO_new(BIO_s_mem());
    BIO *key_text = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;

    must(key && certificate_text && key_text);
    X509 *certificate = make_certificate(key, names);
    must(PEM_write_bio_X509(certificate_text, certificate));
    must(PEM_write_bio_PKCS8PrivateKey(key_text, key, cipher, passphrase,
                                       passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
    made->pem.name = STR("site.pem");
    made->pem.certificates = take(certificate_text, made->certificate, sizeof made->certificate);
    made->pem.key = take(key_text, made->key, sizeof made->key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

struct tls_context *made_context(const struct made_pair *const *pairs, int count,
                                 struct tls_report *report)
{
    static const unsigned char secret[TLS_TICKET_SECRET_SIZE] = "one secret for all the cores";
    struct tls_pem pems[8];
    struct tls_config config = { pems, count, secret, MADE_NOW };

    for (int i = 0; i < count && i < 8; i++)
        pems[i] = pairs[i]->pem;
    return tls_context_make(&config, report);
}

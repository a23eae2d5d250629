#include "tls/self_signed.h"

#include "tls/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
    SERIAL_SIZE = 16, /* bytes: random, so that no two certificates look like one (RFC 5280) */
    DAY_S = 24 * 60 * 60,
};

static bool is_dns_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '*';
}

static bool is_dns_name(struct str name)
{
    if (name.len == 0 || name.len > TLS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_dns_char(name.at[i]))
            return false;
    return name.at[0] != '.' && name.at[0] != '-';
}

/* The bytes of an IPv4 or IPv6 address in text: how many, or 0. */
static int parse_address(struct str text, unsigned char bytes[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len >= sizeof copy)
        return 0;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1)
        return 4;
    return inet_pton(AF_INET6, copy, bytes) == 1 ? 16 : 0;
}

static bool push_name(GENERAL_NAMES *names, int type, const void *bytes, int len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    /* An address and a name are both strings of bytes, told apart by the type alone. */
    ASN1_STRING *value = type == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();

    if (name && value && ASN1_STRING_set(value, bytes, len)) {
        GENERAL_NAME_set0_value(name, type, value);
        if (sk_GENERAL_NAME_push(names, name))
            return true;
        value = NULL;
    }
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return false;
}

static bool add_name(GENERAL_NAMES *names, struct str name)
{
    unsigned char address[16];
    int len = parse_address(name, address);

    if (len > 0)
        return push_name(names, GEN_IPADD, address, len);
    return !is_dns_name(name) || push_name(names, GEN_DNS, name.at, (int)name.len);
}

static bool add_names(X509 *certificate, const struct str *names, int count)
{
    GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
    bool done = all && add_name(all, STR("localhost")) && add_name(all, STR("127.0.0.1")) &&
                add_name(all, STR("::1"));

    for (int i = 0; i < count && i < TLS_SELF_SIGNED_NAMES_MAX && done; i++)
        done = add_name(all, names[i]);
    done = done && X509_add1_ext_i2d(certificate, NID_subject_alt_name, all, 0, 0) == 1;
    sk_GENERAL_NAME_pop_free(all, GENERAL_NAME_free);
    return done;
}

static bool add_text_extension(X509 *certificate, int nid, const char *text)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
    bool done = extension && X509_add_ext(certificate, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return done;
}

static bool add_uses(X509 *certificate)
{
    return add_text_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_text_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_text_extension(certificate, NID_ext_key_usage, "serverAuth");
}

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_SIZE];

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (bytes[0] & 0x3f) | 0x40; /* positive, and of full length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return done;
}

static bool set_dates(X509 *certificate, int64_t now_unix)
{
    time_t from = (time_t)now_unix - DAY_S;
    time_t until = from + (time_t)TLS_SELF_SIGNED_DAYS * DAY_S;

    return ASN1_TIME_set(X509_getm_notBefore(certificate), from) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), until);
}

static bool set_subject(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"ringlet, self-signed", -1, -1, 0) &&
           X509_set_issuer_name(certificate, name);
}

static bool fill_in(X509 *certificate, EVP_PKEY *key, const struct str *names, int count,
                    int64_t now_unix)
{
    return X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
           set_dates(certificate, now_unix) && set_subject(certificate) &&
           X509_set_pubkey(certificate, key) && add_names(certificate, names, count) &&
           add_uses(certificate) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Copy what was written, and clear it where it was. 0 or -EINVAL when it does not fit. */
static int take_text(BIO *bio, char *into, size_t cap, size_t *len)
{
    char *text;
    long written = BIO_get_mem_data(bio, &text);
    int error = 0;

    if (written <= 0 || (size_t)written > cap) {
        error = -EINVAL;
    } else {
        memcpy(into, text, (size_t)written);
        *len = (size_t)written;
    }
    if (written > 0)
        OPENSSL_cleanse(text, (size_t)written);
    return error;
}

static int write_certificate(struct tls_self_signed *made, X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int error = -ENOMEM;

    if (bio && PEM_write_bio_X509(bio, certificate))
        error = take_text(bio, made->certificate, sizeof made->certificate, &made->certificate_len);
    BIO_free(bio);
    return error;
}

static int write_key(struct tls_self_signed *made, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int error = -ENOMEM;

    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        error = take_text(bio, made->key, sizeof made->key, &made->key_len);
    BIO_free(bio);
    return error;
}

/* As openssl x509 -fingerprint shows it. */
static int write_fingerprint(struct tls_self_signed *made, const X509 *certificate)
{
    unsigned char digest[TLS_FINGERPRINT_SIZE / 3];
    unsigned len;

    if (!X509_digest(certificate, EVP_sha256(), digest, &len) || len != sizeof digest)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(made->fingerprint + 3 * i, 4, "%02X%s", (unsigned)digest[i],
                 i + 1 < sizeof digest ? ":" : "");
    return 0;
}

int tls_self_signed_make(struct tls_self_signed *made, const struct str *names, int count,
                         int64_t now_unix)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    int error = -ENOMEM;

    made->certificate_len = made->key_len = 0;
    if (key && certificate && fill_in(certificate, key, names, count, now_unix))
        error = write_certificate(made, certificate);
    if (!error)
        error = write_key(made, key);
    if (!error)
        error = write_fingerprint(made, certificate);
    if (error)
        tls_self_signed_clear(made);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return error;
}

void tls_self_signed_clear(struct tls_self_signed *made)
{
    OPENSSL_cleanse(made, sizeof *made);
}

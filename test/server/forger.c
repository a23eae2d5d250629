#include "forger.h"

#include "base/check.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET = 32, KEY = 16, IV = 12, TAG = 16 };

struct forger {
    unsigned char secret[SECRET]; /* client_application_traffic_secret_0 */
};

/* A line of the NSS key log: label, client random, secret. */
static void learn(const SSL *ssl, const char *line)
{
    struct forger *forger = SSL_get_app_data(ssl);
    const char *at = strrchr(line, ' ');

    if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0)
        return;
    for (int i = 0; i < SECRET; i++) {
        char digits[3] = { at[1 + 2 * i], at[2 + 2 * i], '\0' };
        forger->secret[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
}

void forger_watch(SSL *ssl)
{
    struct forger *forger = calloc(1, sizeof *forger);

    CHECK(forger);
    SSL_set_app_data(ssl, forger);
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), learn);
    CHECK(SSL_set_ciphersuites(ssl, "TLS_AES_128_GCM_SHA256") == 1);
}

/* HKDF-Expand-Label without a context (RFC 8446 7.1). */
static void expand(const struct forger *forger, const char *label, unsigned char *out, size_t len)
{
    unsigned char info[64] = { 0, (unsigned char)len };
    char digest[] = "SHA256";
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    unsigned char secret[SECRET];
    int label_len = snprintf((char *)info + 3, sizeof info - 3, "tls13 %s", label);

    info[2] = (unsigned char)label_len;
    memcpy(secret, forger->secret, sizeof secret);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof secret),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, 3 + (size_t)label_len + 1),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    CHECK(EVP_KDF_derive(context, out, len, params) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

size_t forger_seal(const SSL *ssl, unsigned char number, unsigned char type, const char *bytes,
                   size_t len, char *record)
{
    const struct forger *forger = SSL_get_app_data(ssl);
    unsigned char *at = (unsigned char *)record, key[KEY], iv[IV];
    size_t sealed = len + 1 + TAG;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int put;

    expand(forger, "key", key, sizeof key);
    expand(forger, "iv", iv, sizeof iv);
    iv[IV - 1] ^= number;
    memcpy(at, (unsigned char[]){ 23, 3, 3, (unsigned char)(sealed >> 8), (unsigned char)sealed },
           5);
    CHECK(EVP_EncryptInit_ex2(cipher, EVP_aes_128_gcm(), key, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(cipher, NULL, &put, at, 5) == 1);
    CHECK(EVP_EncryptUpdate(cipher, at + 5, &put, (const unsigned char *)bytes, (int)len) == 1);
    CHECK(EVP_EncryptUpdate(cipher, at + 5 + len, &put, &type, 1) == 1);
    CHECK(EVP_EncryptFinal_ex(cipher, at + 5 + len + 1, &put) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG, at + 5 + len + 1) == 1);
    EVP_CIPHER_CTX_free(cipher);
    return 5 + sealed;
}

void forger_free(SSL *ssl)
{
    free(SSL_get_app_data(ssl));
}

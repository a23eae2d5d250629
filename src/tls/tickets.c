#include "tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>

enum { DERIVED_SIZE = TICKET_NAME_SIZE + TICKET_CIPHER_KEY_SIZE + TICKET_MAC_KEY_SIZE };

bool tickets_init(struct tickets *tickets, OSSL_LIB_CTX *library, const unsigned char *secret)
{
    *tickets = (struct tickets){ .library = library };
    memcpy(tickets->secret, secret, sizeof tickets->secret);
    tickets->cipher = EVP_CIPHER_fetch(library, "AES-256-CBC", NULL);
    return tickets->cipher != NULL;
}

static bool derive(const struct tickets *tickets, uint64_t period, unsigned char *out)
{
    char label[] = "ringlet session tickets";
    unsigned char secret[TLS_TICKET_SECRET_SIZE];
    unsigned char number[8];
    char digest[] = "SHA256";

    memcpy(secret, tickets->secret, sizeof secret);
    for (int i = 0; i < 8; i++)
        number[i] = (unsigned char)(period >> (8 * (7 - i)));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof secret),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, number, sizeof number),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, sizeof label - 1),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(tickets->library, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done = context && EVP_KDF_derive(context, out, DERIVED_SIZE, params) > 0;

    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    OPENSSL_cleanse(secret, sizeof secret);
    return done;
}

static bool make(const struct tickets *tickets, struct ticket_keys *keys, uint64_t period)
{
    unsigned char derived[DERIVED_SIZE];

    keys->made = derive(tickets, period, derived);
    keys->period = period;
    memcpy(keys->name, derived, sizeof keys->name);
    memcpy(keys->cipher, derived + TICKET_NAME_SIZE, sizeof keys->cipher);
    memcpy(keys->mac, derived + TICKET_NAME_SIZE + TICKET_CIPHER_KEY_SIZE, sizeof keys->mac);
    OPENSSL_cleanse(derived, sizeof derived);
    return keys->made;
}

static const struct ticket_keys *keys_of(struct tickets *tickets, uint64_t period)
{
    struct ticket_keys *keys = &tickets->keys[period % 2];

    if (keys->made && keys->period == period)
        return keys;
    return make(tickets, keys, period) ? keys : NULL;
}

const struct ticket_keys *tickets_to_seal(struct tickets *tickets, uint64_t now_ms)
{
    return keys_of(tickets, now_ms / TLS_TICKET_PERIOD_MS);
}

const struct ticket_keys *tickets_to_open(struct tickets *tickets, const unsigned char *name,
                                          uint64_t now_ms, bool *old)
{
    uint64_t period = now_ms / TLS_TICKET_PERIOD_MS;

    for (uint64_t age = 0; age <= 1 && age <= period; age++) {
        const struct ticket_keys *keys = keys_of(tickets, period - age);
        if (keys && CRYPTO_memcmp(keys->name, name, sizeof keys->name) == 0) {
            *old = age > 0;
            return keys;
        }
    }
    return NULL;
}

static bool set_up_mac(const struct ticket_keys *keys, EVP_MAC_CTX *mac)
{
    unsigned char key[TICKET_MAC_KEY_SIZE];
    char digest[] = "SHA256";

    memcpy(key, keys->mac, sizeof key);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool done = EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(key, sizeof key);
    return done;
}

bool tickets_set_up(const struct tickets *tickets, const struct ticket_keys *keys,
                    const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool seal)
{
    return EVP_CipherInit_ex2(cipher, tickets->cipher, keys->cipher, iv, seal, NULL) == 1 &&
           set_up_mac(keys, mac);
}

void tickets_release(struct tickets *tickets)
{
    EVP_CIPHER_free(tickets->cipher);
    OPENSSL_cleanse(tickets, sizeof *tickets);
}

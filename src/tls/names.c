#include "tls/names.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum tls_name_match tls_name_fits(struct str name, struct str host)
{
    if (host.len > 0 && host.at[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || name.len == 0)
        return TLS_NAME_OTHER;
    if (!str_starts(name, STR("*.")))
        return str_equal_nocase(name, host) ? TLS_NAME_EXACT : TLS_NAME_OTHER;

    const char *dot = memchr(host.at, '.', host.len);
    if (!dot || dot == host.at)
        return TLS_NAME_OTHER;
    struct str parent = str_of(dot, host.len - (size_t)(dot - host.at));
    /* "*." alone, or "*.com", stands for too much. */
    bool deep = name.len > 2 && memchr(name.at + 2, '.', name.len - 2);
    bool fits = str_equal_nocase(str_of(name.at + 1, name.len - 1), parent);
    return deep && fits ? TLS_NAME_WILDCARD : TLS_NAME_OTHER;
}

enum tls_name_match tls_names_match(const struct tls_names *names, struct str host)
{
    enum tls_name_match best = TLS_NAME_OTHER;

    for (int i = 0; i < names->count && best != TLS_NAME_EXACT; i++) {
        enum tls_name_match match = tls_name_fits(names->names[i], host);
        if (match > best)
            best = match;
    }
    return best;
}

/* The DNS name in it; empty when it is of another kind or not to be taken: a NUL inside would make
 * two readers see two names. */
static struct str dns_name(const GENERAL_NAME *general)
{
    if (general->type != GEN_DNS)
        return str_of(NULL, 0);
    const ASN1_IA5STRING *text = general->d.dNSName;
    struct str name =
        str_of((const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    if (name.len == 0 || name.len > TLS_NAME_MAX || memchr(name.at, '\0', name.len))
        return str_of(NULL, 0);
    return name;
}

static int copy_name(struct tls_names *names, struct str name)
{
    char *copy = malloc(name.len);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, name.at, name.len);
    names->names[names->count++] = str_of(copy, name.len);
    return 0;
}

static int copy_names(struct tls_names *names, const GENERAL_NAMES *generals)
{
    int count = sk_GENERAL_NAME_num(generals);
    int error = 0;

    if (count > TLS_NAMES_MAX)
        count = TLS_NAMES_MAX;
    if (count <= 0)
        return 0;
    names->names = calloc((size_t)count, sizeof *names->names);
    if (!names->names)
        return -ENOMEM;
    for (int i = 0; i < count && !error; i++) {
        struct str name = dns_name(sk_GENERAL_NAME_value(generals, i));
        if (name.len > 0)
            error = copy_name(names, name);
    }
    return error;
}

int tls_names_read(struct tls_names *names, struct x509_st *certificate)
{
    *names = (struct tls_names){ NULL, 0 };
    GENERAL_NAMES *generals = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (!generals)
        return 0;
    int error = copy_names(names, generals);
    GENERAL_NAMES_free(generals);
    if (error)
        tls_names_release(names);
    return error;
}

void tls_names_release(struct tls_names *names)
{
    for (int i = 0; i < names->count; i++)
        free((void *)(uintptr_t)names->names[i].at);
    free(names->names);
    *names = (struct tls_names){ NULL, 0 };
}

#include "server/option_needs.h"

#define NEEDS_TLS_PORT                                                                             \
    "it is for HTTPS, and --tls-port is not given; name that port, as in --tls-port 443, or "      \
    "leave this out"

/* `id` says nothing without the other. */
static const struct {
    enum option_id id, other;
    const char *why;
} needs[] = {
    { ID_DATASET, ID_DEMO, "only --demo reads it; give that, too, or neither" },
    { ID_TLS_CERT, ID_TLS_PORT, NEEDS_TLS_PORT },
    { ID_TLS_KEY, ID_TLS_PORT, NEEDS_TLS_PORT },
    { ID_TLS_SELF_SIGNED, ID_TLS_PORT, NEEDS_TLS_PORT },
    { ID_HTTPS_REDIRECT, ID_TLS_PORT, NEEDS_TLS_PORT },
    { ID_HSTS, ID_TLS_PORT, NEEDS_TLS_PORT },
};

/* They contradict each other. */
static const struct {
    enum option_id id, other;
    const char *why;
} conflicts[] = {
    { ID_TLS_SELF_SIGNED, ID_TLS_CERT,
      "--tls-cert names a certificate, so none is made; give one of them" },
    { ID_TLS_SELF_SIGNED, ID_TLS_KEY, "--tls-key names a key, so none is made; give one of them" },
};

/* Was it given, and not as "no"? */
static bool is_on(const struct option_values *values, enum option_id id)
{
    const struct option_row *row = &option_rows[id];
    const char *member = (const char *)values->config + row->at;

    return option_values_has(values, id) && (row->kind != KIND_FLAG || *(const bool *)member);
}

static bool check_needs(const struct option_values *values)
{
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (is_on(values, needs[i].id) && !is_on(values, needs[i].other))
            return option_values_refuse(values, needs[i].id, "%s", needs[i].why);
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++)
        if (is_on(values, conflicts[i].id) && is_on(values, conflicts[i].other))
            return option_values_refuse(values, conflicts[i].id, "%s", conflicts[i].why);
    return true;
}

static bool check_pairs(const struct option_values *values)
{
    unsigned certs = values->config->tls_certs.count, keys = values->config->tls_keys.count;

    if (certs == keys)
        return true;
    return option_values_refuse(values, certs > keys ? ID_TLS_CERT : ID_TLS_KEY,
                                "there %s %u --tls-cert and %u --tls-key; give one of each for "
                                "every certificate, in the same order",
                                certs == 1 ? "is" : "are", certs, keys);
}

static bool check_tls(const struct option_values *values)
{
    const struct config *config = values->config;

    if (!config->tls)
        return true;
    if (!config->tls_self_signed && config->tls_certs.count + config->tls_keys.count == 0)
        return option_values_refuse(values, ID_TLS_PORT,
                                    "HTTPS needs a certificate; give --tls-cert FILE and --tls-key "
                                    "FILE, or --tls-self-signed to try it out");
    if (config->tls_port == config->port && config->port != 0)
        return option_values_refuse(values, ID_TLS_PORT,
                                    "--port %u has this port for plain HTTP; name another one",
                                    config->port);
    return check_pairs(values);
}

bool option_needs_check(const struct option_values *values)
{
    return check_needs(values) && check_tls(values);
}

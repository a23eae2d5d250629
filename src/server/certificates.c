#include "server/certificates.h"

#include "base/clock.h"
#include "server/own_names.h"
#include "tls/self_signed.h"

#include <stdio.h>

static void tell(const struct sentence *sentence)
{
    if (sentence->text[0] != '\0')
        fprintf(stderr, "ringlet: %s\n", sentence->text);
}

/* What the tls room says begins with the name of the pair, where it is about one. */
static void set_report(const struct certificates *c, struct sentence *sentence, const char *said)
{
    const char *option = c->config->tls_self_signed ? "--tls-self-signed" : "--tls-cert";

    sentence_set(sentence, "%s%s%s", *said ? option : "", *said ? ": " : "", said);
}

/* Whether there can be a context of them is tried here, so that no core meets what it can't use. */
static bool check(struct certificates *c, struct sentence *why, struct sentence *warning)
{
    struct tls_report report;

    c->tls = (struct tls_config){
        .pairs = c->pairs.pems,
        .count = c->pairs.count,
        .ticket_secret = c->ticket_secret,
        .now_unix = clock_unix(),
    };
    struct tls_context *context = tls_context_make(&c->tls, &report);
    if (context)
        tls_context_drop(context);
    else
        set_report(c, why, report.error);
    set_report(c, warning, report.warning);
    return context != NULL;
}

/* False, with *why and nothing kept. */
static bool read_files(struct certificates *c, struct sentence *why)
{
    struct sentence open_to_all, warning;

    pairs_look(&c->stamps, c->config);
    if (!pairs_read(&c->pairs, c->config, why, &open_to_all))
        return false;
    bool fine = check(c, why, &warning);
    if (!fine)
        pairs_release(&c->pairs);
    if (fine) {
        tell(&warning);
        tell(&open_to_all);
    }
    return fine;
}

static bool take_made(struct certificates *c, const struct tls_self_signed *made,
                      struct sentence *why)
{
    struct sentence warning;

    if (!pairs_add(&c->pairs, STR("--tls-self-signed"),
                   str_of(made->certificate, made->certificate_len),
                   str_of(made->key, made->key_len))) {
        sentence_set(why, "--tls-self-signed: out of memory");
        return false;
    }
    return check(c, why, &warning);
}

static void tell_made(const struct own_names *names, const struct tls_self_signed *made)
{
    char text[SENTENCE_MAX / 2];
    struct text all = text_in(text, sizeof text);

    for (int i = 0; i < names->count; i++) {
        text_add(&all, STR(", "));
        text_add(&all, names->names[i]);
    }
    fprintf(stderr,
            "ringlet: --tls-self-signed: made a certificate for localhost, 127.0.0.1, ::1%.*s%s; "
            "SHA-256 fingerprint %s\n",
            (int)all.len, all.at, all.cut ? ", ..." : "", made->fingerprint);
}

static bool make_pair(struct certificates *c, struct sentence *why)
{
    struct own_names names;
    struct tls_self_signed made;

    own_names_find(&names);
    bool fine = tls_self_signed_make(&made, names.names, names.count, clock_unix()) == 0;
    if (!fine)
        sentence_set(why, "--tls-self-signed: no certificate can be made: out of memory");
    fine = fine && take_made(c, &made, why);
    if (fine && !c->config->quiet)
        tell_made(&names, &made);
    tls_self_signed_clear(&made);
    return fine;
}

bool certificates_init(struct certificates *c, const struct config *config, struct sentence *why)
{
    *c = (struct certificates){ .config = config, .watch = { .fd = -1 } };
    if (!config->tls)
        return true;
    if (!tls_random(c->ticket_secret, sizeof c->ticket_secret)) {
        sentence_set(why, "--tls-port %u: the system has no random bytes", config->tls_port);
        return false;
    }
    return config->tls_self_signed ? make_pair(c, why) : read_files(c, why);
}

static bool has_files(const struct certificates *c)
{
    return c->config && c->config->tls && !c->config->tls_self_signed;
}

static void watch(struct certificates *c)
{
    int error = pair_watch_start(&c->watch, c->config);

    if (error)
        fprintf(stderr,
                "ringlet: --tls-cert: changes can't be watched for (%s; see "
                "fs.inotify.max_user_instances); SIGHUP reads certificates again\n",
                strerror(-error));
}

bool certificates_keep(struct certificates *c, struct sentence *why)
{
    if (!has_files(c))
        return true;
    if (!pairs_are_readable(c->config, why))
        return false;
    watch(c);
    return true;
}

const struct tls_config *certificates_given(const struct certificates *c)
{
    return c->config->tls ? &c->tls : NULL;
}

void certificates_taken(struct certificates *c)
{
    pairs_release(&c->pairs);
}

int certificates_fd(const struct certificates *c)
{
    return c->watch.fd;
}

int certificates_wait_ms(const struct certificates *c, uint64_t now_ms)
{
    return pair_watch_wait_ms(&c->watch, now_ms);
}

void certificates_stirred(struct certificates *c, uint64_t now_ms)
{
    pair_watch_stir(&c->watch, now_ms);
}

void certificates_ask(struct certificates *c)
{
    c->asked = has_files(c);
}

bool certificates_renew(struct certificates *c, uint64_t now_ms)
{
    struct sentence why;

    if (!c->asked && !pair_watch_is_due(&c->watch, now_ms))
        return false;
    watch(c);

    struct pairs_stamps stamps;
    pairs_look(&stamps, c->config);
    bool same = !c->asked && pairs_same(&stamps, &c->stamps);
    c->asked = false;
    if (same)
        return false;
    if (!read_files(c, &why)) {
        fprintf(stderr, "ringlet: %s; the certificates that are in use stay\n", why.text);
        return false;
    }
    fprintf(stderr, "ringlet: the certificates have been read again\n");
    return true;
}

void certificates_release(struct certificates *c)
{
    pairs_release(&c->pairs);
    pair_watch_stop(&c->watch);
    tls_clear(c->ticket_secret, sizeof c->ticket_secret);
}

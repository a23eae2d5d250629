#include "server/option_table.h"

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "io/io.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

enum {
    TIME_MAX_MS = 24 * 60 * 60 * 1000,
    HSTS_MAX_S = 10 * 365 * 24 * 60 * 60,
};

#define SIZE_MOST (1ULL << 40)

static const char *const etag_words[] = {
    [ENTRY_ETAG_TIME] = "time",
    [ENTRY_ETAG_HASH] = "hash",
    [ENTRY_ETAG_OFF] = "off",
    NULL,
};

static const char *const engine_words[] = {
    [ENGINE_AUTO] = "auto",
    [ENGINE_IO_URING] = "io_uring",
    [ENGINE_EPOLL] = "epoll",
    NULL,
};

#define MEMBER(name) MEMBER_OF_WORDS(name, NULL)
#define MEMBER_OF_WORDS(name, words)                                                               \
    offsetof(struct config, name), sizeof(((struct config *)0)->name), words
#define NO_MEMBER 0, 0, NULL

const struct option_row option_rows[ID_COUNT] = {
    [ID_ROOT] = { "root", 'r', KIND_DIRECTORY, "DIR", ".", 0, 0, MEMBER(root),
                  "directory to serve, like the argument DIR" },
    [ID_HOST] = { "host", 'a', KIND_ADDRESS, "ADDRESS", "127.0.0.1", 0, 0, MEMBER(host),
                  "numeric IPv4 or IPv6 address to listen on; 0.0.0.0 is all of IPv4, :: is all of "
                  "both" },
    [ID_PORT] = { "port", 'p', KIND_NUMBER, "N", "8080", 0, 65535, MEMBER(port),
                  "port to listen on; 0 takes a free one" },
    [ID_TLS_PORT] = { "tls-port", 0, KIND_NUMBER, "N", NULL, 0, 65535, MEMBER(tls_port),
                      "port for HTTPS, besides the other one (default: none); 0 takes a free one" },
    [ID_TLS_CERT] = { "tls-cert", 0, KIND_FILES, "FILE", NULL, 0, CONFIG_PAIRS_MAX,
                      MEMBER(tls_certs),
                      "certificate and its chain, PEM; may be given again, each with a --tls-key: "
                      "the first is for clients that ask for no name, or for another" },
    [ID_TLS_KEY] = { "tls-key", 0, KIND_FILES, "FILE", NULL, 0, CONFIG_PAIRS_MAX, MEMBER(tls_keys),
                     "private key of the certificate, PEM" },
    [ID_TLS_SELF_SIGNED] = { "tls-self-signed", 0, KIND_FLAG, NULL, NULL, 0, 0,
                             MEMBER(tls_self_signed),
                             "make a key and a certificate for this host, to try HTTPS with" },
    [ID_HTTPS_REDIRECT] = { "https-redirect", 0, KIND_FLAG, NULL, NULL, 0, 0,
                            MEMBER(https_redirect),
                            "lead from the plain port to HTTPS, but for "
                            "/.well-known/acme-challenge/" },
    [ID_HSTS] = { "hsts", 0, KIND_HSTS, "SECONDS", NULL, 0, HSTS_MAX_S, MEMBER(hsts),
                  "how long browsers are to use HTTPS only; with ,includeSubDomains or ,preload "
                  "behind it that is said, too" },
    [ID_CORES] = { "cores", 'c', KIND_CORES, "N", NULL, 1, CORES_MAX, MEMBER(cores),
                   "threads, each pinned to a CPU of its own (default: the CPUs this process may "
                   "use, but no more than its cgroup's quota pays for)" },
    [ID_WORKERS] = { "workers", 'w', KIND_ALIAS, "N", NULL, 0, 0, NO_MEMBER,
                     "the same as --cores" },
    [ID_CPUS] = { "cpus", 0, KIND_CPUS, "LIST", NULL, 0, 0, MEMBER(cpus),
                  "CPUs to pin them to, as in 0,2-3; without --cores one thread each" },
    [ID_ENGINE] = { "engine", 0, KIND_WORD, "NAME", "auto", 0, 0,
                    MEMBER_OF_WORDS(engine, engine_words),
                    "auto, io_uring or epoll; auto falls back to epoll and says why" },
    [ID_SPIN] = { "spin", 0, KIND_NUMBER, "MICROSECONDS", "0", 0, IO_SPIN_MAX_US, MEMBER(spin_us),
                  "how long a core with requests polls for the next one before it sleeps: sooner "
                  "answers for a whole CPU" },
    [ID_LOG] = { "log", 'l', KIND_TEXT, "FILE", NULL, 0, 0, MEMBER(log),
                 "access log in the combined format; - is standard output (default: none)" },
    [ID_TIMEOUT] = { "timeout", 't', KIND_TIME, "TIME", "60s", 1, TIME_MAX_MS, MEMBER(idle_ms),
                     "how long a connection may stay without a request" },
    [ID_HEADER_TIMEOUT] = { "header-timeout", 0, KIND_TIME, "TIME", "10s", 1, TIME_MAX_MS,
                            MEMBER(header_ms),
                            "from the first byte of a request's head to its last" },
    [ID_BODY_TIMEOUT] = { "body-timeout", 0, KIND_TIME, "TIME", "30s", 1, TIME_MAX_MS,
                          MEMBER(body_ms), "between two pieces of a request's body" },
    [ID_WRITE_TIMEOUT] = { "write-timeout", 0, KIND_TIME, "TIME", "30s", 1, TIME_MAX_MS,
                           MEMBER(write_ms), "without the client taking a byte of its answer" },
    [ID_DRAIN_TIMEOUT] = { "drain-timeout", 0, KIND_TIME, "TIME", "20s", 0, TIME_MAX_MS,
                           MEMBER(drain_ms),
                           "from SIGTERM, SIGINT or SIGQUIT until what is in flight is cut off" },
    [ID_ETAG] = { "etag", 0, KIND_WORD, "WAY", "time", 0, 0, MEMBER_OF_WORDS(etag, etag_words),
                  "what entity tags are made of: time (and size), hash (of the bytes, for images "
                  "whose times are all alike), or off" },
    [ID_CACHE_SIZE] = { "cache-size", 0, KIND_SIZE, "SIZE", "128m", 0, SIZE_MOST,
                        MEMBER(cache_bytes),
                        "memory for files, shared among the cores; 0 holds none" },
    [ID_MAX_HEAD] = { "max-head", 0, KIND_SIZE, "SIZE", "16k", 1024, 64 * 1024, MEMBER(max_head),
                      "request line and fields of a request" },
    [ID_MAX_BODY] = { "max-body", 0, KIND_SIZE, "SIZE", "1m", 0, SIZE_MOST, MEMBER(max_body),
                      "content of a request" },
    [ID_MAX_CONNS] = { "max-conns", 0, KIND_NUMBER, "N", NULL, 1, 1000000, MEMBER(max_conns),
                       "connections per core (default: what the limit on open files allows)" },
    [ID_USER] = { "user", 0, KIND_USER, "USER[:GROUP]", NULL, 0, 0, MEMBER(user),
                  "user to become once listeners and log are open" },
    [ID_INDEX] = { "index", 0, KIND_INDEX, "NAMES", "index.html", 0, 0, MEMBER(index),
                   "files that answer for a directory, the first one that is there, as in "
                   "index.html,index.htm; '' is none" },
    [ID_LISTING] = { "listing", 0, KIND_FLAG, NULL, NULL, 0, 0, MEMBER(listing),
                     "answer for a directory that has none with a list of what is in it" },
    [ID_DOTFILES] = { "dotfiles", 0, KIND_FLAG, NULL, NULL, 0, 0, MEMBER(dotfiles),
                      "serve names that start with a dot, too (.well-known always is)" },
    [ID_MIME_TYPES] = { "mime-types", 0, KIND_FILE, "FILE", NULL, 0, 0, MEMBER(mime_types),
                        "media types laid over the built-in ones, in the format of "
                        "/etc/mime.types" },
    [ID_HEADER] = { "header", 0, KIND_LIST, "RULE", NULL, 0, CONFIG_LIST_MAX, MEMBER(headers),
                    "a field for answers, 'PATTERN: Name: value', as in '/*: X-Frame-Options: "
                    "DENY'; may be given again" },
    [ID_REDIRECT] = { "redirect", 0, KIND_LIST, "RULE", NULL, 0, CONFIG_LIST_MAX, MEMBER(redirects),
                      "FROM=TO[:STATUS], as in '/old/*=/new/:splat:301'; may be given again" },
    [ID_ERROR_PAGE] = { "error-page", 0, KIND_LIST, "RULE", NULL, 0, CONFIG_LIST_MAX,
                        MEMBER(error_pages),
                        "STATUS=PATH, a file for an error, as in 404=/404.html; may be given "
                        "again" },
    [ID_SPA] = { "spa", 0, KIND_PATH, "PATH", NULL, 0, 0, MEMBER(spa),
                 "file that answers for pages that are not there, as in /index.html" },
    [ID_MAX_AGE] = { "max-age", 0, KIND_NUMBER, "SECONDS", NULL, 0, 31536000, MEMBER(max_age),
                     "how long clients may keep files; pages are asked for again, names with a "
                     "content hash are kept for a year" },
    [ID_COMPRESS] = { "compress", 0, KIND_FLAG, NULL, NULL, 0, 0, MEMBER(compress),
                      "compress texts for the cache where no .br, .zst or .gz is beside them" },
    [ID_CORS] = { "cors", 0, KIND_FLAG, NULL, NULL, 0, 0, MEMBER(cors),
                  "let scripts of any site read what is served" },
    [ID_DEMO] = { "demo", 0, KIND_FLAG, NULL, NULL, 0, 0, MEMBER(demo),
                  "answer /ping, /hello, /json, /length/N and other endpoints, too" },
    [ID_DATASET] = { "dataset", 0, KIND_FILE, "FILE", NULL, 0, 0, MEMBER(dataset),
                     "JSON array of items that --demo answers /json/COUNT from" },
    [ID_CHECK] = { "check", 0, KIND_FLAG, NULL, NULL, 0, 0, NO_MEMBER,
                   "check the options and exit" },
    [ID_DEBUG] = { "debug", 'd', KIND_FLAG, NULL, NULL, 0, 0, MEMBER(debug),
                   "tell connections and their fates on standard error" },
    [ID_QUIET] = { "quiet", 'q', KIND_FLAG, NULL, NULL, 0, 0, MEMBER(quiet), "no line on start" },
    [ID_HELP] = { "help", 'h', KIND_ACTION, NULL, NULL, 0, 0, NO_MEMBER, "show this and exit" },
    [ID_VERSION] = { "version", 'V', KIND_ACTION, NULL, NULL, 0, 0, NO_MEMBER,
                     "show version, engines and kernel features and exit" },
};

/* A suffix and what it stands for. The first row is the bare number. */
struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };
static const struct unit times[] = {
    { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { NULL, 0 },
};
static const struct unit sizes[] = {
    { "", 1 }, { "k", 1ULL << 10 }, { "m", 1ULL << 20 }, { "g", 1ULL << 30 }, { NULL, 0 },
};

static const struct {
    const char *yes, *no;
} flag_words[] = {
    { "1", "0" },
    { "true", "false" },
    { "yes", "no" },
    { "on", "off" },
};

static const struct unit *units_of(enum option_kind kind)
{
    return kind == KIND_TIME ? times : kind == KIND_SIZE ? sizes : counts;
}

enum option_id option_meant(enum option_id id)
{
    return option_rows[id].kind == KIND_ALIAS ? id - 1 : id;
}

void option_write_variable(const struct option_row *row, char *out, size_t cap)
{
    snprintf(out, cap, "RINGLET_%s", row->name);
    for (char *c = out; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* The largest unit that divides it: "5m", "16k". */
static void write_amount(char *out, size_t cap, uint64_t amount, const struct unit *units)
{
    const struct unit *best = NULL;

    for (const struct unit *unit = units; unit->suffix; unit++)
        if (amount % unit->factor == 0 && (!best || unit->factor >= best->factor))
            best = unit;
    CHECK(best);
    snprintf(out, cap, "%" PRIu64 "%s", amount / best->factor, best->suffix);
}

/* What is allowed, by kind; those that are made from the row's bounds or words have none. */
static const char *const allowed[KIND_COUNT] = {
    [KIND_FLAG] = "1, true, yes or on, and 0, false, no or off are allowed",
    [KIND_CPUS] = "a list of CPUs is allowed, as in 0,2-3",
    [KIND_ADDRESS] = "a numeric IPv4 or IPv6 address is allowed, as in 127.0.0.1, 0.0.0.0 "
                     "for all of IPv4 or :: for all of both",
    [KIND_DIRECTORY] = "name a directory that can be read",
    [KIND_PATH] = "name a file by its path from the root, as in /index.html",
    [KIND_LIST] = "give a rule",
    [KIND_FILE] = "name a file",
    [KIND_FILES] = "name a file",
    [KIND_TEXT] = "name a file",
    [KIND_USER] = "name a user, as in www-data or www-data:www-data",
};

/* Of those that have bounds: what stands before and after them. */
static const struct {
    const char *before, *after;
} bounded[KIND_COUNT] = {
    [KIND_NUMBER] = { "a whole number", "is allowed" },
    [KIND_CORES] = { "a whole number", "is allowed" },
    [KIND_TIME] = { "a time", "is allowed, as in 500ms, 30 or 30s, 5m" },
    [KIND_SIZE] = { "a size", "is allowed, as in 4096, 16k, 2m, 1g" },
    [KIND_HSTS] = { "a number of seconds",
                    "is allowed, as in 31536000 or 31536000,includeSubDomains" },
};

static void write_bounded(const struct option_row *row, char *out, size_t cap)
{
    const struct unit *units = units_of(row->kind);
    char min[32], max[32];

    write_amount(min, sizeof min, row->min, units);
    write_amount(max, sizeof max, row->max, units);
    snprintf(out, cap, "%s from %s to %s %s", bounded[row->kind].before, min, max,
             bounded[row->kind].after);
}

/* "auto, io_uring or epoll is allowed" */
static void write_words(const struct option_row *row, char *out, size_t cap)
{
    struct text text = text_in(out, cap - 1);

    for (const char *const *word = row->words; *word; word++) {
        if (word > row->words)
            text_add(&text, word[1] ? STR(", ") : STR(" or "));
        text_add(&text, str_from(*word));
    }
    text_add(&text, STR(" is allowed"));
    out[text.len] = '\0';
}

void option_write_allowed(const struct option_row *row, char *out, size_t cap)
{
    if (row->kind == KIND_WORD)
        write_words(row, out, cap);
    else if (bounded[row->kind].before)
        write_bounded(row, out, cap);
    else if (row->kind == KIND_INDEX)
        snprintf(out, cap,
                 "up to %d names of files are allowed, without '/' and with commas between them, "
                 "as in index.html,index.htm",
                 CONFIG_INDEX_MAX);
    else
        snprintf(out, cap, "%s", allowed[row->kind] ? allowed[row->kind] : "");
}

bool option_flag(const char *value, bool *on)
{
    for (size_t i = 0; i < sizeof flag_words / sizeof flag_words[0]; i++) {
        bool yes = strcasecmp(value, flag_words[i].yes) == 0;
        if (!yes && strcasecmp(value, flag_words[i].no) != 0)
            continue;
        *on = yes;
        return true;
    }
    return false;
}

bool option_amount(const struct option_row *row, const char *value, uint64_t *amount)
{
    size_t digits = strspn(value, "0123456789");
    unsigned long long number;

    for (const struct unit *unit = units_of(row->kind); unit->suffix; unit++) {
        if (strcasecmp(value + digits, unit->suffix) != 0)
            continue;
        if (!str_number(str_of(value, digits), row->max / unit->factor, &number))
            return false;
        *amount = number * unit->factor;
        return *amount >= row->min;
    }
    return false;
}

bool option_word(const struct option_row *row, const char *value, uint32_t *number)
{
    for (*number = 0; row->words[*number]; ++*number)
        if (strcmp(value, row->words[*number]) == 0)
            return true;
    return false;
}

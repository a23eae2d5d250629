#include "server/options.h"

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "server/cpus.h"
#include "server/listener.h"
#include "server/privileges.h"
#include "server/rule_book.h"
#include "server/sentence.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HELP_COLUMNS = 80,
    HELP_TEXT_AT = 26, /* column where the right-hand side begins */
    LONG_ONLY = 256,   /* getopt's answer for row n, above every letter */
    TIME_MAX_MS = 24 * 60 * 60 * 1000,
};

#define SIZE_MOST (1ULL << 40)

enum kind {
    KIND_ACTION, /* ends the reading: --help, --version */
    KIND_ALIAS,  /* another name for the row before it */
    KIND_FLAG,
    KIND_NUMBER,
    KIND_TIME,
    KIND_SIZE,
    KIND_CORES,
    KIND_CPUS,
    KIND_ENGINE,
    KIND_ETAG,
    KIND_INDEX, /* may be empty */
    KIND_TEXT,  /* checked by nobody here but for being empty */
    KIND_DIRECTORY,
    KIND_FILE,
    KIND_ADDRESS,
    KIND_USER,
    KIND_LIST, /* may be given again and again; checked by read_rules */
    KIND_PATH, /* of a file, below the root */
};

enum id {
    ID_ROOT,
    ID_HOST,
    ID_PORT,
    ID_CORES,
    ID_WORKERS,
    ID_CPUS,
    ID_ENGINE,
    ID_LOG,
    ID_TIMEOUT,
    ID_HEADER_TIMEOUT,
    ID_BODY_TIMEOUT,
    ID_WRITE_TIMEOUT,
    ID_DRAIN_TIMEOUT,
    ID_CACHE_SIZE,
    ID_ETAG,
    ID_MAX_HEAD,
    ID_MAX_BODY,
    ID_MAX_CONNS,
    ID_USER,
    ID_INDEX,
    ID_LISTING,
    ID_DOTFILES,
    ID_MIME_TYPES,
    ID_HEADER,
    ID_REDIRECT,
    ID_ERROR_PAGE,
    ID_SPA,
    ID_MAX_AGE,
    ID_COMPRESS,
    ID_CORS,
    ID_DEMO,
    ID_DATASET,
    ID_CHECK,
    ID_DEBUG,
    ID_QUIET,
    ID_HELP,
    ID_VERSION,
    ID_COUNT,
};

struct row {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    enum kind kind;
    const char *word;     /* for the value, in --help; NULL: takes none */
    const char *standard; /* the default, read like a value; NULL: none */
    uint64_t min, max;
    size_t at, size; /* of the member of struct config; size 0: none */
    const char *help;
};

#define MEMBER(name) offsetof(struct config, name), sizeof(((struct config *)0)->name)

static const struct row rows[ID_COUNT] = {
    [ID_ROOT] = { "root", 'r', KIND_DIRECTORY, "DIR", ".", 0, 0, MEMBER(root),
                  "directory to serve, like the argument DIR" },
    [ID_HOST] = { "host", 'a', KIND_ADDRESS, "ADDRESS", "127.0.0.1", 0, 0, MEMBER(host),
                  "numeric IPv4 or IPv6 address to listen on; 0.0.0.0 is all of IPv4, :: is all of "
                  "both" },
    [ID_PORT] = { "port", 'p', KIND_NUMBER, "N", "8080", 0, 65535, MEMBER(port),
                  "port to listen on; 0 takes a free one" },
    [ID_CORES] = { "cores", 'c', KIND_CORES, "N", NULL, 1, CORES_MAX, MEMBER(cores),
                   "threads, each pinned to a CPU of its own (default: the CPUs this process may "
                   "use, but no more than its cgroup's quota pays for)" },
    [ID_WORKERS] = { "workers", 'w', KIND_ALIAS, "N", NULL, 0, 0, 0, 0, "the same as --cores" },
    [ID_CPUS] = { "cpus", 0, KIND_CPUS, "LIST", NULL, 0, 0, MEMBER(cpus),
                  "CPUs to pin them to, as in 0,2-3; without --cores one thread each" },
    [ID_ENGINE] = { "engine", 0, KIND_ENGINE, "NAME", "auto", 0, 0, MEMBER(engine),
                    "auto, io_uring or epoll; auto falls back to epoll and says why" },
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
    [ID_ETAG] = { "etag", 0, KIND_ETAG, "WAY", "time", 0, 0, MEMBER(etag),
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
    [ID_HEADER] = { "header", 0, KIND_LIST, "RULE", NULL, 0, 0, MEMBER(headers),
                    "a field for answers, 'PATTERN: Name: value', as in '/*: X-Frame-Options: "
                    "DENY'; may be given again" },
    [ID_REDIRECT] = { "redirect", 0, KIND_LIST, "RULE", NULL, 0, 0, MEMBER(redirects),
                      "FROM=TO[:STATUS], as in '/old/*=/new/:splat:301'; may be given again" },
    [ID_ERROR_PAGE] = { "error-page", 0, KIND_LIST, "RULE", NULL, 0, 0, MEMBER(error_pages),
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
    [ID_CHECK] = { "check", 0, KIND_FLAG, NULL, NULL, 0, 0, 0, 0, "check the options and exit" },
    [ID_DEBUG] = { "debug", 'd', KIND_FLAG, NULL, NULL, 0, 0, MEMBER(debug),
                   "tell connections and their fates on standard error" },
    [ID_QUIET] = { "quiet", 'q', KIND_FLAG, NULL, NULL, 0, 0, MEMBER(quiet), "no line on start" },
    [ID_HELP] = { "help", 'h', KIND_ACTION, NULL, NULL, 0, 0, 0, 0, "show this and exit" },
    [ID_VERSION] = { "version", 'V', KIND_ACTION, NULL, NULL, 0, 0, 0, 0,
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

static const char *const etag_names[] = {
    [ENTRY_ETAG_TIME] = "time",
    [ENTRY_ETAG_HASH] = "hash",
    [ENTRY_ETAG_OFF] = "off",
};

static const char *const engine_names[] = {
    [ENGINE_AUTO] = "auto",
    [ENGINE_IO_URING] = "io_uring",
    [ENGINE_EPOLL] = "epoll",
};

enum origin { FROM_NOWHERE, FROM_DEFAULT, FROM_ENVIRONMENT, FROM_LINE, FROM_ARGUMENT };

/* The value that won for one row, and how the operator wrote its name. */
struct given {
    enum origin origin;
    const struct row *spelled;
    const char *value;
};

struct reading {
    struct config *config;
    struct given given[ID_COUNT];
    bool too_many[ID_COUNT]; /* items of a list were left out */
    FILE *err;
};

static const struct unit *units_of(enum kind kind)
{
    return kind == KIND_TIME ? times : kind == KIND_SIZE ? sizes : counts;
}

/* "RINGLET_HEADER_TIMEOUT" for "header-timeout". */
static void variable_name(const struct row *row, char *out, size_t cap)
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

/* What a row takes, as the end of a sentence. */
static void write_allowed(const struct row *row, char *out, size_t cap)
{
    char min[32], max[32];
    const struct unit *units = units_of(row->kind);

    write_amount(min, sizeof min, row->min, units);
    write_amount(max, sizeof max, row->max, units);
    switch (row->kind) {
    case KIND_NUMBER:
    case KIND_CORES:
        snprintf(out, cap, "a whole number from %s to %s is allowed", min, max);
        break;
    case KIND_TIME:
        snprintf(out, cap, "a time from %s to %s is allowed, as in 500ms, 30 or 30s, 5m", min, max);
        break;
    case KIND_SIZE:
        snprintf(out, cap, "a size from %s to %s is allowed, as in 4096, 16k, 2m, 1g", min, max);
        break;
    case KIND_FLAG:
        snprintf(out, cap, "1, true, yes or on, and 0, false, no or off are allowed");
        break;
    case KIND_CPUS:
        snprintf(out, cap, "a list of CPUs is allowed, as in 0,2-3");
        break;
    case KIND_ENGINE:
        snprintf(out, cap, "auto, io_uring or epoll is allowed");
        break;
    case KIND_ETAG:
        snprintf(out, cap, "time, hash or off is allowed");
        break;
    case KIND_INDEX:
        snprintf(out, cap,
                 "up to %d names of files are allowed, without '/' and with commas between them, "
                 "as in index.html,index.htm",
                 CONFIG_INDEX_MAX);
        break;
    case KIND_ADDRESS:
        snprintf(out, cap,
                 "a numeric IPv4 or IPv6 address is allowed, as in 127.0.0.1, 0.0.0.0 "
                 "for all of IPv4 or :: for all of both");
        break;
    case KIND_DIRECTORY:
        snprintf(out, cap, "name a directory that can be read");
        break;
    case KIND_PATH:
        snprintf(out, cap, "name a file by its path from the root, as in /index.html");
        break;
    case KIND_LIST:
        snprintf(out, cap, "give a rule");
        break;
    case KIND_FILE:
    case KIND_TEXT:
        snprintf(out, cap, "name a file");
        break;
    case KIND_USER:
        snprintf(out, cap, "name a user, as in www-data or www-data:www-data");
        break;
    case KIND_ACTION:
    case KIND_ALIAS:
        out[0] = '\0';
        break;
    }
}

/* "ringlet: --port 65536: ..." or "ringlet: RINGLET_PORT=65536: ...". Always false. */
__attribute__((format(printf, 3, 4))) static bool refuse(const struct reading *r, enum id id,
                                                         const char *format, ...)
{
    const struct given *given = &r->given[id];
    char variable[64];
    va_list args;

    variable_name(given->spelled, variable, sizeof variable);
    if (given->origin == FROM_ENVIRONMENT)
        fprintf(r->err, "ringlet: %s=%s: ", variable, given->value);
    else if (given->origin == FROM_ARGUMENT)
        fprintf(r->err, "ringlet: DIR %s: ", given->value);
    else
        fprintf(r->err, "ringlet: --%s %s: ", given->spelled->name,
                given->value[0] ? given->value : "''");
    va_start(args, format);
    vfprintf(r->err, format, args);
    va_end(args);
    fputc('\n', r->err);
    return false;
}

static bool refuse_value(const struct reading *r, enum id id)
{
    char allowed[256];

    write_allowed(&rows[id], allowed, sizeof allowed);
    if (id == ID_PORT && r->given[id].origin == FROM_ENVIRONMENT &&
        str_starts(str_from(r->given[id].value), STR("tcp://")))
        return refuse(r, id,
                      "%s; Kubernetes sets this for a Service named ringlet: set "
                      "enableServiceLinks: false in the pod",
                      allowed);
    return refuse(r, id, "%s", allowed);
}

static bool is_given(const struct reading *r, enum id id)
{
    return r->given[id].origin > FROM_DEFAULT;
}

static void *member(const struct reading *r, enum id id)
{
    return (char *)r->config + rows[id].at;
}

static bool flag_of(const char *value, bool *on)
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

static bool read_flag(const struct reading *r, enum id id)
{
    bool on;

    if (!flag_of(r->given[id].value, &on))
        return refuse_value(r, id);
    if (rows[id].size > 0)
        *(bool *)member(r, id) = on;
    return true;
}

static bool asks_for_check(const struct reading *r)
{
    bool on;

    return is_given(r, ID_CHECK) && flag_of(r->given[ID_CHECK].value, &on) && on;
}

static bool amount_of(const struct row *row, const char *value, uint64_t *amount)
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

static bool read_amount(const struct reading *r, enum id id)
{
    uint64_t amount;

    if (!amount_of(&rows[id], r->given[id].value, &amount))
        return refuse_value(r, id);

    uint16_t narrow = (uint16_t)amount;
    uint32_t middle = (uint32_t)amount;
    const void *from = rows[id].size == sizeof narrow   ? (const void *)&narrow
                       : rows[id].size == sizeof middle ? (const void *)&middle
                                                        : (const void *)&amount;
    memcpy(member(r, id), from, rows[id].size);
    return true;
}

/* Which of the words it is; `count` when it is none. */
static size_t find_word(const char *value, const char *const *words, size_t count)
{
    size_t i = 0;

    while (i < count && strcmp(value, words[i]) != 0)
        i++;
    return i;
}

static bool read_engine(const struct reading *r, enum id id)
{
    const size_t count = sizeof engine_names / sizeof engine_names[0];
    size_t found = find_word(r->given[id].value, engine_names, count);

    r->config->engine = (enum engine_choice)found;
    return found < count || refuse_value(r, id);
}

static bool read_etag(const struct reading *r, enum id id)
{
    const size_t count = sizeof etag_names / sizeof etag_names[0];
    size_t found = find_word(r->given[id].value, etag_names, count);

    r->config->etag = (enum entry_etag)found;
    return found < count || refuse_value(r, id);
}

static bool check_directory(const struct reading *r, enum id id)
{
    int fd = open(r->given[id].value, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        return true;
    }
    if (errno == ENOTDIR)
        return refuse(r, id, "that is not a directory; name the directory to serve");
    return refuse(r, id, "%s; name a directory that can be read", strerror(errno));
}

static bool check_file(const struct reading *r, enum id id)
{
    struct stat status;
    int fd = open(r->given[id].value, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return refuse(r, id, "%s; name a file that can be read", strerror(errno));

    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    close(fd);
    return regular || refuse(r, id, "that is not a regular file; name one");
}

static bool check_address(const struct reading *r, enum id id)
{
    struct sockaddr_storage address;
    socklen_t len;

    return listener_address(r->given[id].value, 0, &address, &len) || refuse_value(r, id);
}

static bool check_user(const struct reading *r, enum id id)
{
    struct privileges found;
    struct sentence why;

    return privileges_find(r->given[id].value, &found, &why) || refuse(r, id, "%s", why.text);
}

static bool read_text(const struct reading *r, enum id id)
{
    *(const char **)member(r, id) = r->given[id].value;
    return true;
}

static bool check_path(const struct reading *r, enum id id)
{
    return rule_book_is_path(str_from(r->given[id].value)) || refuse_value(r, id);
}

static bool add_item(struct config_list *list, struct str item)
{
    if (list->count == CONFIG_LIST_MAX)
        return false;
    list->items[list->count++] = item;
    return true;
}

/* In the environment a value holds an item a line. Those of the command line have been added when
 * they were met. */
static bool read_list(const struct reading *r, enum id id)
{
    struct config_list *list = member(r, id);
    struct str lines = str_from(r->given[id].value), item;
    bool more = r->too_many[id];

    while (r->given[id].origin == FROM_ENVIRONMENT && str_next(&lines, '\n', &item))
        if (item.len > 0)
            more = !add_item(list, item) || more;
    return !more || refuse(r, id, "no more than %d are allowed; use a file", CONFIG_LIST_MAX);
}

static bool is_file_name(struct str name)
{
    return name.len > 0 && name.len <= NAME_MAX && !memchr(name.at, '/', name.len) &&
           !str_equal(name, STR(".")) && !str_equal(name, STR(".."));
}

static bool check_index(const struct reading *r, enum id id)
{
    struct str names = str_from(r->given[id].value), name;
    unsigned count = 0;

    if (str_ends(names, STR(",")))
        return refuse_value(r, id);
    while (str_next(&names, ',', &name))
        if (!is_file_name(name) || ++count > CONFIG_INDEX_MAX)
            return refuse_value(r, id);
    return true;
}

/* Cores and CPUs need each other: read_cores reads both. */
static bool read_one(const struct reading *r, enum id id)
{
    if (r->given[id].origin == FROM_NOWHERE)
        return true;
    if (r->given[id].value[0] == '\0' && rows[id].kind != KIND_INDEX)
        return refuse_value(r, id);

    switch (rows[id].kind) {
    case KIND_FLAG:
        return read_flag(r, id);
    case KIND_NUMBER:
    case KIND_TIME:
    case KIND_SIZE:
        return read_amount(r, id);
    case KIND_ENGINE:
        return read_engine(r, id);
    case KIND_ETAG:
        return read_etag(r, id);
    case KIND_TEXT:
        return read_text(r, id);
    case KIND_DIRECTORY:
        return check_directory(r, id) && read_text(r, id);
    case KIND_FILE:
        return check_file(r, id) && read_text(r, id);
    case KIND_PATH:
        return check_path(r, id) && read_text(r, id);
    case KIND_LIST:
        return read_list(r, id);
    case KIND_INDEX:
        return check_index(r, id) && read_text(r, id);
    case KIND_ADDRESS:
        return check_address(r, id) && read_text(r, id);
    case KIND_USER:
        return check_user(r, id) && read_text(r, id);
    case KIND_CORES:
    case KIND_CPUS:
    case KIND_ACTION:
    case KIND_ALIAS:
        break;
    }
    return true;
}

static bool check_demo(const struct reading *r)
{
    return !r->config->dataset || r->config->demo ||
           refuse(r, ID_DATASET, "only --demo reads it; give that, too, or neither");
}

static bool refuse_cores(const struct reading *r, unsigned count, const int *cpus)
{
    char list[256];
    struct text text = text_in(list, sizeof list);

    if (is_given(r, ID_CPUS))
        return refuse(r, ID_CORES, "--cpus %s names %u CPU%s; ask for 1 to %u, or name more",
                      r->given[ID_CPUS].value, count, count == 1 ? "" : "s", count);
    cpus_write(&text, cpus, count);
    return refuse(r, ID_CORES,
                  "this process may use %u CPU%s (%.*s%s); ask for 1 to %u, or allow more with "
                  "taskset or the container's cpuset",
                  count, count == 1 ? "" : "s", (int)text.len, list, text.cut ? ",..." : "", count);
}

static bool read_cores(const struct reading *r)
{
    struct config *config = r->config;
    int allowed[CORES_MAX];
    unsigned count = cpus_allowed(allowed);
    struct sentence why;
    uint64_t cores;

    if (count == 0) {
        fprintf(r->err, "ringlet: the kernel does not say which CPUs this process may use: %s\n",
                strerror(errno));
        return false;
    }
    if (is_given(r, ID_CPUS)) {
        struct str list = str_from(r->given[ID_CPUS].value);
        count = cpus_parse(list, allowed, count, config->cpus, &why);
        if (count == 0)
            return refuse(r, ID_CPUS, "%s", why.text);
    } else {
        memcpy(config->cpus, allowed, sizeof allowed[0] * count);
    }

    if (is_given(r, ID_CORES)) {
        if (!amount_of(&rows[ID_CORES], r->given[ID_CORES].value, &cores) || cores > count)
            return refuse_cores(r, count, config->cpus);
        config->cores = (unsigned)cores;
        return true;
    }
    config->cores = is_given(r, ID_CPUS) ? count : cpus_default(count, cpus_quota(""));
    return true;
}

typedef bool read_rules_of(struct rule_book *book, const struct config_list *list, unsigned *bad,
                           struct sentence *why);

/* The item at fault is told, not the one that was given last. */
static bool read_rules_by(struct reading *r, enum id id, struct rule_book *book,
                          read_rules_of *read_them)
{
    const struct config_list *list = member(r, id);
    struct sentence why;
    unsigned bad;

    if (read_them(book, list, &bad, &why))
        return true;
    if (r->given[id].origin == FROM_LINE) /* a C string then */
        r->given[id].value = list->items[bad].at;
    return refuse(r, id, "%s", why.text);
}

static bool read_rules(struct reading *r)
{
    struct rule_book book = { .page_count = 0 };
    bool fine = read_rules_by(r, ID_HEADER, &book, rule_book_read_headers) &&
                read_rules_by(r, ID_REDIRECT, &book, rule_book_read_redirects) &&
                read_rules_by(r, ID_ERROR_PAGE, &book, rule_book_read_pages);

    rule_book_release(&book);
    r->config->has_max_age = is_given(r, ID_MAX_AGE);
    return fine;
}

/* The row that a getopt answer or optopt means, or ID_COUNT. */
static enum id row_of(int answer)
{
    if (answer >= LONG_ONLY)
        return (enum id)(answer - LONG_ONLY);
    for (enum id id = 0; id < ID_COUNT; id++)
        if (rows[id].letter != 0 && rows[id].letter == answer)
            return id;
    return ID_COUNT;
}

static void give(struct reading *r, enum id id, enum origin origin, const char *value)
{
    const struct row *spelled = &rows[id];

    if (rows[id].kind == KIND_ALIAS)
        id--;
    if (rows[id].kind == KIND_LIST && origin == FROM_LINE)
        r->too_many[id] = !add_item(member(r, id), str_from(value)) || r->too_many[id];
    r->given[id] = (struct given){ origin, spelled, value };
}

/* getopt could not take `word` of the command line. */
static bool refuse_word(const struct reading *r, int answer, const char *word)
{
    char allowed[256];
    enum id id = optopt != 0 ? row_of(optopt) : ID_COUNT;

    if (id == ID_COUNT && optopt != 0) {
        fprintf(r->err, "ringlet: -%c: there is no such option; ringlet --help shows all\n",
                optopt);
    } else if (id == ID_COUNT) {
        fprintf(r->err,
                "ringlet: %s: there is no such option, or more than one begins like this; "
                "ringlet --help shows all\n",
                word);
    } else if (answer == ':') {
        const struct row *row = &rows[rows[id].kind == KIND_ALIAS ? id - 1 : id];
        write_allowed(row, allowed, sizeof allowed);
        fprintf(r->err, "ringlet: --%s: the value is missing; %s\n", rows[id].name, allowed);
    } else {
        fprintf(r->err, "ringlet: %s: --%s takes no value; leave it out\n", word, rows[id].name);
    }
    return false;
}

static void fill_getopt(struct option *longs, char *letters)
{
    *letters++ = ':';
    for (enum id id = 0; id < ID_COUNT; id++) {
        bool takes_value = rows[id].word != NULL;
        longs[id] = (struct option){ rows[id].name, takes_value ? required_argument : no_argument,
                                     NULL, LONG_ONLY + (int)id };
        if (rows[id].letter != 0)
            *letters++ = rows[id].letter;
        if (rows[id].letter != 0 && takes_value)
            *letters++ = ':';
    }
    longs[ID_COUNT] = (struct option){ 0 };
    *letters = '\0';
}

static enum options_action read_arguments(struct reading *r, int argc, char **argv)
{
    int count = argc - optind;

    if (count == 0)
        return OPTIONS_RUN;
    if (count > 1) {
        fprintf(r->err, "ringlet: DIR %s: %s is already named, and one directory is served\n",
                argv[optind + 1], argv[optind]);
        return OPTIONS_REFUSED;
    }
    if (r->given[ID_ROOT].origin == FROM_LINE) {
        fprintf(r->err, "ringlet: DIR %s: --root %s is already named; give one of them\n",
                argv[optind], r->given[ID_ROOT].value);
        return OPTIONS_REFUSED;
    }
    give(r, ID_ROOT, FROM_ARGUMENT, argv[optind]);
    return OPTIONS_RUN;
}

static enum options_action read_line(struct reading *r, int argc, char **argv)
{
    struct option longs[ID_COUNT + 1];
    char letters[2 * ID_COUNT + 2];
    int answer;

    fill_getopt(longs, letters);
    optind = 0; /* getopt(3): start anew */
    opterr = 0;
    while ((answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (answer == '?' || answer == ':') {
            refuse_word(r, answer, argv[optind - 1]);
            return OPTIONS_REFUSED;
        }
        enum id id = row_of(answer);
        CHECK(id < ID_COUNT);
        if (rows[id].kind == KIND_ACTION)
            return id == ID_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
        give(r, id, FROM_LINE, rows[id].word ? optarg : "1");
    }
    return read_arguments(r, argc, argv);
}

static const char *find_variable(char **envp, const char *name)
{
    size_t len = strlen(name);

    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
            return *envp + len + 1;
    return NULL;
}

/* What the command line has not said. --help and --version have no variable: images carry a
 * RINGLET_VERSION that means something else. */
static void read_environment(struct reading *r, char **envp)
{
    for (enum id id = 0; id < ID_COUNT; id++) {
        char variable[64];
        variable_name(&rows[id], variable, sizeof variable);
        const char *value = find_variable(envp, variable);
        enum id target = rows[id].kind == KIND_ALIAS ? id - 1 : id;
        if (value && rows[id].kind != KIND_ACTION && r->given[target].origin == FROM_NOWHERE)
            give(r, id, FROM_ENVIRONMENT, value);
    }
}

static enum options_action read_all(struct reading *r, int argc, char **argv, char **envp)
{
    memset(r->config, 0, sizeof *r->config);

    enum options_action action = read_line(r, argc, argv);
    if (action != OPTIONS_RUN)
        return action;
    read_environment(r, envp);
    for (enum id id = 0; id < ID_COUNT; id++) {
        if (r->given[id].origin == FROM_NOWHERE && rows[id].standard)
            give(r, id, FROM_DEFAULT, rows[id].standard);
        if (!read_one(r, id))
            return OPTIONS_REFUSED;
    }
    if (!check_demo(r) || !read_cores(r) || !read_rules(r))
        return OPTIONS_REFUSED;
    return asks_for_check(r) ? OPTIONS_CHECK : OPTIONS_RUN;
}

/* One line, whatever was given: a value's line ends and escape sequences are not passed on. */
static void tell(FILE *err, char *refusal, size_t len)
{
    if (len == 0)
        return;
    sentence_clean(refusal, len - 1);
    fwrite(refusal, 1, len, err);
}

enum options_action options_read(struct config *config, int argc, char **argv, char **envp,
                                 FILE *err)
{
    char *refusal = NULL;
    size_t len = 0;
    struct reading r = { .config = config, .err = open_memstream(&refusal, &len) };

    if (!r.err) {
        fputs("ringlet: out of memory\n", err);
        return OPTIONS_REFUSED;
    }
    enum options_action action = read_all(&r, argc, argv, envp);
    fclose(r.err);
    tell(err, refusal, len);
    free(refusal);
    return action;
}

/* Words from column HELP_TEXT_AT on, the first line having come as far as `column`. */
static void help_wrapped(FILE *out, size_t column, const char *words)
{
    if (column >= HELP_TEXT_AT) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", (int)(HELP_TEXT_AT - column), "");
    column = HELP_TEXT_AT;
    for (size_t len; *words; words += len) {
        words += strspn(words, " ");
        len = strcspn(words, " ");
        if (column > HELP_TEXT_AT && column + 1 + len > HELP_COLUMNS) {
            fprintf(out, "\n%*s", HELP_TEXT_AT, "");
            column = HELP_TEXT_AT;
        }
        const char *gap = column > HELP_TEXT_AT ? " " : "";
        fprintf(out, "%s%.*s", gap, (int)len, words);
        column += strlen(gap) + len;
    }
    fputc('\n', out);
}

static void help_row(FILE *out, const struct row *row)
{
    char left[64], right[256];
    int len = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", row->letter ? '-' : ' ',
                       row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
                       row->word ? " " : "", row->word ? row->word : "");

    CHECK(len > 0 && (size_t)len < sizeof left);
    fputs(left, out);
    snprintf(right, sizeof right, "%s%s%s%s", row->help, row->standard ? " (default " : "",
             row->standard ? row->standard : "", row->standard ? ")" : "");
    help_wrapped(out, (size_t)len, right);
}

void options_help(FILE *out)
{
    fputs("Usage: ringlet [OPTIONS] [DIR]\n"
          "Serve the files below DIR (default: the current directory) over HTTP.\n\n",
          out);
    for (enum id id = 0; id < ID_COUNT; id++)
        help_row(out, &rows[id]);
    fputs("\nTIME is in seconds, or with a unit: 500ms, 30s, 5m.\n"
          "SIZE is in bytes, or with a unit: 16k, 2m, 1g.\n"
          "Every option but --help and --version can also be given in the environment:\n"
          "RINGLET_PORT=80, RINGLET_HEADER_TIMEOUT=5s, RINGLET_QUIET=yes (or no). The\n"
          "command line goes before the environment.\n"
          "Signals: TERM, INT and QUIT drain, a second one forces; USR1 and HUP reopen the\n"
          "log. Exit status: 0 clean stop, 1 failure, 2 usage, 78 a wrong file of rules.\n",
          out);
}

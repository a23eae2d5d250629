#include "load/options.h"

#include "load/schedule.h"

#include <assert.h>
#include <getopt.h>
#include <stddef.h>

#define SECOND_NS      1000000000ULL
#define TIME_MAX_NS    (24 * 3600 * SECOND_NS)
#define BODY_SIZE_MAX  (1ULL << 30)
#define LENGTH_MAX     (1ULL << 62)
#define SPIN_MAX_US    1000000ULL
#define RATE_MAX       20000000ULL /* far beyond what a thread can send */
#define MICROSECOND_NS 1000

static_assert(RATE_MAX <= SCHEDULE_RATE_MAX, "a schedule can be kept at any rate");

enum { LONG_ONLY = 256 };

enum kind {
    KIND_FLAG,
    KIND_NUMBER,
    KIND_SECONDS,      /* decimals allowed; kept as ns */
    KIND_MICROSECONDS, /* kept as ns */
    KIND_TEXT,
    KIND_FIELD,
    KIND_HELP,
    KIND_VERSION,
};

struct row {
    const char *name;
    char letter; /* or 0 */
    enum kind kind;
    uint64_t min, max;
    size_t at;
    size_t given_at; /* of a flag that says that it was given; 0: none */
};

#define AT(member) offsetof(struct options, member)

static const struct row rows[] = {
    { "connections", 'c', KIND_NUMBER, 1, OPTIONS_CONNECTIONS_MAX, AT(connections), 0 },
    { "threads", 't', KIND_NUMBER, 1, OPTIONS_THREADS_MAX, AT(threads), 0 },
    { "cpus", 0, KIND_TEXT, 0, 0, AT(cpus), 0 },
    { "duration", 'd', KIND_SECONDS, 1, TIME_MAX_NS, AT(duration_ns), 0 },
    { "warmup", 0, KIND_SECONDS, 0, TIME_MAX_NS, AT(warmup_ns), 0 },
    { "rate", 'R', KIND_NUMBER, 1, RATE_MAX, AT(rate), 0 },
    { "pipeline", 0, KIND_NUMBER, 1, OPTIONS_PIPELINE_MAX, AT(pipeline), 0 },
    { "new-connection", 0, KIND_FLAG, 0, 0, AT(new_connection), 0 },
    { "header", 'H', KIND_FIELD, 0, 0, 0, 0 },
    { "browser", 0, KIND_FLAG, 0, 0, AT(browser), 0 },
    { "method", 'm', KIND_TEXT, 0, 0, AT(method), 0 },
    { "body-size", 0, KIND_NUMBER, 0, BODY_SIZE_MAX, AT(body_size), AT(body_given) },
    { "body-file", 0, KIND_TEXT, 0, 0, AT(body_file), AT(body_given) },
    { "chunked", 0, KIND_FLAG, 0, 0, AT(chunked), 0 },
    { "idle", 0, KIND_NUMBER, 0, OPTIONS_CONNECTIONS_MAX, AT(idle), 0 },
    { "expect-status", 0, KIND_NUMBER, 100, 599, AT(expect_status), 0 },
    { "expect-length", 0, KIND_NUMBER, 0, LENGTH_MAX, AT(expect_length), AT(expect_length_given) },
    { "targets", 0, KIND_TEXT, 0, 0, AT(targets), 0 },
    { "json", 0, KIND_TEXT, 0, 0, AT(json), 0 },
    { "hgrm", 0, KIND_TEXT, 0, 0, AT(hgrm), 0 },
    { "timeout", 0, KIND_SECONDS, 1, TIME_MAX_NS, AT(timeout_ns), 0 },
    { "spin", 0, KIND_MICROSECONDS, 0, SPIN_MAX_US, AT(spin_ns), AT(spin_given) },
    { "tls-insecure", 0, KIND_FLAG, 0, 0, AT(tls_insecure), 0 },
    { "tls-cipher", 0, KIND_TEXT, 0, 0, AT(tls_cipher), 0 },
    { "tls-resume", 0, KIND_FLAG, 0, 0, AT(tls_resume), 0 },
    { "quiet", 'q', KIND_FLAG, 0, 0, AT(quiet), 0 },
    { "help", 'h', KIND_HELP, 0, 0, 0, 0 },
    { "version", 'V', KIND_VERSION, 0, 0, 0, 0 },
};

enum { ROWS = sizeof rows / sizeof *rows };

static const char help[] =
    "Usage: ringlet-load [OPTIONS] URL [URL...]\n"
    "Ask an HTTP server for the URLs, which are of one host and port, in rotation; say how\n"
    "many answers came and how long they took.\n"
    "\n"
    "  -c, --connections N     connections (16)\n"
    "  -t, --threads N         threads that share them (1)\n"
    "      --cpus LIST         CPUs to pin them to, as in 1,2-3\n"
    "  -d, --duration SECONDS  how long to measure (10)\n"
    "      --warmup SECONDS    how long to run before that (1)\n"
    "  -R, --rate N            send N requests a second in all, whatever the server does, and\n"
    "                          count latency from when each was due; without it each\n"
    "                          connection sends when it has its answer\n"
    "      --pipeline N        requests in flight per connection (1)\n"
    "      --new-connection    a connection per request, with Connection: close\n"
    "  -H, --header FIELD      add 'Name: value' to each request; repeatable\n"
    "      --browser           add the dozen fields a browser sends\n"
    "  -m, --method NAME       method (GET; POST with a body)\n"
    "      --body-size N       send a body of N bytes\n"
    "      --body-file FILE    send what is in FILE as the body\n"
    "      --chunked           send the body chunked\n"
    "      --idle N            hold N more connections that send one request and stay open\n"
    "      --expect-status N   any other status is wrong (200)\n"
    "      --expect-length N   any other length is wrong (that of each URL's first answer)\n"
    "      --targets FILE      paths, one a line, to ask for in rotation\n"
    "      --json FILE         write the result as JSON\n"
    "      --hgrm FILE         write the latencies as an HdrHistogram percentile text\n"
    "      --timeout SECONDS   an answer that takes longer is given up (5)\n"
    "      --spin MICROSECONDS poll instead of sleeping so long before a request is due (60)\n"
    "      --tls-insecure      take any certificate\n"
    "      --tls-cipher NAME   TLS 1.3 with this cipher suite and X25519 alone, as in\n"
    "                          TLS_AES_128_GCM_SHA256\n"
    "      --tls-resume        with --new-connection: resume the session before, by its ticket;\n"
    "                          a server that does not agree is no result\n"
    "  -q, --quiet             nothing on standard output\n"
    "  -V, --version           show the version and exit\n"
    "  -h, --help              show this and exit\n"
    "\n"
    "At a rate and with one thread, Ctrl-Z (SIGTSTP) lets it wait for what is under way before\n"
    "it stops. No time passes for it until it goes on; a warm-up ends with its first stop.\n"
    "\n"
    "Exit status: 0 fine, 1 could not run, 2 wrong usage, 3 the rate was not held or sessions\n"
    "were not resumed, 4 some answers were wrong.\n";

const char *options_help(void)
{
    return help;
}

static void *member(struct options *o, size_t at)
{
    return (char *)o + at;
}

/* Decimal seconds, to the nanosecond. */
static bool read_seconds(struct str s, uint64_t *ns)
{
    const char *dot = memchr(s.at, '.', s.len);
    struct str whole = dot ? str_of(s.at, (size_t)(dot - s.at)) : s;
    struct str rest = dot ? str_of(dot + 1, s.len - whole.len - 1) : STR("0");
    unsigned long long seconds, fraction;

    if (rest.len > 9 || !str_number(whole, TIME_MAX_NS / SECOND_NS, &seconds) ||
        !str_number(rest, SECOND_NS, &fraction))
        return false;
    for (size_t i = rest.len; i < 9; i++)
        fraction *= 10;
    *ns = seconds * SECOND_NS + fraction;
    return true;
}

static bool read_number(const struct row *row, struct str s, uint64_t *number)
{
    unsigned long long value;

    if (row->kind == KIND_SECONDS)
        return read_seconds(s, number) && *number >= row->min && *number <= row->max;
    if (!str_number(s, row->max, &value) || value < row->min)
        return false;
    *number = row->kind == KIND_MICROSECONDS ? value * MICROSECOND_NS : value;
    return true;
}

static bool read_field(struct options *o, struct str field, struct sentence *why)
{
    const char *colon = memchr(field.at, ':', field.len);

    if (o->field_count == OPTIONS_FIELDS_MAX) {
        sentence_set(why, "more than %d header fields", OPTIONS_FIELDS_MAX);
        return false;
    }
    if (!colon || colon == field.at || strpbrk(field.at, "\r\n")) {
        sentence_set(why, "--header %s: not of the form 'Name: value'", field.at);
        return false;
    }
    o->fields[o->field_count++] = field;
    return true;
}

static bool read_value(struct options *o, const struct row *row, const char *value,
                       struct sentence *why)
{
    if (row->given_at)
        *(bool *)member(o, row->given_at) = true;
    if (row->kind == KIND_FLAG)
        *(bool *)member(o, row->at) = true;
    else if (row->kind == KIND_TEXT)
        *(const char **)member(o, row->at) = value;
    else if (row->kind == KIND_FIELD)
        return read_field(o, str_from(value), why);
    else if (!read_number(row, str_from(value), member(o, row->at))) {
        sentence_set(
            why, "--%s %s: not a number from %llu to %llu", row->name, value,
            (unsigned long long)(row->kind == KIND_SECONDS ? 0 : row->min),
            (unsigned long long)(row->kind == KIND_SECONDS ? row->max / SECOND_NS : row->max));
        return false;
    }
    return true;
}

static const struct row *row_of(int letter)
{
    if (letter >= LONG_ONLY)
        return &rows[letter - LONG_ONLY];
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

static void describe(struct option *longs)
{
    for (int i = 0; i < ROWS; i++) {
        bool bare =
            rows[i].kind == KIND_FLAG || rows[i].kind == KIND_HELP || rows[i].kind == KIND_VERSION;

        longs[i] = (struct option){
            .name = rows[i].name,
            .has_arg = bare ? no_argument : required_argument,
            .val = LONG_ONLY + i,
        };
    }
    longs[ROWS] = (struct option){ 0 };
}

/* What contradicts itself. */
static const char *contradiction(const struct options *o)
{
    if (o->url_count == 0)
        return "no URL";
    if (o->new_connection && o->pipeline > 1)
        return "--new-connection sends one request per connection; --pipeline makes no sense";
    if (o->tls_resume && !o->new_connection)
        return "--tls-resume needs --new-connection: one that stays resumes nothing";
    if (o->body_file && o->body_size > 0)
        return "--body-size and --body-file exclude each other";
    if (o->chunked && !o->body_given)
        return "--chunked needs --body-size or --body-file";
    if (o->targets && o->url_count > 1)
        return "--targets takes one URL";
    if (o->threads > o->connections)
        return "more threads than connections";
    return NULL;
}

static enum options_result finish(struct options *o, struct sentence *why)
{
    const char *wrong = contradiction(o);

    if (wrong) {
        sentence_set(why, "%s", wrong);
        return OPTIONS_WRONG;
    }
    if (!o->method)
        o->method = o->body_given ? "POST" : "GET";
    if (!o->spin_given)
        o->spin_ns = o->rate > 0 ? OPTIONS_SPIN_US * MICROSECOND_NS : 0;
    for (const char *c = o->method; *c; c++)
        if (*c <= ' ' || *c == 0x7f) {
            sentence_set(why, "--method %s: not a method", o->method);
            return OPTIONS_WRONG;
        }
    return OPTIONS_RUN;
}

enum options_result options_read(int argc, char **argv, struct options *o, struct sentence *why)
{
    struct option longs[ROWS + 1];
    int letter;

    *o = (struct options){
        .connections = 16,
        .threads = 1,
        .pipeline = 1,
        .duration_ns = 10 * SECOND_NS,
        .warmup_ns = SECOND_NS,
        .timeout_ns = 5 * SECOND_NS,
        .expect_status = 200,
    };
    describe(longs);
    optind = 0; /* begin anew, getopt(3) */
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "c:t:d:R:H:m:qhV", longs, NULL)) != -1) {
        const struct row *row = letter == '?' ? NULL : row_of(letter);

        if (!row) {
            sentence_set(why, "%s: unknown, or its value is missing", argv[optind - 1]);
            return OPTIONS_WRONG;
        }
        if (row->kind == KIND_HELP)
            return OPTIONS_HELP;
        if (row->kind == KIND_VERSION)
            return OPTIONS_VERSION;
        if (!read_value(o, row, optarg, why))
            return OPTIONS_WRONG;
    }
    o->urls = argv + optind;
    o->url_count = (unsigned)(argc - optind);
    return finish(o, why);
}

#include "server/embed.h"

#include "app/call.h"
#include "base/check.h"
#include "http/path.h"
#include "server/options.h"
#include "server/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    FILES_MAX = CONFIG_PAIRS_MAX + 1, /* of certificates: one too many, so that it is refused */
    /* Of the command line: one for each member of the options, the program's name, the NULL, and
     * the files. */
    WORDS_MAX = 20 + 2 * FILES_MAX,
};

/* Where a redirect or a mount leads. */
struct redirection {
    struct redirection *next;
    int status;
    char location[];
};

struct ringlet {
    struct app app;
    struct redirection *redirections;
    struct config config;
    char *words[WORDS_MAX];
    int word_count;
    bool no_memory; /* for a word or a route */
    bool files, signals;
    bool ran;
    int stop; /* eventfd */
};

void ringlet_options_init(struct ringlet_options *options, size_t size)
{
    const struct ringlet_options standard = {
        .size = size,
        .host = "127.0.0.1",
        .port = 8080,
        .drain_ms = 20000,
        .tls_port = -1,
    };

    if (!options)
        return;
    memset(options, 0, size);
    memcpy(options, &standard, size < sizeof standard ? size : sizeof standard);
}

/* --- options to words --- */

__attribute__((format(printf, 2, 3))) static void add_word(struct ringlet *server,
                                                           const char *format, ...)
{
    va_list args;
    char *word = NULL;

    CHECK(server->word_count < WORDS_MAX - 1);
    va_start(args, format);
    if (vasprintf(&word, format, args) < 0)
        word = NULL;
    va_end(args);
    server->words[server->word_count] = word;
    server->word_count += word != NULL;
    server->no_memory |= word == NULL;
}

static void add_text(struct ringlet *server, const char *name, const char *value)
{
    if (value)
        add_word(server, "--%s=%s", name, value);
}

static void add_files(struct ringlet *server, const char *name, const char *const *files)
{
    for (int i = 0; files && files[i] && i < FILES_MAX; i++)
        add_word(server, "--%s=%s", name, files[i]);
}

static void add_flag(struct ringlet *server, const char *name, bool on)
{
    if (on)
        add_word(server, "--%s", name);
}

static void add_tls_words(struct ringlet *server, const struct ringlet_options *options)
{
    if (options->tls_port >= 0)
        add_word(server, "--tls-port=%" PRId32, options->tls_port);
    add_files(server, "tls-cert", options->tls_certs);
    add_files(server, "tls-key", options->tls_keys);
    add_flag(server, "tls-self-signed", options->tls_self_signed);
    add_flag(server, "https-redirect", options->https_redirect);
    add_text(server, "hsts", options->hsts);
}

static void add_words(struct ringlet *server, const struct ringlet_options *options)
{
    add_text(server, "host", options->host);
    add_word(server, "--port=%u", options->port);
    if (options->cores > 0)
        add_word(server, "--cores=%" PRIu32, options->cores);
    add_text(server, "root", options->root ? options->root : "/");
    add_text(server, "engine", options->engine);
    if (options->spin_us > 0)
        add_word(server, "--spin=%" PRIu32, options->spin_us);
    add_text(server, "log", options->log);
    add_word(server, "--drain-timeout=%" PRIu32 "ms", options->drain_ms);
    add_flag(server, "quiet", options->quiet);
    add_tls_words(server, options);
    server->files = options->root != NULL;
    server->signals = options->signals;
}

/* --- making and freeing --- */

struct ringlet *ringlet_new(const struct ringlet_options *given)
{
    struct ringlet *server = calloc(1, sizeof *server);
    struct ringlet_options options;

    if (!server)
        return NULL;
    ringlet_options_init(&options, sizeof options);
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    endpoints_init(&server->app.endpoints);
    add_word(server, "ringlet");
    add_words(server, &options);
    server->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!server->no_memory && server->stop >= 0)
        return server;
    ringlet_free(server);
    return NULL;
}

void ringlet_free(struct ringlet *server)
{
    struct redirection *next;

    if (!server)
        return;
    for (struct redirection *one = server->redirections; one; one = next) {
        next = one->next;
        free(one);
    }
    for (int i = 0; i < server->word_count; i++)
        free(server->words[i]);
    endpoints_release(&server->app.endpoints);
    if (server->stop >= 0)
        close(server->stop);
    free(server);
}

const struct app *embed_app(const struct ringlet *server)
{
    return &server->app;
}

const char *embed_refusal(const struct ringlet *server)
{
    if (server->app.endpoints.refusal[0] != '\0')
        return server->app.endpoints.refusal;
    return server->no_memory ? "out of memory" : NULL;
}

/* --- routes --- */

static int add_body(struct ringlet *server, const char *method, const char *pattern,
                    const struct endpoint_body *body, ringlet_handler *handler, void *data)
{
    if (!server)
        return -EINVAL;

    int error = endpoints_add_body(&server->app.endpoints, method, pattern, body, handler, data);
    server->no_memory |= error == -ENOMEM;
    return error;
}

int ringlet_route(struct ringlet *server, const char *method, const char *pattern,
                  ringlet_handler *handler, void *data)
{
    return add_body(server, method, pattern, NULL, handler, data);
}

int ringlet_route_body(struct ringlet *server, const char *method, const char *pattern,
                       uint64_t max, ringlet_handler *handler, void *data)
{
    const struct endpoint_body body = { .wanted = true, .max = max };

    return add_body(server, method, pattern, &body, handler, data);
}

int ringlet_route_pieces(struct ringlet *server, const char *method, const char *pattern,
                         uint64_t max, ringlet_piece *piece, ringlet_handler *handler, void *data)
{
    const struct endpoint_body body = { .wanted = true, .max = max, .piece = piece };

    if (server && !piece)
        return endpoints_refuse(&server->app.endpoints,
                                "a route whose body comes in pieces has nothing to take them");
    return add_body(server, method, pattern, &body, handler, data);
}

static void redirect(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    const struct redirection *to = data;

    (void)request;
    ringlet_reply_redirect(reply, to->status, to->location);
}

/* The server's; NULL when memory is short, which ringlet_run tells. */
static struct redirection *make_redirection(struct ringlet *server, const char *location,
                                            int status)
{
    size_t len = strlen(location);
    struct redirection *made = malloc(sizeof *made + len + 1);

    if (!made) {
        server->no_memory = true;
        return NULL;
    }
    made->status = status;
    memcpy(made->location, location, len + 1);
    made->next = server->redirections;
    server->redirections = made;
    return made;
}

/* Its location is the directory's path, with a slash at the end. */
static void answer_mounted(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    const struct redirection *to = data;
    struct ringlet_slice rest = ringlet_param(request, "path");
    char path[RINGLET_FILE_PATH_MAX + 1];
    int len = snprintf(path, sizeof path, "%s%.*s", to->location, (int)rest.len, rest.at);

    if (len < 0 || (size_t)len >= sizeof path || call_reply_mounted(reply, path) < 0) {
        ringlet_reply_status(reply, 404);
        ringlet_reply_printf(reply, "404 Not Found\n");
    }
}

/* The prefix alone is a directory without its slash. */
static void add_slash(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice path = ringlet_path(request), query = ringlet_query(request);
    char space[RINGLET_FIELDS_SIZE / 2];
    struct text location = text_in(space, sizeof space - 1);

    (void)data;
    http_path_encode(&location, str_of(path.at, path.len));
    text_add(&location, STR("/"));
    text_add(&location, query.at ? STR("?") : STR(""));
    text_add(&location, str_of(query.at, query.len));
    space[location.len] = '\0';
    if (location.cut || ringlet_reply_redirect(reply, 301, space) < 0) {
        ringlet_reply_status(reply, 414);
        ringlet_reply_printf(reply, "414 URI Too Long\n");
    }
}

/* Does it begin with '/', and can every segment stand in a path that is normalised? */
static bool is_directory(const char *path)
{
    struct str rest = str_from(path), segment;

    if (path[0] != '/')
        return false;
    while (rest.len > 0) {
        rest = str_of(rest.at + 1, rest.len - 1);
        const char *slash = memchr(rest.at, '/', rest.len);
        segment = str_of(rest.at, slash ? (size_t)(slash - rest.at) : rest.len);
        rest = str_of(rest.at + segment.len, rest.len - segment.len);
        if (str_equal(segment, STR(".")) || str_equal(segment, STR("..")) ||
            (segment.len == 0 && rest.len > 0))
            return false;
    }
    return true;
}

/* Neither ends with a slash. */
static int add_mount(struct ringlet *server, struct str prefix, struct str directory)
{
    char pattern[RINGLET_PATTERN_MAX + 16], target[RINGLET_FILE_PATH_MAX];
    int pattern_len =
        snprintf(pattern, sizeof pattern, "%.*s/{path...}", (int)prefix.len, prefix.at);
    int target_len = snprintf(target, sizeof target, "%.*s/", (int)directory.len, directory.at);

    if (pattern_len < 0 || (size_t)pattern_len >= sizeof pattern || target_len < 0 ||
        (size_t)target_len >= sizeof target)
        return endpoints_refuse(&server->app.endpoints,
                                "the mount at %.200s: it has more bytes than a path can have",
                                prefix.at);
    struct redirection *made = make_redirection(server, target, 0);
    int error = made ? ringlet_route(server, "GET", pattern, answer_mounted, made) : -ENOMEM;
    pattern[prefix.len] = '\0';
    return error || prefix.len == 0 ? error
                                    : ringlet_route(server, "GET", pattern, add_slash, NULL);
}

static struct str without_slash(const char *text)
{
    struct str s = str_from(text);

    return str_ends(s, STR("/")) ? str_of(s.at, s.len - 1) : s;
}

int ringlet_mount(struct ringlet *server, const char *prefix, const char *directory)
{
    if (!server)
        return -EINVAL;
    if (!prefix || !directory)
        return endpoints_refuse(&server->app.endpoints, "a mount has no prefix or no directory");
    if (!is_directory(directory) || !server->files)
        return endpoints_refuse(
            &server->app.endpoints,
            "the mount at %.200s: its directory is a path below the root, which "
            "the options name, like /assets",
            prefix);
    return add_mount(server, without_slash(prefix), without_slash(directory));
}

static int add_redirect(struct ringlet *server, const char *pattern, const char *location,
                        int status)
{
    struct str value = str_from(location);

    if (!call_is_redirect(status) || !call_is_value(value) || value.len == 0 ||
        value.len > RINGLET_FIELDS_SIZE / 2)
        return endpoints_refuse(&server->app.endpoints,
                                "the redirect from %.200s: its status or its location is none",
                                pattern);
    struct redirection *made = make_redirection(server, location, status);
    return made ? ringlet_route(server, "GET", pattern, redirect, made) : -ENOMEM;
}

int ringlet_redirect(struct ringlet *server, const char *pattern, const char *location, int status)
{
    if (!server)
        return -EINVAL;
    if (!pattern || !location)
        return endpoints_refuse(&server->app.endpoints, "a redirect has no pattern or no location");
    return add_redirect(server, pattern, location, status);
}

int ringlet_core_state(struct ringlet *server, void *(*start)(void *data),
                       void (*end)(void *state, void *data), void *data)
{
    if (!server)
        return -EINVAL;
    if (!start)
        return endpoints_refuse(&server->app.endpoints, "nothing makes the state of the cores");
    if (server->app.start)
        return -EALREADY;
    server->app.start = start;
    server->app.end = end;
    server->app.data = data;
    return 0;
}

/* --- running --- */

static int complain(const char *what)
{
    fprintf(stderr, "ringlet: %s\n", what);
    return STATUS_USAGE;
}

int ringlet_run(struct ringlet *server)
{
    if (!server)
        return complain("there is no server to run");

    struct config *config = &server->config;
    const char *refusal = embed_refusal(server);
    if (server->ran)
        return complain("a server runs once; make another one");
    if (refusal)
        return complain(refusal);
    if (options_read(config, server->word_count, server->words, NULL, stderr) != OPTIONS_RUN)
        return STATUS_USAGE;
    server->ran = true;
    config->app = &server->app;
    config->no_files = !server->files;
    config->embedded = true;
    config->own_signals = server->signals;
    config->stop = server->stop;
    return process_run(config);
}

void ringlet_stop(struct ringlet *server)
{
    const uint64_t one = 1;
    int error = errno; /* of whom a signal handler has interrupted */

    if (!server)
        return;
    ssize_t written = write(server->stop, &one, sizeof one);

    (void)written; /* it can only be full of stops */
    errno = error;
}

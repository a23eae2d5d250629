#include "load/plan.h"

#include "load/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

/* All of a file, at most REQUEST_BYTES_MAX; NULL with the reason in *why. The caller frees it. */
static char *read_file(const char *path, size_t *len, struct sentence *why)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = NULL;
    size_t cap = 0, got = 0;

    *len = 0;
    while (file && !ferror(file) && !feof(file) && cap < REQUEST_BYTES_MAX) {
        char *more = realloc(bytes, cap = cap > 0 ? cap * 2 : 4096);

        if (!more)
            break;
        bytes = more;
        got += fread(bytes + got, 1, cap - got, file);
    }
    if (!file || ferror(file) || !feof(file)) {
        sentence_set(why, "%s: %s", path, !file || ferror(file) ? strerror(errno) : "too large");
        free(bytes);
        bytes = NULL;
    }
    if (file)
        fclose(file);
    *len = got;
    return bytes;
}

/* The URLs must agree in all but the target. */
static bool read_urls(const struct options *o, struct url *first, struct str *targets,
                      struct sentence *why)
{
    for (unsigned i = 0; i < o->url_count; i++) {
        struct url url;

        if (!url_parse(str_from(o->urls[i]), &url, why))
            return false;
        if (i == 0)
            *first = url;
        if (url.tls != first->tls || !str_equal_nocase(url.authority, first->authority)) {
            sentence_set(why, "%s: of another host or port than %s", o->urls[i], o->urls[0]);
            return false;
        }
        targets[i] = url.target;
    }
    return true;
}

/* One path a line; empty lines are skipped. Returns how many, 0 with the reason in *why. */
static unsigned read_targets(struct plan *plan, struct str *targets, struct sentence *why)
{
    const char *path = plan->options->targets;
    unsigned count = 0;
    size_t len;

    plan->targets_text = read_file(path, &len, why);
    if (!plan->targets_text)
        return 0;
    struct str rest = str_of(plan->targets_text, len), line;

    while (str_next(&rest, '\n', &line)) {
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            continue;
        if (count == REQUEST_TARGETS_MAX || !url_target_is_good(line)) {
            sentence_set(why, "%s: %.*s: %s", path, (int)line.len, line.at,
                         count == REQUEST_TARGETS_MAX ? "too many targets"
                                                      : "not a path that begins with /");
            return 0;
        }
        targets[count++] = line;
    }
    if (count == 0)
        sentence_set(why, "%s: no path in it", path);
    return count;
}

static int build_requests(struct plan *plan, const struct url *url, const struct str *targets,
                          unsigned count, struct sentence *why)
{
    const struct options *o = plan->options;
    size_t len = o->body_size;
    char *body = NULL;

    if (o->body_file && !(body = read_file(o->body_file, &len, why)))
        return EXIT_USAGE;
    if (!body && len > 0 && (body = malloc(len)))
        memset(body, 'x', len);
    if (!body && len > 0) {
        sentence_set(why, "no memory for a body of %zu bytes", len);
        return EXIT_FAILURE;
    }
    struct request_form form = {
        .method = str_from(o->method),
        .authority = url->authority,
        .fields = o->fields,
        .field_count = o->field_count,
        .browser = o->browser,
        .close = o->new_connection,
        .has_body = o->body_given,
        .chunked = o->chunked,
        .body = str_of(body, len),
    };
    bool built = requests_build(&plan->requests, &form, targets, count, (unsigned)o->pipeline, why);

    free(body);
    return built ? 0 : EXIT_FAILURE;
}

static bool look_up(struct plan *plan, const struct url *url, struct sentence *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
    char port[8], number[INET6_ADDRSTRLEN] = "";

    snprintf(plan->host, sizeof plan->host, "%.*s", (int)url->host.len, url->host.at);
    snprintf(port, sizeof port, "%.*s", (int)url->port.len, url->port.at);
    int error = getaddrinfo(plan->host, port, &hints, &found);

    if (error) {
        sentence_set(why, "%s: %s", plan->host, gai_strerror(error));
        return false;
    }
    memcpy(&plan->address, found->ai_addr, found->ai_addrlen);
    plan->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    getnameinfo((struct sockaddr *)&plan->address, plan->address_len, number, sizeof number, NULL,
                0, NI_NUMERICHOST);
    snprintf(plan->address_text, sizeof plan->address_text,
             plan->address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", number, port);
    return true;
}

static bool is_loopback_v4(const struct plan *plan)
{
    struct sockaddr_in in;

    if (plan->address.ss_family != AF_INET)
        return false;
    memcpy(&in, &plan->address, sizeof in);
    return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

int plan_make(struct plan *plan, const struct options *o, struct sentence *why)
{
    unsigned count = o->url_count;
    struct url url = { 0 };
    int status = EXIT_USAGE;

    *plan = (struct plan){ .options = o };
    struct str *targets = calloc(
        o->targets || count > REQUEST_TARGETS_MAX ? REQUEST_TARGETS_MAX : count, sizeof *targets);

    if (!targets || count > REQUEST_TARGETS_MAX)
        sentence_set(why, "too many URLs");
    else if (read_urls(o, &url, targets, why) &&
             (!o->targets || (count = read_targets(plan, targets, why)) > 0))
        status = build_requests(plan, &url, targets, count, why);
    free(targets);
    if (status != 0)
        return status;
    if (!url.tls && (o->tls_cipher || o->tls_resume)) {
        sentence_set(why, "--tls-cipher and --tls-resume need an https URL");
        return EXIT_USAGE;
    }
    if (!look_up(plan, &url, why))
        return EXIT_FAILURE;
    if (url.tls && !(plan->tls = tls_context_make(o->tls_insecure, o->tls_cipher, why)))
        return EXIT_FAILURE;
    plan->rotate_sources = is_loopback_v4(plan) &&
                           (o->new_connection || o->connections + o->idle > PLAN_PORTS_OF_SOURCE);
    return 0;
}

void plan_free(struct plan *plan)
{
    requests_free(&plan->requests);
    free(plan->targets_text);
    if (plan->tls)
        tls_context_free(plan->tls);
    *plan = (struct plan){ 0 };
}

bool plan_probe(const struct plan *plan, struct sentence *why)
{
    struct timeval patience = {
        .tv_sec = (time_t)(plan->options->timeout_ns / 1000000000),
        .tv_usec = (suseconds_t)(plan->options->timeout_ns / 1000 % 1000000),
    };
    int fd = socket(plan->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = -1;

    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        result = connect(fd, (const struct sockaddr *)&plan->address, plan->address_len);
    }
    if (result < 0)
        sentence_set(why, "cannot connect to %s: %s", plan->address_text,
                     errno == EINPROGRESS ? "it does not answer" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return result == 0;
}

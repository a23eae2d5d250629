#include "server/process.h"

#include "base/clock.h"
#include "http/path.h"
#include "ringlet.h"
#include "server/access_log.h"
#include "server/certificates.h"
#include "server/limits.h"
#include "server/listener.h"
#include "server/mime_file.h"
#include "server/options.h"
#include "server/privileges.h"
#include "server/team.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the process holds open. */
struct process {
    struct config *config;
    int root;
    char *root_path;        /* absolute, as it was named */
    int signals;            /* signalfd, or -1 */
    sigset_t mask;          /* of signals, before */
    struct http_mime *mime; /* or NULL */
    struct rule_book book;
    bool logging;
    struct access_log log;
    struct certificates certificates;
    int *listeners, *tls_listeners; /* until the team has them; or NULL */
    uint16_t port;                  /* the one that was bound */
    struct team team;
    enum worker_order order; /* given last */
    int failed;              /* exit status when it can't serve */
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "ringlet: %s%s%s\n", what, *what ? ": " : "", why);
    return STATUS_FAILED;
}

static bool set_limits(struct config *config)
{
    struct sentence why;
    uint64_t files = limits_raise_files();

    if (!config->embedded)
        limits_ignore_pipe();
    config->max_conns = limits_conns(files, config->cores, config->max_conns, &why);
    if (config->max_conns == 0)
        complain("", why.text);
    return config->max_conns > 0;
}

static bool load_types(struct process *p)
{
    const char *path = p->config->mime_types;

    if (!path)
        return true;
    p->mime = mime_file_read(path);
    if (!p->mime)
        fprintf(stderr, "ringlet: --mime-types %s: %s; name a file like /etc/mime.types\n", path,
                strerror(errno));
    return p->mime != NULL;
}

/* Without following any link: they are what may change. On the heap; NULL when there is none. */
static char *absolute_path(const char *path)
{
    if (*path == '/')
        return strdup(path);
    char *here = getcwd(NULL, 0);
    char *absolute = NULL;
    if (here && asprintf(&absolute, "%s/%s", here, path) < 0)
        absolute = NULL;
    free(here);
    return absolute;
}

static bool open_root(struct process *p)
{
    p->root_path = absolute_path(p->config->root);
    p->root = open(p->config->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p->root < 0)
        fprintf(stderr, "ringlet: --root %s: %s; name a directory that can be entered\n",
                p->config->root, strerror(errno));
    return p->root >= 0;
}

/* A page may come with the next deploy, so it is no failure. */
static void look_for_page(const struct process *p, const char *option, struct str path)
{
    char name[HTTP_PATH_MAX + 1];
    struct text text = text_in(name, sizeof name);
    struct stat facts;

    text_add(&text, str_of(path.at + 1, path.len - 1));
    text_add(&text, str_of("", 1));
    if (fstatat(p->root, name, &facts, 0) < 0 || !S_ISREG(facts.st_mode))
        fprintf(stderr,
                "ringlet: %s %.*s: there is no such file below the root; until there is, answers "
                "are as without it\n",
                option, (int)path.len, path.at);
}

static bool read_rules(struct process *p)
{
    if (!rule_book_make(&p->book, p->config)) {
        complain("", "out of memory");
        return false;
    }
    if (p->config->spa)
        look_for_page(p, "--spa", str_from(p->config->spa));
    for (unsigned i = 0; i < p->book.page_count; i++)
        look_for_page(p, "--error-page", p->book.pages[i].path);
    return true;
}

static int tell_config(const char *why)
{
    complain("", why);
    return STATUS_CONFIG;
}

/* As the user who serves them. What is wrong with them later changes nothing, so it is better told
 * now. */
static bool check_rule_files(struct process *p)
{
    struct rule_files files = { .stamps = { { .there = false } } };
    struct rule_look look;
    struct sentence why;
    uint64_t version;

    if (p->config->no_files)
        return true;
    rule_look_begin(&look, &files);
    rule_look_run(&look, p->root);
    for (enum rule_file file = 0; file < RULE_FILES; file++)
        if (rule_look_complaint(&look, file, &why, &version))
            p->failed = tell_config(why.text);
    rule_files_take(&files, &look);
    rule_files_release(&files);
    return p->failed != STATUS_CONFIG;
}

static bool read_certificates(struct process *p)
{
    struct sentence why;

    if (certificates_init(&p->certificates, p->config, &why))
        return true;
    p->failed = tell_config(why.text);
    return false;
}

static bool keep_certificates(struct process *p)
{
    struct sentence why;

    if (certificates_keep(&p->certificates, &why))
        return true;
    p->failed = tell_config(why.text);
    return false;
}

static bool open_log(struct process *p)
{
    struct sentence why;

    if (!p->config->log)
        return true;
    p->logging = access_log_open(&p->log, p->config->log, &why) == 0;
    if (!p->logging)
        fprintf(stderr, "ringlet: --log %s: %s\n", p->config->log, why.text);
    return p->logging;
}

/* NULL when they can't be had. */
static int *open_listeners_on(const struct config *config, uint16_t *port)
{
    int *fds = calloc(config->cores, sizeof *fds);
    struct sentence why = { "out of memory" };

    if (fds && listener_open_all(config->host, port, fds, config->cores, &why) == 0)
        return fds;
    complain("", why.text);
    free(fds);
    return NULL;
}

/* From now on the config names the port that HTTPS is served on, for those who lead there. */
static bool open_listeners(struct process *p)
{
    p->port = p->config->port;
    p->listeners = open_listeners_on(p->config, &p->port);
    if (p->listeners && p->config->tls)
        p->tls_listeners = open_listeners_on(p->config, &p->config->tls_port);
    return p->listeners && (p->tls_listeners || !p->config->tls);
}

/* Nothing that was opened before is lost, and no thread or ring exists that would keep the old
 * rights. */
static bool drop_privileges(const struct config *config)
{
    struct privileges to;
    struct sentence why;
    bool found = !config->user || privileges_find(config->user, &to, &why);

    if (found && privileges_drop(config->user ? &to : NULL, &why) == 0)
        return true;
    complain(config->user ? "--user" : "", why.text);
    return false;
}

/* In somebody else's process its signals are for its own threads: ours take none. */
static bool keep_signals_away(struct process *p)
{
    sigset_t all;

    sigfillset(&all);
    return pthread_sigmask(SIG_BLOCK, &all, &p->mask) == 0;
}

/* Signals are read by the main thread, one at a time; the workers inherit the mask. */
static bool take_signals(struct process *p)
{
    if (p->config->embedded && !p->config->own_signals)
        return keep_signals_away(p);

    const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 };
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&set, numbers[i]);
    p->signals = signalfd(-1, &set, SFD_CLOEXEC);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, &p->mask);
    if (p->signals < 0)
        complain("signalfd", strerror(errno));
    return p->signals >= 0;
}

static void forget_listeners(struct process *p)
{
    free(p->listeners);
    free(p->tls_listeners);
    p->listeners = p->tls_listeners = NULL;
}

static bool start_team(struct process *p)
{
    const struct team_setup setup = {
        .config = p->config,
        .listeners = p->listeners,
        .tls_listeners = p->tls_listeners,
        .tls = certificates_given(&p->certificates),
        .root = p->root,
        .root_path = p->root_path,
        .mime = p->mime,
        .book = &p->book,
        .log = p->logging ? &p->log : NULL,
    };
    struct sentence note, why;

    int error = team_start(&p->team, &setup, &note, &why);
    certificates_taken(&p->certificates);
    if (error) {
        complain("", why.text);
        return false;
    }
    if (note.text[0] != '\0')
        complain("", note.text);
    forget_listeners(p);
    return true;
}

/* What all cores may hold together: ", cache 128 MiB over all". */
static void describe_cache(struct sentence *sentence, const struct config *config)
{
    uint64_t kib = config->cache_bytes >> 10;

    if (kib == 0)
        sentence_set(sentence, ", no cache");
    else if (kib % 1024 == 0)
        sentence_set(sentence, ", cache %" PRIu64 " MiB over all", kib / 1024);
    else
        sentence_set(sentence, ", cache %" PRIu64 " KiB over all", kib);
}

/* "http://127.0.0.1:8080 and https://127.0.0.1:8443" */
static void describe_ports(struct sentence *sentence, const struct process *p)
{
    char plain[LISTENER_ADDRESS_MAX], secure[LISTENER_ADDRESS_MAX];

    listener_name(plain, p->config->host, p->port);
    listener_name(secure, p->config->host, p->config->tls_port);
    if (p->config->tls)
        sentence_set(sentence, "http://%s and https://%s", plain, secure);
    else
        sentence_set(sentence, "http://%s", plain);
}

static void say_start(const struct process *p)
{
    const struct config *config = p->config;
    char *root = realpath(config->root, NULL);
    struct sentence cache, ports;

    describe_cache(&cache, config);
    describe_ports(&ports, p);
    if (config->no_files) {
        free(root);
        root = strdup("handlers");
    }
    if (!config->quiet)
        fprintf(stderr, "ringlet %s: serving %s on %s with %s on %u core%s%s\n", RINGLET_VERSION,
                root ? root : config->root, ports.text, p->team.engine->name, config->cores,
                config->cores == 1 ? "" : "s", cache.text);
    free(root);
}

static void reopen_log(struct process *p)
{
    struct sentence why;

    if (p->logging && access_log_reopen(&p->log, &why) < 0)
        fprintf(stderr, "ringlet: --log %s: %s\n", p->config->log, why.text);
}

/* The first one drains, the second one does not wait. */
static void end_sooner(struct process *p)
{
    p->order = p->order == WORKER_SERVE ? WORKER_DRAIN : WORKER_STOP;
    team_give(&p->team, p->order);
    if (p->order == WORKER_STOP && p->logging)
        access_log_give_up(&p->log);
}

static void take_signal(struct process *p)
{
    struct signalfd_siginfo info;

    if (read(p->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGHUP)
        reopen_log(p);
    else
        end_sooner(p);
    if (info.ssi_signo == SIGHUP)
        certificates_ask(&p->certificates);
}

static void take_stops(struct process *p)
{
    uint64_t count;

    if (read(p->config->stop, &count, sizeof count) != (ssize_t)sizeof count)
        return;
    end_sooner(p);
    if (count > 1)
        end_sooner(p);
}

/* One renewal at a time, and none for those who are about to end. */
static bool may_renew(struct process *p)
{
    return p->config->tls && p->order == WORKER_SERVE && !team_is_renewing(&p->team);
}

static void renew_certificates(struct process *p)
{
    certificates_taken(&p->certificates);
    if (certificates_renew(&p->certificates, clock_ms()))
        team_renew(&p->team, certificates_given(&p->certificates));
}

static void wait_until_over(struct process *p)
{
    struct pollfd fds[] = { { .fd = p->signals, .events = POLLIN },
                            { .fd = p->team.done, .events = POLLIN },
                            { .fd = p->config->embedded ? p->config->stop : -1, .events = POLLIN },
                            { .fd = -1, .events = POLLIN } };
    bool over = false;

    while (!over) {
        fds[3].fd = certificates_fd(&p->certificates);
        int wait_ms = may_renew(p) ? certificates_wait_ms(&p->certificates, clock_ms()) : -1;
        if (poll(fds, 4, wait_ms) < 0)
            continue;
        if (fds[2].revents)
            take_stops(p);
        if (fds[0].revents)
            take_signal(p);
        if (fds[3].revents)
            certificates_stirred(&p->certificates, clock_ms());
        if (fds[1].revents)
            over = team_is_over(&p->team);
        if (!over && may_renew(p))
            renew_certificates(p);
    }
}

static void say_end(const struct process *p, unsigned cut)
{
    if (cut > 0)
        fprintf(stderr, "ringlet: cut %u connection%s; --drain-timeout gives them more time\n", cut,
                cut == 1 ? "" : "s");
    if (p->config->debug)
        fprintf(stderr, "ringlet: stopped\n");
}

/* Those that nobody has taken: a program may go on without us. */
static void close_listeners(struct process *p)
{
    if (p->listeners)
        listener_close_all(p->listeners, p->config->cores);
    if (p->tls_listeners)
        listener_close_all(p->tls_listeners, p->config->cores);
    forget_listeners(p);
}

static void let_go(struct process *p)
{
    if (p->logging)
        access_log_close(&p->log);
    certificates_release(&p->certificates);
    close_listeners(p);
    free(p->root_path);
    http_mime_free(p->mime);
    rule_book_release(&p->book);
    if (p->signals >= 0)
        close(p->signals);
    if (p->root >= 0)
        close(p->root);
}

/* What a disk that does not answer still holds stays where it is: the process ends without it, if
 * it is ours to end. */
static void finish(struct process *p)
{
    bool clean;
    unsigned cut = team_join(&p->team, &clean);

    say_end(p, cut);
    if (!clean && !p->config->embedded) {
        fflush(NULL);
        _exit(STATUS_CLEAN);
    }
}

static struct process begin(struct config *config)
{
    return (struct process){
        .config = config,
        .root = -1,
        .signals = -1,
        .certificates = { .watch = { .fd = -1 } },
        .order = WORKER_SERVE,
        .failed = STATUS_FAILED,
    };
}

int process_run(struct config *config)
{
    struct process p = begin(config);

    pthread_sigmask(SIG_SETMASK, NULL, &p.mask); /* for one who fails before they are taken */
    bool ready = set_limits(config) && open_root(&p) && load_types(&p) && read_rules(&p) &&
                 read_certificates(&p) && open_log(&p) && open_listeners(&p) &&
                 drop_privileges(config) && keep_certificates(&p) && check_rule_files(&p) &&
                 take_signals(&p) && start_team(&p);

    if (config->embedded && !config->own_signals)
        pthread_sigmask(SIG_SETMASK, &p.mask, NULL);
    if (ready) {
        say_start(&p);
        wait_until_over(&p);
        finish(&p);
    }
    let_go(&p);
    if (config->own_signals)
        pthread_sigmask(SIG_SETMASK, &p.mask, NULL);
    return ready ? STATUS_CLEAN : p.failed;
}

int process_check(struct config *config)
{
    struct process p = begin(config);
    bool fine = set_limits(config) && open_root(&p) && load_types(&p) && read_rules(&p) &&
                read_certificates(&p) && check_rule_files(&p);

    let_go(&p);
    if (fine)
        fprintf(stderr, "ringlet: the options are fine\n");
    return fine ? STATUS_CLEAN : p.failed;
}

/* server/embed.c: servers made, run and stopped by a program, this one, on real threads. */
#include "dial.h"
#include "ringlet.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* One that runs on a thread of its own, and what it says on standard error. */
struct run {
    struct ringlet *server;
    pthread_t thread;
    int status;
    int err, err_before;
    char said[4096];
    size_t said_len;
};

static _Atomic int started, ended, served;

static struct ringlet *make(const char *root)
{
    struct ringlet_options options;

    ringlet_options_init(&options, sizeof options);
    options.port = 0;
    options.cores = 1;
    options.engine = "epoll";
    options.root = root;
    struct ringlet *server = ringlet_new(&options);
    assert_non_null(server);
    return server;
}

static void hear(struct run *run)
{
    int ends[2];

    run->said_len = 0;
    run->said[0] = '\0';
    assert_int_equal(pipe(ends), 0);
    run->err_before = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    run->err = ends[0];
}

/* One more piece; false at the end. */
static bool hear_more(struct run *run)
{
    ssize_t len = read(run->err, run->said + run->said_len, sizeof run->said - 1 - run->said_len);

    run->said_len += len > 0 ? (size_t)len : 0;
    run->said[run->said_len] = '\0';
    return len > 0;
}

static void hear_the_end(struct run *run)
{
    assert_true(dup2(run->err_before, STDERR_FILENO) >= 0);
    close(run->err_before);
    while (hear_more(run))
        continue;
    close(run->err);
}

static void *run_server(void *argument)
{
    struct run *run = argument;

    run->status = ringlet_run(run->server);
    return NULL;
}

/* Start it, and return its port. */
static uint16_t begin(struct run *run, struct ringlet *server)
{
    const char *port = NULL;

    run->server = server;
    hear(run);
    assert_int_equal(pthread_create(&run->thread, NULL, run_server, run), 0);
    while (!port || !strchr(port, ' ')) {
        assert_true(hear_more(run));
        port = strstr(run->said, "http://127.0.0.1:");
    }
    return (uint16_t)strtoul(port + strlen("http://127.0.0.1:"), NULL, 10);
}

static int finish(struct run *run)
{
    pthread_join(run->thread, NULL);
    hear_the_end(run);
    ringlet_free(run->server);
    return run->status;
}

static void say_state(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    served++;
    ringlet_reply_printf(reply, "%s %s", (const char *)data, (const char *)ringlet_state(request));
}

static void *start(void *data)
{
    started++;
    return data;
}

static void *cannot_start(void *data)
{
    (void)data;
    started++;
    return NULL;
}

static void end(void *state, void *data)
{
    assert_ptr_equal(state, data);
    ended++;
}

static void expect_body(uint16_t port, const char *request, int status, const char *body)
{
    struct dial dial = dial_open(port);
    struct answer answer = dial_ask(&dial, request);

    assert_int_equal(answer.status, status);
    assert_true(str_equal(answer.body, str_from(body)));
    dial_close(&dial);
}

static void a_program_serves_and_stops(void **state)
{
    struct ringlet *server = make(NULL);
    char core[] = "core";
    struct run run;

    (void)state;
    started = ended = 0;
    assert_int_equal(ringlet_route(server, "GET", "/state", say_state, (void *)(uintptr_t) "my"),
                     0);
    assert_int_equal(ringlet_redirect(server, "/old", "/new?x", 308), 0);
    assert_int_equal(ringlet_core_state(server, start, end, core), 0);
    assert_int_equal(ringlet_core_state(server, start, end, core), -EALREADY);
    uint16_t port = begin(&run, server);
    assert_int_equal(started, 1);
    expect_body(port, "GET /state HTTP/1.1\r\nHost: h\r\n\r\n", 200, "my core");
    expect_body(port, "GET /etc/hostname HTTP/1.1\r\nHost: h\r\n\r\n", 404, "404 Not Found\n");
    expect_body(port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404, "404 Not Found\n");
    struct dial dial = dial_open(port);
    struct answer answer = dial_ask(&dial, "GET /old HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(answer.status, 308);
    assert_true(str_equal(answer_field(&answer, "Location"), STR("/new?x")));
    dial_close(&dial);
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
    assert_int_equal(ended, 1);
}

static void say_body(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice body = ringlet_body(request);

    (void)data;
    ringlet_reply_printf(reply, "%.*s %s", (int)body.len, body.at,
                         ringlet_body_state(request) ? "pieces" : "whole");
}

static int take_piece(struct ringlet_body *body, const void *bytes, size_t len, void **state,
                      void *data)
{
    (void)body;
    (void)len;
    *state = bytes ? data : NULL;
    return 0;
}

static void bodies_reach_handlers(void **state)
{
    struct ringlet *server = make(NULL);
    struct run run;

    (void)state;
    assert_int_equal(ringlet_route_body(server, "PUT", "/whole", 3, say_body, NULL), 0);
    assert_int_equal(
        ringlet_route_pieces(server, "PUT", "/pieces", 3, take_piece, say_body, server), 0);
    uint16_t port = begin(&run, server);
    expect_body(port, "PUT /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200,
                "abc whole");
    expect_body(port, "PUT /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200,
                " pieces");
    expect_body(port, "PUT /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd", 413,
                "413 Content Too Large\n");
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
}

static void say_late(struct ringlet_reply *reply, void *state)
{
    ringlet_reply_send(reply, state, 4);
}

static void wait_first(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    ringlet_reply_timer(ringlet_reply_later(reply, NULL, data), 20, say_late);
}

static void replies_may_come_later(void **state)
{
    struct ringlet *server = make(NULL);
    char late[] = "late";
    struct run run;

    (void)state;
    assert_int_equal(ringlet_route(server, "GET", "/late", wait_first, late), 0);
    uint16_t port = begin(&run, server);
    for (int i = 0; i < 3; i++)
        expect_body(port, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n", 200, "late");
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
}

static void files_stand_beside_routes(void **state)
{
    struct ringlet *server = make(stage_site());
    struct run run;

    (void)state;
    ringlet_route(server, "GET", "/state", say_state, (void *)(uintptr_t) "my");
    uint16_t port = begin(&run, server);
    struct dial dial = dial_open(port);
    struct answer answer = dial_ask(&dial, "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_file(&answer, FILE_HELLO, false);
    dial_close(&dial);
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
}

static void directories_are_mounted(void **state)
{
    struct ringlet *server = make(stage_site());
    struct run run;

    (void)state;
    assert_int_equal(ringlet_mount(server, "/static", "/"), 0);
    assert_int_equal(ringlet_mount(server, "/pages/of", "/dir"), 0);
    assert_int_equal(ringlet_mount(server, "/root/", "/"), 0);
    uint16_t port = begin(&run, server);
    struct dial dial = dial_open(port);
    struct answer answer = dial_ask(&dial, "GET /static/hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_file(&answer, FILE_HELLO, false);
    answer = dial_ask(&dial, "GET /pages/of/ HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_file(&answer, FILE_INDEX, false);
    answer = dial_ask(&dial, "GET /static/dir HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(str_equal(answer_field(&answer, "Location"), STR("/static/dir/")));
    answer = dial_ask(&dial, "GET /p%61ges//of?a=%2F HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(answer.status, 301);
    assert_true(str_equal(answer_field(&answer, "Location"), STR("/pages/of/?a=%2F")));
    answer = dial_ask(&dial, "GET /root HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(str_equal(answer_field(&answer, "Location"), STR("/root/")));
    answer = dial_ask(&dial, "GET /root/dir/ HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_file(&answer, FILE_INDEX, false);
    answer = dial_ask(&dial, "GET /pages/of/../hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(answer.status, 404);
    dial_close(&dial);
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
}

/* What it says when it is run and does not start. */
static void expect_refusal(struct ringlet *server, int status, const char *says)
{
    struct run run = { .server = server };

    hear(&run);
    int got = ringlet_run(server);
    hear_the_end(&run);
    if (got != status || !strstr(run.said, says))
        fail_msg("%d: %s", got, run.said);
    ringlet_free(server);
}

static void what_is_wrong_is_said(void **state)
{
    static const char *const nowhere[] = {
        "", "assets", "/..", "/../..", "/a/../..", "/a/./b", "//", "//a", "/a//b", "/a//", "../a",
    };
    struct ringlet *server = make(NULL);

    (void)state;
    ringlet_route(server, "GET", "/{x}", say_state, NULL);
    assert_int_equal(ringlet_route(server, "GET", "/{x}", say_state, NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: the route GET /{x} is there already\n");

    server = make(NULL);
    assert_int_equal(ringlet_redirect(server, "/a", "/b", 200), -EINVAL);
    expect_refusal(server, 2, "ringlet: the redirect from /a: ");

    server = make(NULL);
    assert_int_equal(ringlet_redirect(server, "/a", "/\n", 301), -EINVAL);
    expect_refusal(server, 2, "ringlet: the redirect from /a: ");

    server = make(NULL);
    assert_int_equal(ringlet_mount(server, "/static", "/"), -EINVAL);
    expect_refusal(server, 2, "ringlet: the mount at /static: ");

    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        server = make(stage_site());
        assert_int_equal(ringlet_mount(server, "/static", nowhere[i]), -EINVAL);
        expect_refusal(server, 2, "ringlet: the mount at /static: its directory is a path below");
    }
    server = make(stage_site());
    ringlet_route(server, "GET", "/static", say_state, NULL);
    assert_int_equal(ringlet_mount(server, "/static", "/"), -EINVAL);
    expect_refusal(server, 2, "ringlet: the route GET /static is there already\n");

    expect_refusal(make("/no/such/directory"), 2, "ringlet: --root /no/such/directory: ");

    server = make(NULL);
    started = ended = 0;
    ringlet_core_state(server, cannot_start, end, NULL);
    expect_refusal(server, 1, "ringlet: the program could not make the state of a core\n");
    assert_int_equal(started, 1);
    assert_int_equal(ended, 0);
    ringlet_free(NULL);
}

/* Each is refused when it is said, and told when it is run. */
static void what_is_needed_may_not_be_null(void **state)
{
    char core[] = "core";
    struct ringlet *server = make(NULL);

    (void)state;
    assert_int_equal(ringlet_route(server, NULL, "/a", say_state, NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: a route has no method or no pattern\n");
    server = make(NULL);
    assert_int_equal(ringlet_route(server, "GET", NULL, say_state, NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: a route has no method or no pattern\n");
    server = make(NULL);
    assert_int_equal(ringlet_route(server, "GET", "/a", NULL, NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: the route GET /a: it has no handler\n");
    server = make(NULL);
    assert_int_equal(ringlet_route_body(server, "PUT", "/a", 1, NULL, NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: the route PUT /a: it has no handler\n");
    server = make(NULL);
    assert_int_equal(ringlet_route_pieces(server, "PUT", "/a", 1, NULL, say_body, NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: a route whose body comes in pieces has nothing to take");
    server = make(NULL);
    assert_int_equal(ringlet_redirect(server, NULL, "/", 301), -EINVAL);
    assert_int_equal(ringlet_redirect(server, "/a", NULL, 301), -EINVAL);
    expect_refusal(server, 2, "ringlet: a redirect has no pattern or no location\n");
    server = make(stage_site());
    assert_int_equal(ringlet_mount(server, NULL, "/"), -EINVAL);
    assert_int_equal(ringlet_mount(server, "/a", NULL), -EINVAL);
    expect_refusal(server, 2, "ringlet: a mount has no prefix or no directory\n");
    server = make(NULL);
    assert_int_equal(ringlet_core_state(server, NULL, end, core), -EINVAL);
    expect_refusal(server, 2, "ringlet: nothing makes the state of the cores\n");
}

static void a_server_that_is_null_is_refused(void **state)
{
    struct run run = { .server = NULL };

    (void)state;
    ringlet_options_init(NULL, 0);
    assert_int_equal(ringlet_route(NULL, "GET", "/a", say_state, NULL), -EINVAL);
    assert_int_equal(ringlet_route_body(NULL, "PUT", "/a", 1, say_state, NULL), -EINVAL);
    assert_int_equal(ringlet_route_pieces(NULL, "PUT", "/a", 1, take_piece, say_state, NULL),
                     -EINVAL);
    assert_int_equal(ringlet_redirect(NULL, "/a", "/", 301), -EINVAL);
    assert_int_equal(ringlet_mount(NULL, "/a", "/"), -EINVAL);
    assert_int_equal(ringlet_core_state(NULL, start, end, NULL), -EINVAL);
    ringlet_stop(NULL);
    hear(&run);
    int status = ringlet_run(NULL);
    hear_the_end(&run);
    assert_int_equal(status, 2);
    assert_string_equal(run.said, "ringlet: there is no server to run\n");
}

static void the_end_of_a_core_need_not_be_told(void **state)
{
    struct ringlet *server = make(NULL);
    char core[] = "core";
    struct run run;

    (void)state;
    assert_int_equal(ringlet_route(server, "GET", "/state", say_state, core), 0);
    assert_int_equal(ringlet_core_state(server, start, NULL, core), 0);
    expect_body(begin(&run, server), "GET /state HTTP/1.1\r\nHost: h\r\n\r\n", 200, "core core");
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
}

static void it_runs_once_and_may_be_stopped_before(void **state)
{
    struct ringlet *server = make(NULL);
    struct run run = { .server = server };

    (void)state;
    ringlet_stop(server);
    hear(&run);
    assert_int_equal(ringlet_run(server), 0);
    assert_int_equal(ringlet_run(server), 2);
    hear_the_end(&run);
    assert_non_null(strstr(run.said, "ringlet: a server runs once; make another one\n"));
    ringlet_free(server);
}

static struct ringlet *to_stop;

static void stop_it(int number)
{
    (void)number;
    ringlet_stop(to_stop);
}

/* The program's handler runs on the program's thread, and stops the server from there. */
static void signals_stay_the_programs(void **state)
{
    struct sigaction ours = { .sa_handler = stop_it }, before, pipe_before;
    sigset_t mask_before, mask_after;
    struct run run;

    (void)state;
    assert_int_equal(sigaction(SIGTERM, &ours, &before), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    to_stop = make(NULL);
    begin(&run, to_stop);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(finish(&run), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    assert_memory_equal(&mask_before, &mask_after, sizeof(unsigned long));
    assert_int_equal(sigaction(SIGPIPE, NULL, &pipe_before), 0);
    assert_true(pipe_before.sa_handler == SIG_DFL);
    sigaction(SIGTERM, &before, NULL);
}

static void signals_stop_it_when_asked_to(void **state)
{
    struct ringlet_options options;
    struct run run;

    (void)state;
    ringlet_options_init(&options, sizeof options);
    options.port = 0;
    options.cores = 1;
    options.engine = "epoll";
    options.signals = true;
    struct ringlet *server = ringlet_new(&options);
    begin(&run, server);
    assert_int_equal(pthread_kill(run.thread, SIGTERM), 0);
    assert_int_equal(finish(&run), 0);
}

static void https_is_an_option(void **state)
{
    struct ringlet_options options;
    struct run run;

    (void)state;
    ringlet_options_init(&options, sizeof options);
    assert_int_equal(options.tls_port, -1);
    options.port = 0;
    options.cores = 1;
    options.engine = "epoll";
    options.tls_port = 0;
    options.tls_self_signed = options.https_redirect = true;
    options.hsts = "60,includeSubDomains";
    struct ringlet *server = ringlet_new(&options);
    begin(&run, server);
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
    assert_non_null(strstr(run.said, " and https://127.0.0.1:"));
}

static void expect_status(const struct ringlet_options *options, int wanted, const char *words)
{
    struct ringlet *server = ringlet_new(options);
    struct run run = { .server = server };

    assert_non_null(server);
    hear(&run);
    int status = ringlet_run(server);
    hear_the_end(&run);
    assert_int_equal(status, wanted);
    if (!strstr(run.said, words))
        fail_msg("\"%s\" does not say \"%s\"", run.said, words);
    ringlet_free(server);
}

static void expect_refused(const struct ringlet_options *options, const char *words)
{
    expect_status(options, 2, words);
}

static int open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void nothing_is_left_of_one_that_fails(void **state)
{
    struct ringlet_options options;

    (void)state;
    ringlet_options_init(&options, sizeof options);
    options.port = 0;
    options.cores = 1;
    options.engine = "io_uring"; /* which this program has none of */
    options.tls_port = 0;
    options.tls_self_signed = options.quiet = true;
    int before = open_descriptors();
    expect_status(&options, 1, "--engine: io_uring can't be had");
    assert_int_equal(open_descriptors(), before);
}

static void wrong_options_of_https(void **state)
{
    static const char file[] = "/proc/self/status";
    static const char *const files[] = {
        file, file, file, file, file, file, file, file, file, file,
        file, file, file, file, file, file, file, file, file, NULL,
    };
    struct ringlet_options options;

    (void)state;
    ringlet_options_init(&options, sizeof options);
    options.hsts = "60";
    expect_refused(&options, "--hsts 60: it is for HTTPS, and --tls-port is not given");
    options.tls_port = 65536;
    expect_refused(&options, "--tls-port 65536: a whole number from 0 to 65535 is allowed");
    options.tls_port = 443;
    expect_refused(&options, "--tls-port 443: HTTPS needs a certificate; give --tls-cert");
    options.tls_certs = (const char *const[]){ file, file, NULL };
    options.tls_keys = files + 18;
    expect_refused(&options,
                   "--tls-cert /proc/self/status: there are 2 --tls-cert and 1 --tls-key");
    options.tls_keys = files;
    expect_refused(&options, "--tls-key /proc/self/status: no more than 16 are allowed");
}

static void spinning_is_an_option(void **state)
{
    struct ringlet_options options;
    struct run run;

    (void)state;
    ringlet_options_init(&options, sizeof options);
    assert_int_equal(options.spin_us, 0);
    options.port = 0;
    options.spin_us = 1001;
    expect_refused(&options, "--spin 1001: a whole number from 0 to 1000 is allowed");
    options.spin_us = 1000;
    struct ringlet *server = ringlet_new(&options);
    begin(&run, server);
    ringlet_stop(server);
    assert_int_equal(finish(&run), 0);
}

/* A program that knows fewer members, and one that knows more. */
static void options_may_be_of_another_size(void **state)
{
    struct {
        struct ringlet_options options;
        char later[64];
    } large;
    size_t small = offsetof(struct ringlet_options, engine);

    (void)state;
    memset(&large, 'x', sizeof large);
    ringlet_options_init(&large.options, small);
    assert_int_equal(large.options.size, small);
    assert_int_equal(large.options.port, 8080);
    assert_memory_equal((char *)&large + small, "xxxx", 4);
    struct ringlet *server = ringlet_new(&large.options);
    assert_non_null(server);
    ringlet_free(server);
    ringlet_options_init(&large.options, sizeof large);
    assert_int_equal(large.later[63], 0);
    server = ringlet_new(&large.options);
    assert_non_null(server);
    ringlet_free(server);
    server = ringlet_new(NULL);
    assert_non_null(server);
    ringlet_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_serves_and_stops),
        cmocka_unit_test(bodies_reach_handlers),
        cmocka_unit_test(replies_may_come_later),
        cmocka_unit_test(files_stand_beside_routes),
        cmocka_unit_test(directories_are_mounted),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(what_is_needed_may_not_be_null),
        cmocka_unit_test(a_server_that_is_null_is_refused),
        cmocka_unit_test(the_end_of_a_core_need_not_be_told),
        cmocka_unit_test(it_runs_once_and_may_be_stopped_before),
        cmocka_unit_test(signals_stay_the_programs),
        cmocka_unit_test(signals_stop_it_when_asked_to),
        cmocka_unit_test(https_is_an_option),
        cmocka_unit_test(wrong_options_of_https),
        cmocka_unit_test(spinning_is_an_option),
        cmocka_unit_test(nothing_is_left_of_one_that_fails),
        cmocka_unit_test(options_may_be_of_another_size),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

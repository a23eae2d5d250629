/* server/process.c: a server in a process of its own, from its options to its exit status. */
#include "dial.h"
#include "pem_folder.h"
#include "server/listener.h"
#include "server/options.h"
#include "server/process.h"
#include "stage.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

enum { CHILD_SECONDS = 120 };

struct server {
    pid_t pid;
    int err;         /* the other end of its standard error */
    char said[4096]; /* so far, ended by a NUL */
    size_t said_len;
    uint16_t port;
};

static int first_cpu(void)
{
    cpu_set_t set;
    int cpu = 0;

    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    return cpu;
}

static struct config plain_config(void)
{
    struct config config = stage_config();

    config.cpus[0] = first_cpu();
    config.host = "127.0.0.1";
    config.engine = ENGINE_EPOLL;
    config.max_conns = 0;
    return config;
}

/* Its status is that of `run`; a leak makes it another one. */
static struct server launch(const struct config *config, int (*run)(struct config *))
{
    struct server server = { 0 };
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        struct config own = *config;
        dup2(ends[1], STDERR_FILENO);
        alarm(CHILD_SECONDS);
        exit(run(&own));
    }
    close(ends[1]);
    server.err = ends[0];
    return server;
}

/* Returns false at the end of what it says. */
static bool listen_to(struct server *server)
{
    char *at = server->said + server->said_len;

    dial_wait(server->err);
    ssize_t got = read(server->err, at, sizeof server->said - 1 - server->said_len);
    assert_true(got >= 0);
    server->said_len += (size_t)got;
    server->said[server->said_len] = '\0';
    return got > 0;
}

static void expect_said(const struct server *server, const char *words)
{
    if (!strstr(server->said, words))
        fprintf(stderr, "it did not say '%s' but: %s\n", words, server->said);
    assert_non_null(strstr(server->said, words));
}

static void await_start(struct server *server)
{
    const char before[] = "on http://127.0.0.1:";
    const char *port;

    while (!(port = strstr(server->said, before)) || !strchr(port, '\n'))
        assert_true(listen_to(server));
    server->port = (uint16_t)strtoul(port + strlen(before), NULL, 10);
    assert_true(server->port > 0);
}

static int await_exit(struct server *server)
{
    int status;

    while (listen_to(server))
        continue;
    close(server->err);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    if (!WIFEXITED(status))
        fprintf(stderr, "wait status %#x; it said: %s\n", (unsigned)status, server->said);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void ask_hello(uint16_t port)
{
    struct dial dial = dial_open(port);
    struct answer answer = dial_ask(&dial, HELLO);

    expect_file(&answer, FILE_HELLO, false);
    dial_close(&dial);
}

/* --- a life --- */

static void it_serves_until_it_is_told_to_end(void **state)
{
    const int signals[] = { SIGTERM, SIGINT, SIGQUIT };

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct config config = plain_config();
        config.debug = true;
        struct server server = launch(&config, process_run);
        await_start(&server);
        expect_said(&server, "with epoll on 1 core, cache 64 MiB over all\n");
        expect_said(&server, stage_site());
        ask_hello(server.port);
        kill(server.pid, signals[i]);
        assert_int_equal(await_exit(&server), STATUS_CLEAN);
        expect_said(&server, "ringlet: stopped\n");
        assert_null(strstr(server.said, "cut "));
    }
}

static void hangups_do_not_end_it(void **state)
{
    const struct config config = plain_config();
    struct server server = launch(&config, process_run);

    (void)state;
    await_start(&server);
    for (int i = 0; i < 3; i++) {
        kill(server.pid, SIGHUP);
        kill(server.pid, SIGUSR1);
        ask_hello(server.port);
    }
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
}

static void the_second_signal_does_not_wait(void **state)
{
    const struct config config = plain_config();
    struct server server = launch(&config, process_run);

    (void)state;
    await_start(&server);
    struct dial dial = dial_open(server.port);
    dial_ask(&dial, HELLO);
    dial_say(&dial, "GET /half");
    struct dial idle = dial_open(server.port);
    dial_ask(&idle, HELLO);
    kill(server.pid, SIGTERM);
    assert_true(dial_ends(&idle)); /* so the first one has been taken; but it has not gone yet */
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    expect_said(&server, "cut 2 connections; --drain-timeout gives them more time\n");
    assert_false(dial_ends(&dial));
    dial_close(&dial);
    dial_close(&idle);
}

static void a_drain_has_its_time(void **state)
{
    struct config config = plain_config();

    (void)state;
    config.drain_ms = 200;
    struct server server = launch(&config, process_run);
    await_start(&server);
    struct dial dial = dial_open(server.port);
    dial_ask(&dial, HELLO);
    dial_say(&dial, "GET /half");
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    expect_said(&server, "cut 1 connection; ");
    dial_close(&dial);
}

/* Free a moment ago. */
static uint16_t some_port(void)
{
    struct sentence why;
    uint16_t port = 0;
    int listener;

    assert_int_equal(listener_open_all("127.0.0.1", &port, &listener, 1, &why), 0);
    listener_close_all(&listener, 1);
    return port;
}

static void quiet_means_quiet(void **state)
{
    struct config config = plain_config();

    (void)state;
    config.quiet = true;
    config.port = some_port();
    struct server server = launch(&config, process_run);
    dial_await(config.port);
    ask_hello(config.port);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    assert_int_equal(server.said_len, 0);
}

static void auto_says_why_it_is_epoll(void **state)
{
    struct config config = plain_config();

    (void)state;
    config.engine = ENGINE_AUTO;
    struct server server = launch(&config, process_run);
    await_start(&server);
    expect_said(&server, "ringlet: io_uring can't be had: ");
    expect_said(&server, "; serving with epoll instead\n");
    expect_said(&server, "with epoll on 1 core, cache 64 MiB over all\n");
    ask_hello(server.port);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
}

static void requests_are_logged(void **state)
{
    struct config config = plain_config();
    char path[128], line[512] = "";

    (void)state;
    snprintf(path, sizeof path, "%s/access.log", stage_site());
    config.log = path;
    struct server server = launch(&config, process_run);
    await_start(&server);
    ask_hello(server.port);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && read(fd, line, sizeof line - 1) > 0);
    close(fd);
    unlink(path);
    assert_int_equal(strncmp(line, "127.0.0.1 - - [", 15), 0);
    assert_non_null(strstr(line, "\"GET /hello.txt HTTP/1.1\" 200 13 "));
}

static void media_types_can_be_given(void **state)
{
    struct config config = plain_config();
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/types", stage_site());
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0 && write(fd, "x/own txt\n", 10) == 10);
    close(fd);
    config.mime_types = path;
    struct server server = launch(&config, process_run);
    await_start(&server);
    struct dial dial = dial_open(server.port);
    struct answer answer = dial_ask(&dial, HELLO);
    assert_true(str_equal(answer_field(&answer, "Content-Type"), STR("x/own")));
    dial_close(&dial);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    unlink(path);
}

static void listen_for(struct server *server, const char *words)
{
    while (!strstr(server->said, words))
        assert_true(listen_to(server));
}

/* Before the server is asked to end. */
static void certificates_are_read_again(void **state)
{
    struct config config = plain_config();
    struct tls_self_signed made, other;
    struct pem_folder folder;

    (void)state;
    pem_folder_open(&folder);
    pem_folder_put_pair(&folder, "cert", "key", &made);
    pem_config(&config, pem_folder_path(&folder, "cert"), pem_folder_path(&folder, "key"));
    struct server server = launch(&config, process_run);
    await_start(&server);
    expect_said(&server, " and https://127.0.0.1:");
    kill(server.pid, SIGHUP);
    listen_for(&server, "ringlet: the certificates have been read again\n");
    pem_folder_put_pair(&folder, "cert", "unused", &other);
    listen_for(&server, "/cert: the key does not belong to the certificate; the certificates that "
                        "are in use stay\n");
    server.said_len = 0;
    server.said[0] = '\0';
    pem_folder_put(&folder, "key", str_of(other.key, other.key_len));
    listen_for(&server, "ringlet: the certificates have been read again\n");
    ask_hello(server.port);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    pem_folder_close(&folder);
}

static void a_certificate_of_its_own_making_is_told(void **state)
{
    struct config config = plain_config();

    (void)state;
    config.tls = config.tls_self_signed = true;
    struct server server = launch(&config, process_run);
    await_start(&server);
    expect_said(&server, "ringlet: --tls-self-signed: made a certificate for localhost, 127.0.0.1, "
                         "::1");
    expect_said(&server, "; SHA-256 fingerprint ");
    expect_said(&server, " and https://127.0.0.1:");
    ask_hello(server.port);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
}

/* --- what keeps it from starting --- */

static void a_certificate_that_is_none(void **state)
{
    struct config config = plain_config();

    (void)state;
    pem_config(&config, "/proc/self/exe", "/no/such/key");
    for (int i = 0; i < 2; i++) {
        struct server server = launch(&config, i == 0 ? process_run : process_check);
        assert_int_equal(await_exit(&server), STATUS_CONFIG);
        expect_said(&server, "ringlet: --tls-");
        assert_ptr_equal(strchr(server.said, '\n'), server.said + server.said_len - 1);
    }
}

static void expect_refusal(const struct config *config, int (*run)(struct config *),
                           const char *words)
{
    struct server server = launch(config, run);

    assert_int_equal(await_exit(&server), STATUS_FAILED);
    assert_int_equal(strncmp(server.said, "ringlet: ", 9), 0);
    expect_said(&server, words);
    assert_ptr_equal(strchr(server.said, '\n'), server.said + server.said_len - 1);
}

static void what_is_wrong_is_said_in_a_sentence(void **state)
{
    struct config config = plain_config();

    (void)state;
    config.root = "/no/such/directory";
    expect_refusal(&config, process_run, "--root /no/such/directory: No such file or directory");
    expect_refusal(&config, process_check, "--root /no/such/directory: ");
    config = plain_config();
    config.mime_types = "/no/such/types";
    expect_refusal(&config, process_run, "--mime-types /no/such/types: ");
    expect_refusal(&config, process_check, "--mime-types /no/such/types: ");
    config.mime_types = stage_site();
    expect_refusal(&config, process_check, "--mime-types ");
    config = plain_config();
    config.log = "/no/such/log";
    expect_refusal(&config, process_run, "--log /no/such/log: ");
    config = plain_config();
    config.engine = ENGINE_IO_URING;
    expect_refusal(&config, process_run, "--engine: io_uring can't be had: ");
}

static void a_port_in_use_is_named(void **state)
{
    struct config config = plain_config();
    char words[64];

    (void)state;
    struct server server = launch(&config, process_run);
    await_start(&server);
    config.port = server.port;
    snprintf(words, sizeof words, "127.0.0.1:%u", (unsigned)server.port);
    expect_refusal(&config, process_run, words);
    ask_hello(server.port);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
}

static void a_check_finds_nothing_wrong(void **state)
{
    const struct config config = plain_config();
    struct server server = launch(&config, process_check);

    (void)state;
    assert_int_equal(await_exit(&server), STATUS_CLEAN);
    assert_string_equal(server.said, "ringlet: the options are fine\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_until_it_is_told_to_end),
        cmocka_unit_test(hangups_do_not_end_it),
        cmocka_unit_test(the_second_signal_does_not_wait),
        cmocka_unit_test(a_drain_has_its_time),
        cmocka_unit_test(quiet_means_quiet),
        cmocka_unit_test(auto_says_why_it_is_epoll),
        cmocka_unit_test(requests_are_logged),
        cmocka_unit_test(media_types_can_be_given),
        cmocka_unit_test(certificates_are_read_again),
        cmocka_unit_test(a_certificate_of_its_own_making_is_told),
        cmocka_unit_test(a_certificate_that_is_none),
        cmocka_unit_test(what_is_wrong_is_said_in_a_sentence),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(a_check_finds_nothing_wrong),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* The root "/" stands in for an operator's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

#include <string.h>

static struct config config;

static void defaults(void **state)
{
    (void)state;
    memset(&config, 0xff, sizeof config);
    assert_read(&config, NOTHING, NULL, OPTIONS_RUN);
    assert_string_equal(config.root, ".");
    assert_string_equal(config.host, "127.0.0.1");
    assert_int_equal(config.port, 8080);
    assert_int_equal(config.cores, 1);
    assert_int_equal(config.engine, ENGINE_AUTO);
    assert_null(config.log);
    assert_null(config.user);
    assert_null(config.mime_types);
    assert_false(config.dotfiles);
    assert_false(config.debug);
    assert_false(config.quiet);
    assert_int_equal(config.idle_ms, 60000);
    assert_int_equal(config.header_ms, 10000);
    assert_int_equal(config.body_ms, 30000);
    assert_int_equal(config.write_ms, 30000);
    assert_int_equal(config.drain_ms, 20000);
    assert_int_equal(config.max_head, 16 * 1024);
    assert_int_equal(config.max_body, 1024 * 1024);
    assert_int_equal(config.cache_bytes, 128 * 1024 * 1024);
    assert_int_equal(config.max_conns, 0);
}

static void long_and_short_names(void **state)
{
    (void)state;
    assert_read(&config, WORDS("-r", "/", "-a", "::1", "-p0", "-t", "5"), NULL, OPTIONS_RUN);
    assert_string_equal(config.root, "/");
    assert_string_equal(config.host, "::1");
    assert_int_equal(config.port, 0);
    assert_int_equal(config.idle_ms, 5000);

    assert_read(&config, WORDS("--root=/", "--host", "0.0.0.0", "--port", "65535", "--timeout=1ms"),
                NULL, OPTIONS_RUN);
    assert_string_equal(config.host, "0.0.0.0");
    assert_int_equal(config.port, 65535);
    assert_int_equal(config.idle_ms, 1);

    assert_read(&config, WORDS("-l", "-", "-d", "-q", "-c", "1", "--dotfiles"), NULL, OPTIONS_RUN);
    assert_string_equal(config.log, "-");
    assert_true(config.debug && config.quiet && config.dotfiles);

    assert_read(&config, WORDS("-w1", "--user", "root", "--mime-types", "/proc/self/status"), NULL,
                OPTIONS_RUN);
    assert_string_equal(config.user, "root");
    assert_string_equal(config.mime_types, "/proc/self/status");
}

static void the_directory_may_stand_anywhere(void **state)
{
    (void)state;
    assert_read(&config, WORDS("/", "-p", "1"), NULL, OPTIONS_RUN);
    assert_string_equal(config.root, "/");
    assert_read(&config, WORDS("-p", "1", "--", "/"), NULL, OPTIONS_RUN);
    assert_string_equal(config.root, "/");
}

static void the_environment(void **state)
{
    (void)state;
    assert_read(&config, NOTHING,
                WORDS("RINGLET_PORT=81", "RINGLET_ROOT=/", "RINGLET_HEADER_TIMEOUT=250ms",
                      "RINGLET_MAX_BODY=2k", "RINGLET_DEBUG=yes", "RINGLET_QUIET=Off",
                      "RINGLET_MIME_TYPES=/proc/self/status", "RINGLET_WORKERS=1"),
                OPTIONS_RUN);
    assert_int_equal(config.port, 81);
    assert_string_equal(config.root, "/");
    assert_int_equal(config.header_ms, 250);
    assert_int_equal(config.max_body, 2048);
    assert_true(config.debug);
    assert_false(config.quiet);
    assert_string_equal(config.mime_types, "/proc/self/status");
    assert_int_equal(config.cores, 1);
}

static void flags_in_the_environment(void **state)
{
    static const struct {
        const char *variable;
        bool on;
    } cases[] = {
        { "RINGLET_DEBUG=1", true },    { "RINGLET_DEBUG=0", false },
        { "RINGLET_DEBUG=true", true }, { "RINGLET_DEBUG=false", false },
        { "RINGLET_DEBUG=YES", true },  { "RINGLET_DEBUG=no", false },
        { "RINGLET_DEBUG=on", true },   { "RINGLET_DEBUG=off", false },
        { "RINGLET_DEBUGS=1", false },  { "XRINGLET_DEBUG=1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_read(&config, NOTHING, WORDS(cases[i].variable), OPTIONS_RUN);
        assert_int_equal(config.debug, cases[i].on);
    }
}

static void the_command_line_goes_first(void **state)
{
    (void)state;
    assert_read(&config, WORDS("-p", "82", "/", "-w", "1"),
                WORDS("RINGLET_PORT=81", "RINGLET_ROOT=/no/such", "RINGLET_CORES=9999"),
                OPTIONS_RUN);
    assert_int_equal(config.port, 82);
    assert_string_equal(config.root, "/");
    assert_int_equal(config.cores, 1);
}

static void actions(void **state)
{
    (void)state;
    assert_read(&config, WORDS("--check"), NULL, OPTIONS_CHECK);
    assert_read(&config, NOTHING, WORDS("RINGLET_CHECK=1"), OPTIONS_CHECK);
    assert_read(&config, NOTHING, WORDS("RINGLET_CHECK=0"), OPTIONS_RUN);
    assert_read(&config, WORDS("-h"), NULL, OPTIONS_HELP);
    assert_read(&config, WORDS("--port", "x", "--help"), NULL, OPTIONS_HELP);
    assert_read(&config, WORDS("-V"), NULL, OPTIONS_VERSION);
    assert_read(&config, WORDS("--version"), WORDS("RINGLET_PORT=x"), OPTIONS_VERSION);
    assert_read(&config, NOTHING, WORDS("RINGLET_VERSION=0.1.0", "RINGLET_HELP=x"), OPTIONS_RUN);
    assert_refused(WORDS("--check", "-p", "x"), NULL, "ringlet: --port x: ");
}

static void bad_words(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *sentence;
    } cases[] = {
        { { "--port" }, "ringlet: --port: the value is missing; a whole number" },
        { { "-p" }, "ringlet: --port: the value is missing; a whole number" },
        { { "-w" }, "ringlet: --workers: the value is missing; a whole number from 1 to 1024" },
        { { "" }, "ringlet: DIR : name a directory" },
        { { "/", "/tmp" }, "ringlet: DIR /tmp: / is already named" },
        { { "-r", "/", "/tmp" }, "ringlet: DIR /tmp: --root / is already named" },
        { { "--nosuch" }, "ringlet: --nosuch: there is no such option" },
        { { "--max" }, "ringlet: --max: there is no such option, or more than one begins" },
        { { "-x" }, "ringlet: -x: there is no such option" },
        { { "-dx" }, "ringlet: -x: there is no such option" },
        { { "--debug=1" }, "ringlet: --debug=1: --debug takes no value" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].words, NULL, cases[i].sentence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(long_and_short_names),
        cmocka_unit_test(the_directory_may_stand_anywhere),
        cmocka_unit_test(the_environment),
        cmocka_unit_test(flags_in_the_environment),
        cmocka_unit_test(the_command_line_goes_first),
        cmocka_unit_test(actions),
        cmocka_unit_test(bad_words),
    };
    return cmocka_run_group_tests(tests, reading_pin, NULL);
}

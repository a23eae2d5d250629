#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config;

static void engines(void **state)
{
    (void)state;
    assert_read(&config, WORDS("--engine", "epoll"), NULL, OPTIONS_RUN);
    assert_int_equal(config.engine, ENGINE_EPOLL);
    assert_read(&config, WORDS("--engine", "io_uring"), NULL, OPTIONS_RUN);
    assert_int_equal(config.engine, ENGINE_IO_URING);
    assert_read(&config, WORDS("--engine", "auto"), NULL, OPTIONS_RUN);
    assert_int_equal(config.engine, ENGINE_AUTO);
}

static void spinning(void **state)
{
    (void)state;
    assert_read(&config, NOTHING, NULL, OPTIONS_RUN);
    assert_int_equal(config.spin_us, 0);
    assert_read(&config, WORDS("--spin", "50"), WORDS("RINGLET_SPIN=7"), OPTIONS_RUN);
    assert_int_equal(config.spin_us, 50);
    assert_read(&config, NOTHING, WORDS("RINGLET_SPIN=1000"), OPTIONS_RUN);
    assert_int_equal(config.spin_us, 1000);
}

static void entity_tags(void **state)
{
    (void)state;
    assert_read(&config, WORDS("--root", "/"), NULL, OPTIONS_RUN);
    assert_int_equal(config.etag, ENTRY_ETAG_TIME);
    assert_read(&config, WORDS("--etag", "hash"), NULL, OPTIONS_RUN);
    assert_int_equal(config.etag, ENTRY_ETAG_HASH);
    assert_read(&config, WORDS("--etag", "off"), NULL, OPTIONS_RUN);
    assert_int_equal(config.etag, ENTRY_ETAG_OFF);
}

static void demo_endpoints(void **state)
{
    (void)state;
    assert_read(&config, WORDS("--root", "/"), NULL, OPTIONS_RUN);
    assert_true(!config.demo && !config.dataset);
    assert_read(&config, WORDS("--demo", "--dataset", "/proc/self/status"), NULL, OPTIONS_RUN);
    assert_true(config.demo);
    assert_string_equal(config.dataset, "/proc/self/status");
    assert_refused(WORDS("--dataset", "/proc/self/status"), NULL,
                   "ringlet: --dataset /proc/self/status: only --demo reads it; give that, too");
}

static void what_answers_for_a_directory(void **state)
{
    (void)state;
    assert_read(&config, WORDS("--root", "/"), NULL, OPTIONS_RUN);
    assert_string_equal(config.index, "index.html");
    assert_false(config.listing);
    assert_read(&config, WORDS("--index", "home.html, index.htm", "--listing"), NULL, OPTIONS_RUN);
    assert_string_equal(config.index, "home.html, index.htm");
    assert_true(config.listing);
    assert_read(&config, WORDS("--index", ""), NULL, OPTIONS_RUN);
    assert_string_equal(config.index, "");
    assert_read(&config, WORDS("--index", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"), NULL, OPTIONS_RUN);
    assert_read(&config, WORDS("--root", "/"), WORDS("RINGLET_INDEX=", "RINGLET_LISTING=yes"),
                OPTIONS_RUN);
    assert_string_equal(config.index, "");
    assert_true(config.listing);
}

static void bad_names_of_an_index(void **state)
{
    static const char *const bad[] = { "a/b", "a,,b", "a,", ",a",
                                       " ",   "a,..", ".",  "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sentence[128];
        snprintf(sentence, sizeof sentence,
                 "ringlet: --index %s: up to 16 names of files are allowed", bad[i]);
        assert_refused(WORDS("--index", bad[i]), NULL, sentence);
    }
}

static void times_and_sizes(void **state)
{
    static const struct {
        const char *text;
        uint32_t ms;
    } times[] = {
        { "1", 1000 },         { "250ms", 250 },      { "7s", 7000 }, { "2m", 120000 },
        { "1440m", 86400000 }, { "86400", 86400000 }, { "0", 0 },
    };
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {
        { "0", 0 },        { "4096", 4096 },     { "3k", 3072 },          { "3K", 3072 },
        { "2m", 2097152 }, { "5g", 5368709120 }, { "1024g", 1ULL << 40 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_read(&config, WORDS("--drain-timeout", times[i].text), NULL, OPTIONS_RUN);
        assert_int_equal(config.drain_ms, times[i].ms);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_read(&config, WORDS("--max-body", sizes[i].text), NULL, OPTIONS_RUN);
        assert_true(config.max_body == sizes[i].bytes);
    }
    assert_read(&config,
                WORDS("--header-timeout=1", "--body-timeout=2", "--write-timeout=3",
                      "--max-head=64k", "--max-conns=7"),
                NULL, OPTIONS_RUN);
    assert_int_equal(config.header_ms, 1000);
    assert_int_equal(config.body_ms, 2000);
    assert_int_equal(config.write_ms, 3000);
    assert_int_equal(config.max_head, 65536);
    assert_int_equal(config.max_conns, 7);
}

static void bad_values(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *sentence;
    } cases[] = {
        { { "-p", "65536" }, "ringlet: --port 65536: a whole number from 0 to 65535 is allowed\n" },
        { { "--port=-1" }, "ringlet: --port -1: a whole number" },
        { { "--port=80x" }, "ringlet: --port 80x: a whole number" },
        { { "--port= 80" }, "ringlet: --port  80: a whole number" },
        { { "--port=0x50" }, "ringlet: --port 0x50: a whole number" },
        { { "--port=" }, "ringlet: --port '': a whole number" },
        { { "--port=18446744073709551617" }, "ringlet: --port 18446744073709551617: a whole" },
        { { "-t", "0" }, "ringlet: --timeout 0: a time from 1ms to 1440m is allowed" },
        { { "-t", "1441m" }, "ringlet: --timeout 1441m: a time" },
        { { "-t", "1h" }, "ringlet: --timeout 1h: a time" },
        { { "-t", "ms" }, "ringlet: --timeout ms: a time" },
        { { "-t", "1.5" }, "ringlet: --timeout 1.5: a time" },
        { { "-t", "5 s" }, "ringlet: --timeout 5 s: a time" },
        { { "-t", "307445734561825861m" }, "ringlet: --timeout 307445734561825861m: a time" },
        { { "--max-head", "1023" }, "ringlet: --max-head 1023: a size from 1k to 64k is allowed" },
        { { "--max-head", "65k" }, "ringlet: --max-head 65k: a size" },
        { { "--max-body", "1025g" }, "ringlet: --max-body 1025g: a size from 0" },
        { { "--max-body", "1kb" }, "ringlet: --max-body 1kb: a size" },
        { { "--max-conns", "0" },
          "ringlet: --max-conns 0: a whole number from 1 to 1000000 is allowed\n" },
        { { "--spin", "1001" },
          "ringlet: --spin 1001: a whole number from 0 to 1000 is allowed\n" },
        { { "--spin", "50us" }, "ringlet: --spin 50us: a whole number" },
        { { "--etag", "md5" }, "ringlet: --etag md5: time, hash or off is allowed\n" },
        { { "--engine", "kqueue" },
          "ringlet: --engine kqueue: auto, io_uring or epoll is allowed\n" },
        { { "--engine", "AUTO" }, "ringlet: --engine AUTO: auto" },
        { { "-a", "localhost" }, "ringlet: --host localhost: a numeric IPv4 or IPv6 address" },
        { { "-a", "127.1" }, "ringlet: --host 127.1: a numeric" },
        { { "-a", "[::1]" }, "ringlet: --host [::1]: a numeric" },
        { { "-a", "" }, "ringlet: --host '': a numeric" },
        { { "-l", "" }, "ringlet: --log '': name a file\n" },
        { { "--user", "nobody at all" }, "ringlet: --user nobody at all: there is no such user" },
        { { "--user", "" }, "ringlet: --user '': name a user" },
        { { "--mime-types", "/" }, "ringlet: --mime-types /: that is not a regular file" },
        { { "--mime-types", "/no/such" }, "ringlet: --mime-types /no/such: No such file" },
        { { "-r", "" }, "ringlet: --root '': name a directory" },
        { { "-r", "/no/such" },
          "ringlet: --root /no/such: No such file or directory; name a directory that can be "
          "read\n" },
        { { "/proc/self/status" },
          "ringlet: DIR /proc/self/status: that is not a directory; name the directory" },
        { { "--cpus", "" }, "ringlet: --cpus '': a list of CPUs" },
        { { "--cpus", "1023,5000" }, "ringlet: --cpus 1023,5000: CPU 1023 is not one" },
        { { "--cpus", "a" }, "ringlet: --cpus a: that is not a list of CPUs" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].words, NULL, cases[i].sentence);
}

static void unreadable_root(void **state)
{
    char dir[] = "/tmp/ringlet-options-XXXXXX", sentence[128];

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0), 0);
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(65534), 0);
    snprintf(sentence, sizeof sentence,
             "ringlet: --root %s: Permission denied; name a directory that can be read\n", dir);
    assert_refused(WORDS("--root", dir), NULL, sentence);
    if (root)
        assert_int_equal(seteuid(0), 0);
    rmdir(dir);
}

static void bad_variables(void **state)
{
    static const struct {
        const char *variable, *sentence;
    } cases[] = {
        { "RINGLET_PORT=x", "ringlet: RINGLET_PORT=x: a whole number from 0 to 65535" },
        { "RINGLET_PORT=", "ringlet: RINGLET_PORT=: a whole number" },
        { "RINGLET_PORT=tcp://10.0.0.1:80",
          "ringlet: RINGLET_PORT=tcp://10.0.0.1:80: a whole number from 0 to 65535 is allowed; "
          "Kubernetes sets this" },
        { "RINGLET_DEBUG=maybe", "ringlet: RINGLET_DEBUG=maybe: 1, true, yes or on, and 0" },
        { "RINGLET_DEBUG=", "ringlet: RINGLET_DEBUG=: 1, true" },
        { "RINGLET_DEBUG=2", "ringlet: RINGLET_DEBUG=2: 1, true" },
        { "RINGLET_MAX_HEAD=1", "ringlet: RINGLET_MAX_HEAD=1: a size from 1k to 64k" },
        { "RINGLET_ROOT=/no/such", "ringlet: RINGLET_ROOT=/no/such: No such file" },
        { "RINGLET_CHECK=perhaps", "ringlet: RINGLET_CHECK=perhaps: 1, true" },
        { "RINGLET_WORKERS=0", "ringlet: RINGLET_WORKERS=0: this process may use 1 CPU (" },
        { "RINGLET_CPUS=0,0,0", "ringlet: RINGLET_CPUS=0,0,0: CPU 0 is " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(NOTHING, WORDS(cases[i].variable), cases[i].sentence);
}

/* The test is pinned to one CPU; its number is in `state`. */
static void cores_within_the_allowed_cpus(void **state)
{
    char cpu[16], twice[40], sentence[200];
    int number = *(const int *)*state;

    snprintf(cpu, sizeof cpu, "%d", number);
    assert_read(&config, NOTHING, NULL, OPTIONS_RUN);
    assert_int_equal(config.cores, 1);
    assert_int_equal(config.cpus[0], number);
    assert_read(&config, WORDS("--cpus", cpu), NULL, OPTIONS_RUN);
    assert_int_equal(config.cores, 1);
    assert_int_equal(config.cpus[0], number);
    assert_read(&config, WORDS("--cpus", cpu, "--cores", "1"), NULL, OPTIONS_RUN);

    snprintf(sentence, sizeof sentence,
             "ringlet: --cores 64: this process may use 1 CPU (%d); ask for 1 to 1, or allow more "
             "with taskset or the container's cpuset\n",
             number);
    assert_refused(WORDS("--cores", "64"), NULL, sentence);
    snprintf(sentence, sizeof sentence, "ringlet: --workers 2: --cpus %d names 1 CPU; ask for ",
             number);
    assert_refused(WORDS("--cpus", cpu, "-w2"), NULL, sentence);
    assert_refused(WORDS("--cores", "0"), NULL, "ringlet: --cores 0: this process may use 1 CPU");
    assert_refused(WORDS("--cores", "one"), NULL, "ringlet: --cores one: this process may use 1");
    snprintf(twice, sizeof twice, "%d,%d", number, number);
    snprintf(sentence, sizeof sentence, "ringlet: --cpus %s: CPU %d is named twice", twice, number);
    assert_refused(WORDS("--cpus", twice), NULL, sentence);
    snprintf(sentence, sizeof sentence,
             "ringlet: --cpus %d: CPU %d is not one this process may use; allowed are %d, more",
             number + 1, number + 1, number);
    snprintf(cpu, sizeof cpu, "%d", number + 1);
    assert_refused(WORDS("--cpus", cpu), NULL, sentence);
}

/* In the order of the command line, or of the lines of the variable; the line goes first. */
static void rules(void **state)
{
    const char *const variables[] = { "RINGLET_HEADER=/*: X-A: 1\n\n/b: X-B: 2", "RINGLET_CORS=on",
                                      "RINGLET_COMPRESS=yes", NULL };

    (void)state;
    assert_read(&config, WORDS("--header", "/*: X-C: 1", "--header=/c/*: X-C: 2", "--max-age", "0"),
                variables, OPTIONS_RUN);
    assert_int_equal(config.headers.count, 2);
    assert_true(str_equal(config.headers.items[1], STR("/c/*: X-C: 2")));
    assert_true(config.cors && config.compress && config.has_max_age);
    assert_int_equal(config.max_age, 0);

    assert_read(&config,
                WORDS("--spa", "/index.html", "--redirect", "/a=/b", "--error-page=404=/404.html"),
                variables, OPTIONS_RUN);
    assert_int_equal(config.headers.count, 2);
    assert_true(str_equal(config.headers.items[1], STR("/b: X-B: 2")));
    assert_int_equal(config.redirects.count, 1);
    assert_int_equal(config.error_pages.count, 1);
    assert_string_equal(config.spa, "/index.html");
    assert_false(config.has_max_age);
}

static void bad_rules(void **state)
{
    const char *const variables[] = { "RINGLET_REDIRECT=/a=/b\n/c", NULL };
    char name[] = "ringlet", option[] = "--redirect", rule[] = "/a=/b";
    char *argv[2 * CONFIG_LIST_MAX + 4] = { name };
    char *text = NULL;
    size_t len;

    (void)state;
    assert_refused(WORDS("--header", "X: y", "--header", "/*: X: y"), NULL,
                   "ringlet: --header X: y: 'PATTERN: Name: value' is allowed");
    assert_refused(WORDS("--redirect", "/a=/b:999"), NULL,
                   "ringlet: --redirect /a=/b:999: the status must be one of");
    assert_refused(WORDS("--error-page", "200=/a"), NULL,
                   "ringlet: --error-page 200=/a: STATUS=PATH is allowed");
    assert_refused(WORDS("--spa", "index.html"), NULL,
                   "ringlet: --spa index.html: name a file by its path from the root");
    assert_refused(WORDS("--max-age", "31536001"), NULL,
                   "ringlet: --max-age 31536001: a whole number from 0 to 31536000 is allowed");
    assert_refused(NULL, variables,
                   "ringlet: RINGLET_REDIRECT=/a=/b?/c: FROM=TO or FROM=TO:STATUS");

    FILE *err = open_memstream(&text, &len);
    assert_non_null(err);
    for (int i = 1; i <= 2 * (CONFIG_LIST_MAX + 1); i += 2) {
        argv[i] = option;
        argv[i + 1] = rule;
    }
    assert_int_equal(options_read(&config, 2 * CONFIG_LIST_MAX + 3, argv, NULL, err),
                     OPTIONS_REFUSED);
    fclose(err);
    assert_string_equal(text,
                        "ringlet: --redirect /a=/b: no more than 64 are allowed; use a file\n");
    free(text);
}

/* Each of the files, in order; those of the variable end with its lines. */
static void files(void **state)
{
    static const char cert[] = "/proc/self/status", other[] = "/proc/self/stat";

    (void)state;
    assert_read(&config,
                WORDS("--tls-port=0", "--tls-cert", cert, "--tls-cert", other, "--tls-key", other,
                      "--tls-key=/proc/self/status"),
                NULL, OPTIONS_RUN);
    assert_true(config.tls);
    assert_int_equal(config.tls_port, 0);
    assert_int_equal(config.tls_certs.count, 2);
    assert_true(str_equal(config.tls_certs.items[1], str_from(other)));
    assert_int_equal(config.tls_keys.count, 2);
    assert_true(str_equal(config.tls_keys.items[1], str_from(cert)));

    assert_read(&config, NOTHING,
                WORDS("RINGLET_TLS_PORT=8443",
                      "RINGLET_TLS_CERT=/proc/self/status\n/proc/self/stat\n",
                      "RINGLET_TLS_KEY=/proc/self/stat\n/proc/self/stat"),
                OPTIONS_RUN);
    assert_int_equal(config.tls_port, 8443);
    assert_int_equal(config.tls_certs.count, 2);
    assert_true(str_equal(config.tls_certs.items[0], str_from(cert)));
    assert_true(str_equal(config.tls_keys.items[1], str_from(other)));
}

static void bad_files(void **state)
{
    char name[] = "ringlet", cert[] = "--tls-cert=/proc/self/stat",
         key[] = "--tls-key=/proc/self/stat", port[] = "--tls-port=1";
    char *argv[2 * CONFIG_PAIRS_MAX + 5] = { name, port };
    char *text = NULL;
    size_t len;

    (void)state;
    assert_refused(WORDS("--tls-port=1", "--tls-cert=/no/such", "--tls-cert=/proc/self/stat"), NULL,
                   "ringlet: --tls-cert /no/such: No such file or directory; name a file that can");
    assert_refused(WORDS("--tls-port=1", "--tls-key=", "--tls-key=/proc/self/stat"), NULL,
                   "ringlet: --tls-key '': name a file");
    assert_refused(WORDS("--tls-key=/"), NULL, "ringlet: --tls-key /: that is not a regular file");
    assert_refused(NULL, WORDS("RINGLET_TLS_KEY=/proc/self/stat\n/no/such"),
                   "ringlet: RINGLET_TLS_KEY=/no/such: No such file");

    FILE *err = open_memstream(&text, &len);
    assert_non_null(err);
    for (int i = 2; i < 2 * CONFIG_PAIRS_MAX + 4; i += 2) {
        argv[i] = cert;
        argv[i + 1] = key;
    }
    int most = 2 * CONFIG_PAIRS_MAX + 2;
    assert_int_equal(options_read(&config, most, argv, NULL, err), OPTIONS_RUN);
    assert_int_equal(options_read(&config, most + 2, argv, NULL, err), OPTIONS_REFUSED);
    fclose(err);
    assert_string_equal(text, "ringlet: --tls-cert /proc/self/stat: no more than 16 are allowed\n");
    free(text);
}

static void strict_transport_security(void **state)
{
    static const struct {
        const char *value, *field;
    } cases[] = {
        { "0", "max-age=0" },
        { "31536000", "max-age=31536000" },
        { "1,includeSubDomains", "max-age=1; includeSubDomains" },
        { "1, preload ,INCLUDESUBDOMAINS", "max-age=1; includeSubDomains; preload" },
        { "315360000,preload", "max-age=315360000; preload" },
    };
    static const char *const bad[] = {
        "x", ",1", "1,", "-1", "1,1", "1,preload,preload", "1;preload", "315360001", "1,,preload",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_read(&config, WORDS("--tls-port=1", "--tls-self-signed", "--hsts", cases[i].value),
                    NULL, OPTIONS_RUN);
        assert_string_equal(config.hsts, cases[i].field);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sentence[160];
        snprintf(sentence, sizeof sentence,
                 "ringlet: --hsts %s: a number of seconds from 0 to 315360000 is allowed, as in",
                 bad[i]);
        assert_refused(WORDS("--tls-port=1", "--tls-self-signed", "--hsts", bad[i]), NULL,
                       sentence);
    }
    assert_read(&config, WORDS("--tls-port=1", "--tls-self-signed"), NULL, OPTIONS_RUN);
    assert_string_equal(config.hsts, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines),
        cmocka_unit_test(spinning),
        cmocka_unit_test(entity_tags),
        cmocka_unit_test(demo_endpoints),
        cmocka_unit_test(what_answers_for_a_directory),
        cmocka_unit_test(bad_names_of_an_index),
        cmocka_unit_test(times_and_sizes),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(unreadable_root),
        cmocka_unit_test(bad_variables),
        cmocka_unit_test(cores_within_the_allowed_cpus),
        cmocka_unit_test(rules),
        cmocka_unit_test(bad_rules),
        cmocka_unit_test(files),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(strict_transport_security),
    };
    return cmocka_run_group_tests(tests, reading_pin, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/options.h"

enum { ARGS_MAX = 16 };

/* getopt reorders the vector, so each reading gets its own. */
struct reading {
    char *args[ARGS_MAX + 2];
    struct options options;
    struct sentence why;
};

static enum options_result read_all(struct reading *r, const char *const *args)
{
    static char name[] = "ringlet-load";
    int count = 1;

    *r = (struct reading){ .args = { name } };
    for (; args[count - 1]; count++)
        memcpy(&r->args[count], &args[count - 1], sizeof *args);
    return options_read(count, r->args, &r->options, &r->why);
}

#define ARGS(...) ((const char *const[ARGS_MAX]){ __VA_ARGS__, NULL })

static void what_is_not_given_has_a_value(void **state)
{
    struct reading r;
    const struct options *o = &r.options;

    (void)state;
    assert_int_equal(read_all(&r, ARGS("http://a/")), OPTIONS_RUN);
    assert_int_equal(o->connections, 16);
    assert_int_equal(o->threads, 1);
    assert_int_equal(o->pipeline, 1);
    assert_int_equal(o->rate, 0);
    assert_int_equal(o->spin_ns, 0);
    assert_int_equal(o->duration_ns, 10000000000);
    assert_int_equal(o->warmup_ns, 1000000000);
    assert_int_equal(o->timeout_ns, 5000000000);
    assert_int_equal(o->expect_status, 200);
    assert_false(o->expect_length_given);
    assert_string_equal(o->method, "GET");
    assert_int_equal(o->url_count, 1);
    assert_string_equal(o->urls[0], "http://a/");
}

static void values_are_read(void **state)
{
    struct reading r;
    const struct options *o = &r.options;

    (void)state;
    assert_int_equal(read_all(&r, ARGS("-c", "100", "http://a/", "-R5000", "--duration=0.25",
                                       "--warmup", "0", "-H", "A: b", "-H", "C:d", "http://a/b")),
                     OPTIONS_RUN);
    assert_int_equal(o->connections, 100);
    assert_int_equal(o->rate, 5000);
    assert_int_equal(o->duration_ns, 250000000);
    assert_int_equal(o->warmup_ns, 0);
    assert_int_equal(o->spin_ns, OPTIONS_SPIN_US * 1000);
    assert_int_equal(o->field_count, 2);
    assert_true(str_equal(o->fields[1], STR("C:d")));
    assert_int_equal(o->url_count, 2);
    assert_string_equal(o->urls[1], "http://a/b");
}

static void bodies_are_posted(void **state)
{
    struct reading r;

    (void)state;
    assert_int_equal(read_all(&r, ARGS("--body-size", "0", "--chunked", "http://a/")), OPTIONS_RUN);
    assert_true(r.options.body_given);
    assert_true(r.options.chunked);
    assert_string_equal(r.options.method, "POST");
    assert_int_equal(read_all(&r, ARGS("--body-size", "5", "-m", "PUT", "http://a/")), OPTIONS_RUN);
    assert_string_equal(r.options.method, "PUT");
    assert_int_equal(
        read_all(&r, ARGS("-R", "5", "--spin", "0", "--expect-length", "0", "http://a/")),
        OPTIONS_RUN);
    assert_int_equal(r.options.spin_ns, 0);
    assert_true(r.options.expect_length_given);
}

static void tls_is_chosen(void **state)
{
    struct reading r;

    (void)state;
    assert_int_equal(read_all(&r, ARGS("https://a/")), OPTIONS_RUN);
    assert_null(r.options.tls_cipher);
    assert_false(r.options.tls_resume);
    assert_int_equal(read_all(&r, ARGS("--tls-cipher", "TLS_AES_128_GCM_SHA256", "--tls-resume",
                                       "--new-connection", "https://a/")),
                     OPTIONS_RUN);
    assert_string_equal(r.options.tls_cipher, "TLS_AES_128_GCM_SHA256");
    assert_true(r.options.tls_resume);
}

static void nonsense_is_refused_with_a_reason(void **state)
{
    static const char *const bad[][ARGS_MAX] = {
        { NULL },
        { "-c", "0", "http://a/" },
        { "-c", "x", "http://a/" },
        { "-c", "-1", "http://a/" },
        { "-c", "99999999", "http://a/" },
        { "-c" },
        { "-d", "0", "http://a/" },
        { "-d", "1.", "http://a/" },
        { "-d", ".5", "http://a/" },
        { "-d", "1.0000000001", "http://a/" },
        { "-d", "100000", "http://a/" },
        { "-d", "1e3", "http://a/" },
        { "-R", "0", "http://a/" },
        { "-R", "20000001", "http://a/" },
        { "--nothing", "http://a/" },
        { "--help=x" },
        { "-H", "none", "http://a/" },
        { "-H", ": x", "http://a/" },
        { "-H", "a: b\r\nc: d", "http://a/" },
        { "-m", "A B", "http://a/" },
        { "--expect-status", "600", "http://a/" },
        { "--new-connection", "--pipeline", "2", "http://a/" },
        { "--chunked", "http://a/" },
        { "--targets", "file", "http://a/", "http://a/b" },
        { "--body-size", "1", "--body-file", "file", "http://a/" },
        { "-t", "3", "-c", "2", "http://a/" },
        { "--tls-resume", "https://a/" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reading r;

        if (read_all(&r, bad[i]) != OPTIONS_WRONG)
            fail_msg("taken: %s %s", bad[i][0], bad[i][1]);
        assert_true(strlen(r.why.text) > 0);
    }
}

static void help_and_version_need_no_url(void **state)
{
    struct reading r;

    (void)state;
    assert_int_equal(read_all(&r, ARGS("--help")), OPTIONS_HELP);
    assert_int_equal(read_all(&r, ARGS("-h")), OPTIONS_HELP);
    assert_int_equal(read_all(&r, ARGS("-V")), OPTIONS_VERSION);
    assert_non_null(strstr(options_help(), "--new-connection"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_a_value),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(bodies_are_posted),
        cmocka_unit_test(tls_is_chosen),
        cmocka_unit_test(nonsense_is_refused_with_a_reason),
        cmocka_unit_test(help_and_version_need_no_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

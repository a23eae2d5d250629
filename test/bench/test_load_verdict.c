#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/verdict.h"

#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

struct verdict_case {
    uint64_t rate, due, in_time;
    double busy, waited;
    uint64_t lag, latency; /* ns, of all requests */
    const char *blamed;    /* NULL: held */
};

static const struct verdict_case cases[] = {
    { 1000, 10000, 10000, 0.1, 0, 1000, MS, NULL },
    { 1000, 10000, 9900, 0.1, 0, 1000, MS, NULL },
    { 1000, 10000, 9899, 0.1, 0, 1000, MS, "the server" },
    { 1000, 10000, 9899, 0.91, 0, 1000, MS, "the generator" },
    { 1000, 10000, 9899, 0.1, 0.2, 1000, MS, "the generator" },
    { 1000, 10000, 9899, 0.1, 0.02, 1000, MS, "the server" },
    { 1000, 10000, 5000, 0.1, 0.2, 1000, MS, "the server" },
    { 1000, 10000, 0, 0.1, 0, 1000, MS, "the server" },
    /* the last are on their way */
    { 10, 5, 4, 0.1, 0, 1000, MS, NULL },
    { 10, 5, 3, 0.1, 0, 1000, MS, "the server" },
    { 10000, 1000, 900, 0.1, 0, 1000, MS, NULL },
    { 10000, 1000, 899, 0.1, 0, 1000, MS, "the server" },
    /* late by itself: both limits must be passed */
    { 1000, 10000, 10000, 0.1, 0, MS / 2, MS, NULL },
    { 1000, 10000, 10000, 0.1, 0, 2 * MS, 30 * MS, NULL },
    { 1000, 10000, 10000, 0.1, 0, 2 * MS, 10 * MS, "the generator" },
    /* busy, but it held */
    { 1000, 10000, 10000, 0.95, 0.5, 1000, MS, NULL },
};

static void the_one_who_fell_behind_is_named(void **state)
{
    struct load_result *r = malloc(sizeof *r);

    (void)state;
    assert_non_null(r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict_case *c = &cases[i];
        struct verdict_facts facts = { c->due, c->in_time, c->busy, c->waited };
        struct sentence why = { "" };

        load_result_init(r);
        r->rate = c->rate;
        histogram_record_n(&r->lag, c->lag, c->due);
        histogram_record_n(&r->latency, c->latency, c->due);
        bool held = verdict_rate_was_held(r, &facts, &why);

        if (held != !c->blamed || strncmp(why.text, c->blamed ? c->blamed : "", 10) != 0)
            fail_msg("case %zu: %s", i, why.text);
    }
    free(r);
}

static void a_few_sessions_may_be_new(void **state)
{
    static const struct {
        uint64_t full, resumed;
        bool good;
    } rows[] = { { 0, 5, true },  { 10, 990, true },  { 11, 989, false }, { 1, 0, false },
                 { 5, 5, false }, { 64, 6400, true }, { 0, 0, false } };
    struct load_result *r = malloc(sizeof *r);

    (void)state;
    assert_non_null(r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sentence why = { "" };

        load_result_init(r);
        r->handshakes_full = rows[i].full;
        r->handshakes_resumed = rows[i].resumed;
        assert_int_equal(verdict_sessions_were_resumed(r, &why), rows[i].good);
    }
    r->handshakes_full = 11;
    r->handshakes_resumed = 989;
    struct sentence why = { "" };

    verdict_sessions_were_resumed(r, &why);
    assert_string_equal(why.text, "only 989 of 1000 sessions were resumed");
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_who_fell_behind_is_named),
        cmocka_unit_test(a_few_sessions_may_be_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

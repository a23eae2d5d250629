#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "made_pair.h"

static struct tls_context *context_with(struct tls_report *report)
{
    struct made_pair made;
    const struct made_pair *pairs[] = { &made };

    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    return made_context(pairs, 1, report);
}

static int make_context(void **state)
{
    struct tls_report report;

    *state = context_with(&report);
    return *state ? 0 : -1;
}

static int drop_context(void **state)
{
    tls_context_drop(*state);
    return 0;
}

/* One session with `first`, another with `second` that offers what the first one gave. */
static bool resumes(struct tls_context *first, struct tls_context *second, int version,
                    uint64_t first_ms, uint64_t second_ms)
{
    struct client one, two;

    client_begin(&one, first, version);
    one.now_ms = first_ms;
    assert_true(client_run(&one));
    SSL_SESSION *offered = SSL_get1_session(one.ssl);
    SSL_shutdown(one.ssl);
    client_end(&one);

    client_begin(&two, second, version);
    two.now_ms = second_ms;
    SSL_set_session(two.ssl, offered);
    assert_true(client_run(&two));
    bool resumed = tls_session_is_resumed(two.session);
    assert_int_equal(resumed, SSL_session_reused(two.ssl));
    assert_int_equal(SSL_write(two.ssl, "hello", 5), 5);
    assert_true(client_run(&two));
    assert_int_equal(two.got_len, 5);
    SSL_SESSION_free(offered);
    client_end(&two);
    return resumed;
}

static bool resumes_in(struct tls_context *context, void **state, int version)
{
    return resumes(*state, context, version, 10, 20);
}

static void another_core_resumes(void **state)
{
    struct tls_report report;
    struct tls_context *context = context_with(&report);

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_true(resumes_in(*state, state, version));
        assert_true(resumes_in(context, state, version));
    }
    tls_context_drop(context);
}

static void another_secret_does_not_resume(void **state)
{
    static const unsigned char secret[TLS_TICKET_SECRET_SIZE] = "another secret";
    struct made_pair made;
    struct tls_report report;

    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    struct tls_context *context =
        tls_context_make(&(struct tls_config){ &made.pem, 1, secret, MADE_NOW }, &report);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        assert_false(resumes_in(context, state, version));
    tls_context_drop(context);
}

static void tickets_are_good_for_two_periods_at_most(void **state)
{
    const uint64_t period = TLS_TICKET_PERIOD_MS;

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_true(resumes(*state, *state, version, 1, period - 1));
        assert_true(resumes(*state, *state, version, 1, 2 * period - 1));
        assert_false(resumes(*state, *state, version, 1, 2 * period));
        assert_false(resumes(*state, *state, version, 1, 5 * period));
    }
}

/* One after another, each with what the one before it was given. */
static void who_resumes_gets_a_ticket_for_the_next_time(void **state)
{
    SSL_SESSION *offered = NULL;

    for (int i = 0; i < 4; i++) {
        struct client c;
        const unsigned char *ticket, *before = NULL;
        size_t len, before_len = 0;

        client_begin(&c, *state, TLS1_3_VERSION);
        if (offered)
            SSL_set_session(c.ssl, offered);
        assert_true(client_run(&c));
        assert_int_equal(tls_session_is_resumed(c.session), i > 0);
        SSL_SESSION *given = SSL_get1_session(c.ssl);
        SSL_SESSION_get0_ticket(given, &ticket, &len);
        if (offered)
            SSL_SESSION_get0_ticket(offered, &before, &before_len);
        assert_true(len > 0 && (len != before_len || memcmp(ticket, before, len) != 0));
        SSL_SESSION_free(offered);
        offered = given;
        SSL_shutdown(c.ssl);
        client_end(&c);
    }
    SSL_SESSION_free(offered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_core_resumes),
        cmocka_unit_test(another_secret_does_not_resume),
        cmocka_unit_test(tickets_are_good_for_two_periods_at_most),
        cmocka_unit_test(who_resumes_gets_a_ticket_for_the_next_time),
    };
    return cmocka_run_group_tests(tests, make_context, drop_context);
}

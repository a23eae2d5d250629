#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "made_pair.h"

#include <malloc.h>
#include <stdlib.h>

enum {
    SESSIONS = 40,
    /* What OpenSSL 3.0 takes for an idle session is about a third of this; with the buffers for
     * records, which it is told to release, it would be more than this. */
    IDLE_BYTES_MAX = 36 * 1024,
};

/* All that OpenSSL has taken and not given back. */
static size_t taken;

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *memory = malloc(size);
    taken += malloc_usable_size(memory);
    return memory;
}

static void *take_again(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    size_t before = memory ? malloc_usable_size(memory) : 0;
    void *grown = realloc(memory, size);
    taken += malloc_usable_size(grown) - before;
    return grown;
}

static void give_back(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    taken -= memory ? malloc_usable_size(memory) : 0;
    free(memory);
}

/* A session that has talked, and whose client is gone. */
static struct tls_session *idle_session(struct tls_context *context, int version)
{
    struct str answer = STR("answer");
    struct client c;

    client_begin(&c, context, version);
    assert_true(client_run(&c));
    assert_int_equal(SSL_write(c.ssl, "question", 8), 8);
    assert_true(client_run(&c));
    assert_int_equal(client_download(&c, &answer, 1), 6);
    SSL_free(c.ssl);
    SSL_CTX_free(c.context);
    free(c.got);
    return c.session;
}

static void an_idle_session_is_small(void **state)
{
    struct tls_session *sessions[SESSIONS];
    struct made_pair made;
    const struct made_pair *pairs[] = { &made };
    struct tls_report report;

    (void)state;
    made_pair_make(&made, "P-256", "DNS:a.example", NULL);
    struct tls_context *context = made_context(pairs, 1, &report);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        tls_session_free(idle_session(context, version)); /* what is made once is made now */
        size_t before = taken;
        for (int i = 0; i < SESSIONS; i++)
            sessions[i] = idle_session(context, version);
        size_t each = (taken - before) / SESSIONS;
        print_message("an idle session: %zu bytes\n", each);
        assert_in_range(each, 1024, IDLE_BYTES_MAX);
        for (int i = 0; i < SESSIONS; i++)
            tls_session_free(sessions[i]);
        /* OpenSSL keeps a little for the next session. */
        assert_true(taken < before + IDLE_BYTES_MAX);
    }
    tls_context_drop(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(an_idle_session_is_small) };

    /* Before OpenSSL takes anything. */
    if (CRYPTO_set_mem_functions(take, take_again, give_back) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

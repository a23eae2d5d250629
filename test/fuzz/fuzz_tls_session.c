/* Whatever a peer sends, in whatever pieces, a session takes it, ends, or says no. */
#include "base/check.h"
#include "tls/self_signed.h"
#include "tls/session.h"

#include <stdint.h>
#include <stdlib.h>

enum { PLAIN_ROOM = 64, CALLS_MAX = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once: it takes longer than a run. */
static struct tls_context *context;

static void make_context(void)
{
    unsigned char secret[TLS_TICKET_SECRET_SIZE] = "secret";
    struct tls_self_signed made;
    struct tls_report report;

    CHECK(tls_self_signed_make(&made, NULL, 0, 1700000000) == 0);
    struct tls_pem pem = { STR("made"), str_of(made.certificate, made.certificate_len),
                           str_of(made.key, made.key_len) };
    struct tls_config config = { &pem, 1, secret, 1700000000 };
    context = tls_context_make(&config, &report);
    CHECK(context);
}

static enum tls_result give(struct tls_session *session, struct str cipher)
{
    enum tls_result result;
    int calls = 0;

    do {
        char plain_memory[PLAIN_ROOM], out_memory[TLS_OUT_MIN];
        struct text plain = text_in(plain_memory, sizeof plain_memory);
        struct text out = text_in(out_memory, sizeof out_memory);
        result = tls_session_receive(session, &cipher, &plain, &out, 1);
        while (tls_session_owes(session)) {
            out.len = 0;
            tls_session_flush(session, &out);
            CHECK(out.len > 0);
        }
        CHECK(++calls < CALLS_MAX);
    } while (result == TLS_FULL);
    CHECK(result != TLS_MORE || cipher.len == 0);
    return result;
}

static void send_something(struct tls_session *session)
{
    char memory[TLS_OUT_MIN];
    struct text out = text_in(memory, sizeof memory);
    struct str answer = STR("answer");

    tls_session_send(session, &answer, 1, &out, 2);
    CHECK(answer.len == 6 || tls_session_is_open(session));
    out.len = 0;
    tls_session_close(session, &out);
}

/* The first byte of the input says in how large pieces the rest comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tls_result result = TLS_MORE;

    if (size == 0)
        return 0;
    if (!context)
        make_context();
    struct tls_session *session = tls_session_make(context);
    CHECK(session);
    for (size_t at = 1; at < size && result == TLS_MORE;) {
        size_t piece = data[0] > 0 && data[0] < size - at ? data[0] : size - at;
        result = give(session, str_of((const char *)data + at, piece));
        at += piece;
    }
    send_something(session);
    tls_session_free(session);
    return 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "guard.h"
#include "http/request.h"
#include "reference.h"
#include "request_cases.h"
#include "seed.h"

enum { ROUNDS = 20000, BYTES_MAX = 2048, FIELDS = 14 };

/* The parser on plain C, see CMakeLists.txt. */
ssize_t plain_c_request_parse(struct http_request *request, const char *bytes, size_t len,
                              size_t max_head);

typedef ssize_t parse(struct http_request *request, const char *bytes, size_t len, size_t max_head);

static void check_parser(parse *parser, const struct reference *reference, ssize_t wanted,
                         struct str bytes, size_t max_head)
{
    struct http_request request;

    memset(&request, 0xa5, sizeof request);
    ssize_t got = parser(&request, bytes.at, bytes.len, max_head);
    if (got != wanted)
        fail_msg("got %zd, not %zd, max_head %zu: %.*s", got, wanted, max_head, (int)bytes.len,
                 bytes.at);
    const char *differs = reference_differs(reference, &request, got);
    if (differs)
        fail_msg("%s: max_head %zu: %.*s", differs, max_head, (int)bytes.len, bytes.at);
}

/* Both parsers say what the reference says, and no byte behind the last is touched. */
static ssize_t check_head(struct guard guard, struct str head, size_t max_head)
{
    struct reference reference;
    struct str bytes = str_of(guard_at_end(guard, head.at, head.len), head.len);
    ssize_t wanted = reference_parse(&reference, bytes.at, bytes.len, max_head);

    check_parser(http_request_parse, &reference, wanted, bytes, max_head);
    check_parser(plain_c_request_parse, &reference, wanted, bytes, max_head);
    return wanted;
}

static const char *const lines[] = {
    "GET / HTTP/1.1\r\n",
    "GET /some/path/to/a/file.html?with=a&longer=query HTTP/1.1\r\n",
    "GET /a HTTP/1.0\r\n",
    "POST /form HTTP/1.1\r\n",
    "GET http://host.example:80/path?q HTTP/1.1\r\n",
    "CONNECT host:443 HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "\r\nHEAD /\x80\xff HTTP/1.2\r\n",
};

static const char *const names[] = {
    "Host",
    "Connection",
    "User-Agent",
    "Referer",
    "Accept",
    "Accept-Encoding",
    "Range",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Expect",
    "If-Modified-Since",
    "Cookie",
    "Content-Length",
    "If-Unmodified-Since",
    "Content-Type",
    "Transfer-Encoding",
    "Upgrade-Insecure-Requests",
    "Sec-Fetch-Dest",
    "X",
    "X_9",
    "Accept-Language",
    "Uset-Agent",
    "Hosts",
    "Ranges",
    "A-name-of-thirty-one-letters-xx",
    "A-name-of-thirty-two-letters-xxx",
    "A-name-of-thirty-three-letters-x",
    "A-name-of-a-good-many-more-letters-than-all-of-these",
};

static const char *const values[] = {
    "localhost:8080",
    "127.0.0.1",
    "[::1]:80",
    "keep-alive",
    "close",
    "Keep-Alive, Close",
    "12",
    "chunked",
    "gzip, chunked",
    "100-continue",
    "",
    "a",
    "text/html,application/xhtml+xml;q=0.9",
    "\ttabs\t",
    "  spaces  ",
    "caf\xc3\xa9",
    "www.a-rather-long-name.of-a-host.example:65535",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0",
    "a\tb",
    "host name",
    "bytes=0-1",
    "0",
    "18446744073709551616",
    "a:b:c",
};

#define PICK(seed, table) (table)[seed_below((seed), sizeof(table) / sizeof((table)[0]))]

static void add_name(struct text *t, uint64_t *seed, struct str name)
{
    size_t before = t->len;

    text_add(t, name);
    for (size_t i = before; seed_once_in(seed, 4) && i < t->len; i++)
        if (name.at[i - before] >= 'a' && name.at[i - before] <= 'z' && seed_once_in(seed, 2))
            t->at[i] -= 'a' - 'A';
}

/* A head that a client could send, or nearly: a Host first, as most do, and then anything. */
static void add_head(struct text *t, uint64_t *seed)
{
    text_add(t, str_from(PICK(seed, lines)));
    if (!seed_once_in(seed, 4)) {
        text_add(t, STR("Host: "));
        text_add(t, str_from(values[seed_below(seed, 3)]));
        text_add(t, STR("\r\n"));
    }
    for (uint64_t i = seed_below(seed, FIELDS); i > 0; i--) {
        add_name(
            t, seed,
            str_from(
                names[seed_below(seed, 2) ? seed_below(seed, 12) + 1
                                          : seed_below(seed, sizeof names / sizeof names[0])]));
        text_add(t, seed_once_in(seed, 8) ? STR(":") : STR(": "));
        text_add(t, str_from(PICK(seed, values)));
        text_add(t, STR("\r\n"));
    }
    text_add(t, STR("\r\n"));
}

/* Change a byte, leave one out, or put one in. */
static void spoil(struct text *t, uint64_t *seed)
{
    const struct str odd = STR("\t\r\n\0 :./?#%-_09aZ~,;\x7f\x80\xff");
    size_t place = seed_below(seed, t->len);
    char byte = odd.at[seed_below(seed, odd.len)];

    switch (seed_below(seed, 3)) {
    case 0:
        t->at[place] = byte;
        break;
    case 1:
        memmove(t->at + place, t->at + place + 1, --t->len - place);
        break;
    default:
        memmove(t->at + place + 1, t->at + place, t->len++ - place);
        t->at[place] = byte;
    }
}

static void test_heads(void **state)
{
    (void)state;
    struct guard guard = guard_make();
    uint64_t seed = seed_draw("test_heads");
    unsigned taken = 0;

    for (int round = 0; round < ROUNDS; round++) {
        char space[BYTES_MAX];
        struct text t = text_in(space, sizeof space - 8);
        add_head(&t, &seed);
        assert_false(t.cut);
        for (uint64_t i = seed_below(&seed, 3); i > 0; i--)
            spoil(&t, &seed);
        size_t len = seed_once_in(&seed, 4) ? seed_below(&seed, t.len + 1) : t.len;
        size_t max = seed_once_in(&seed, 8) ? 1 + seed_below(&seed, t.len) : HTTP_HEAD_MAX;
        taken += check_head(guard, str_of(t.at, len), max) > 0;
    }
    guard_free(guard);
    assert_true(taken > ROUNDS / 20); /* or it is refusals that are compared */
}

/* Those of which it is written down what must be made of them. */
static void test_cases(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (size_t i = 0; i < sizeof request_cases / sizeof request_cases[0]; i++) {
        const struct request_case *c = &request_cases[i];
        ssize_t got = check_head(guard, c->bytes, HTTP_HEAD_MAX);
        assert_int_equal(got, c->status == 200 ? (ssize_t)c->bytes.len : -c->status);
        for (size_t len = 0; len < c->bytes.len; len++)
            check_head(guard, str_of(c->bytes.at, len), HTTP_HEAD_MAX);
    }
    guard_free(guard);
}

/* As many fields as there may be, and more, so that they are taken in several goes, with an odd one
 * at every place. */
static void test_many_fields(void **state)
{
    (void)state;
    struct guard guard = guard_make();

    for (unsigned count = 62; count <= HTTP_FIELDS_MAX + 2; count += count == 66 ? 32 : 1) {
        for (unsigned odd = 0; odd < count; odd += 3) {
            char space[BYTES_MAX];
            struct text t = text_in(space, sizeof space);
            text_add(&t, STR("GET / HTTP/1.1\r\n"));
            for (unsigned i = 0; i < count; i++)
                text_add(&t, i == odd ? STR("Host:\ta\r\n") : STR("Referer: b\r\n"));
            text_add(&t, STR("\r\n"));
            assert_false(t.cut);
            ssize_t got = check_head(guard, text_str(&t), HTTP_HEAD_MAX);
            assert_int_equal(got, count <= HTTP_FIELDS_MAX ? (ssize_t)t.len : -431);
        }
    }
    guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_many_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

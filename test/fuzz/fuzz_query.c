/* Every byte of a query but its '&' is in one parameter, and decoding says the same whichever way a
 * text was written. */
#include "app/query.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(struct str text, char c)
{
    return text.len > 0 && memchr(text.at, c, text.len);
}

/* Each byte as its escape. */
static size_t encode(struct str text, char *out)
{
    const char digits[] = "0123456789abcdefABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        size_t low = c & 15;
        *out++ = '%';
        *out++ = digits[c >> 4];
        *out++ = digits[low > 9 && i % 2 ? low + 6 : low];
    }
    return 3 * text.len;
}

/* Into memory of the very size it may take, and where it lies. */
static void check_decoding(struct str text)
{
    char *out = malloc(text.len + 1), *again = malloc(text.len + 1);
    char *encoded = malloc(3 * text.len + 1);

    CHECK(out && again && encoded);
    size_t len = query_decode(text, out);
    CHECK(len <= text.len);
    if (!query_is_encoded(text))
        CHECK(str_equal(str_of(out, len), text));
    if (text.len > 0)
        memcpy(again, text.at, text.len);
    CHECK(query_decode(str_of(again, text.len), again) == len);
    CHECK(str_equal(str_of(again, len), str_of(out, len)));
    size_t encoded_len = encode(str_of(out, len), encoded);
    CHECK(query_decode(str_of(encoded, encoded_len), encoded) == len);
    CHECK(str_equal(str_of(encoded, len), str_of(out, len)));
    free(out);
    free(again);
    free(encoded);
}

/* Returns how many bytes of the query the parameter is. */
static size_t check_pair(struct str query, struct str name, struct str value)
{
    size_t at = (size_t)(name.at - query.at), end = at + name.len;

    CHECK(name.at >= query.at && end <= query.len);
    CHECK(!holds(name, '&') && !holds(name, '=') && !holds(value, '&'));
    CHECK(at == 0 || query.at[at - 1] == '&');
    if (end < query.len && query.at[end] == '=') {
        CHECK(value.at == query.at + end + 1);
        end = end + 1 + value.len;
    } else {
        CHECK(value.len == 0);
    }
    CHECK(end == query.len || (end < query.len && query.at[end] == '&'));
    check_decoding(name);
    check_decoding(value);
    return end - at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    size_t at = 0, before = 0, bytes = 0, gaps = 0;
    struct str name, value;

    CHECK(copy);
    if (size > 0)
        memcpy(copy, data, size);
    struct str query = str_of(copy, size);
    while (query_next(query, &at, &name, &value)) {
        CHECK(at > before && at <= size);
        before = at;
        bytes += check_pair(query, name, value);
    }
    for (size_t i = 0; i < size; i++)
        gaps += copy[i] == '&';
    CHECK(bytes + gaps == size);
    check_decoding(query);
    free(copy);
    return 0;
}

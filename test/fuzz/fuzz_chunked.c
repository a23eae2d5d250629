/* A chunked body has the same content and the same end wherever its bytes are split. The first byte
 * of the input says how. */
#include "base/check.h"
#include "http/chunked.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    char *content; /* own */
    size_t len;
    size_t used;
    int status; /* 200: ended; 0: more is needed; others: refused */
};

/* Read the bytes in pieces of `piece`, each in memory of its own. */
static struct outcome read_in_pieces(const char *bytes, size_t size, size_t piece)
{
    struct outcome o = { .content = malloc(size + 1) };
    struct http_chunked body;

    CHECK(o.content);
    http_chunked_start(&body);
    while (o.used < size && o.status == 0) {
        size_t len = piece < size - o.used ? piece : size - o.used;
        char *copy = malloc(len);
        CHECK(copy);
        memcpy(copy, bytes + o.used, len);
        struct str content;
        ssize_t used = http_chunked_read(&body, copy, len, &content);
        if (used < 0) {
            CHECK(used == -400 || used == -431);
            o.status = (int)-used;
        } else {
            CHECK(used > 0 && (size_t)used <= len);
            CHECK(content.at >= copy && content.at + content.len <= copy + used);
            memcpy(o.content + o.len, content.at, content.len);
            o.len += content.len;
            o.used += (size_t)used;
        }
        if (body.done)
            o.status = 200;
        free(copy);
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    const char *bytes = (const char *)data + 1;
    struct outcome whole = read_in_pieces(bytes, size - 1, size);
    struct outcome pieces = read_in_pieces(bytes, size - 1, 1U + data[0] % 32);

    CHECK(whole.status == pieces.status);
    CHECK(whole.len == pieces.len && memcmp(whole.content, pieces.content, whole.len) == 0);
    if (whole.status == 200) {
        CHECK(whole.used == pieces.used);
        CHECK(memcmp(bytes + whole.used - 2, "\r\n", 2) == 0);
    }
    free(whole.content);
    free(pieces.content);
    return 0;
}

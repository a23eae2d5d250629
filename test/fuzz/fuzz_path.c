/* What a path is normalised to stays below the root, and normalising it again changes nothing. */
#include "base/check.h"
#include "http/path.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_normalised(struct str path)
{
    struct str rest = str_of(path.at + 1, path.len - 1);
    struct str segment = { NULL, 0 };

    CHECK(path.len >= 1 && path.len < HTTP_PATH_MAX && path.at[0] == '/');
    CHECK(!memchr(path.at, '\0', path.len) && path.at[path.len] == '\0');
    while (rest.len > 0) {
        const char *slash = memchr(rest.at, '/', rest.len);
        segment = str_of(rest.at, slash ? (size_t)(slash - rest.at) : rest.len);
        CHECK(segment.len > 0);
        CHECK(!str_equal(segment, STR(".")) && !str_equal(segment, STR("..")));
        size_t used = slash ? segment.len + 1 : segment.len;
        rest = str_of(rest.at + used, rest.len - used);
    }
}

/* Encoded, it is the path of a target on this site, and means the same. */
static void check_encoded(struct str path)
{
    char memory[3 * HTTP_PATH_MAX];
    char again[HTTP_PATH_MAX];
    struct text t = text_in(memory, sizeof memory);

    http_path_encode(&t, path);
    struct str encoded = text_str(&t);
    CHECK(!t.cut && encoded.at[0] == '/');
    CHECK(encoded.len == 1 || (encoded.at[1] != '/' && encoded.at[1] != '\\'));
    for (size_t i = 0; i < encoded.len; i++)
        CHECK(encoded.at[i] > ' ' && encoded.at[i] < 0x7f && encoded.at[i] != '"');
    ssize_t len = http_path_normalise(encoded, again);
    CHECK(len == (ssize_t)path.len && memcmp(again, path.at, path.len) == 0);
}

/* By the words of its contract. */
static bool is_hidden(struct str path)
{
    bool first = true;

    for (size_t i = 0; i + 1 < path.len; i++) {
        if (path.at[i] != '/')
            continue;
        struct str rest = str_of(path.at + i + 1, path.len - i - 1);
        const char *slash = memchr(rest.at, '/', rest.len);
        struct str segment = str_of(rest.at, slash ? (size_t)(slash - rest.at) : rest.len);
        if (str_starts(segment, STR(".")) && !(first && str_equal(segment, STR(".well-known"))))
            return true;
        first = false;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[HTTP_PATH_MAX];
    char *copy = malloc(size > 0 ? size : 1);

    CHECK(copy);
    memcpy(copy, data, size);
    ssize_t len = http_path_normalise(str_of(copy, size), out);
    free(copy);
    CHECK(len > 0 || len == -400 || len == -404 || len == -414);
    if (len > 0) {
        struct str path = str_of(out, (size_t)len);
        check_normalised(path);
        check_encoded(path);
        CHECK(http_path_is_hidden(path) == is_hidden(path));
    }
    return 0;
}

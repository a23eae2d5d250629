#include "http/path.h"

#include "base/check.h"
#include "http/chars.h"
#include "scan.h"

/* Decode the byte at *at, which is before `end`, and step over it. Returns it, or a negated
 * status. */
static int decode(const char **at, const char *end)
{
    const char *p = *at;

    if (*p != '%') {
        *at = p + 1;
        return *p != '\0' ? (unsigned char)*p : -400;
    }
    if (end - p < 3)
        return -400;

    int high = http_hex_digit(p[1]);
    int low = http_hex_digit(p[2]);
    if (high < 0 || low < 0 || high + low == 0)
        return -400;
    *at = p + 3;
    int byte = high * 16 + low;
    return byte != '/' ? byte : -404;
}

/* Decode one segment, from *at up to the next '/' or `end`, to out[len...]. Returns the new
 * length of `out`, which leaves room for a NUL, or a negated status. */
static ssize_t decode_segment(const char **at, const char *end, char *out, size_t len)
{
    while (*at < end && **at != '/') {
        int byte = decode(at, end);
        if (byte < 0)
            return byte;
        if (len + 1 >= HTTP_PATH_MAX)
            return -414;
        out[len++] = (char)byte;
    }
    return (ssize_t)len;
}

/* The length of out[0..len), "/a/b", without its last segment and the slash before that. */
static size_t parent(const char *out, size_t len)
{
    while (out[len - 1] != '/')
        len--;
    return len - 1;
}

/* `out` grows by a slash and a segment at a time, and what turns out to be no segment is taken
 * off again. Between segments it ends without a slash; `open` remembers whether one is due at the
 * end. */
static ssize_t normalise_slowly(struct str path, char out[HTTP_PATH_MAX])
{
    const char *at = path.at;
    const char *end = path.at + path.len;
    size_t len = 0;
    bool open = true;

    while (at < end) {
        at++;
        if (len + 1 >= HTTP_PATH_MAX)
            return -414;
        out[len] = '/';
        ssize_t grown = decode_segment(&at, end, out, len + 1);
        if (grown < 0)
            return grown;

        struct str segment = str_of(out + len + 1, (size_t)grown - len - 1);
        bool up = str_equal(segment, STR(".."));
        open = up || segment.len == 0 || str_equal(segment, STR("."));
        if (up && len == 0)
            return -400;
        if (up)
            len = parent(out, len);
        else if (!open)
            len = (size_t)grown;
    }
    if (open)
        out[len++] = '/';
    out[len] = '\0';
    return (ssize_t)len;
}

ssize_t http_path_normalise(struct str path, char out[HTTP_PATH_MAX])
{
    if (path.len == 0 || path.at[0] != '/')
        return -400;
    if (path.len <= HTTP_PATH_MAX - SCAN_SLACK) {
        memcpy(out, path.at, path.len);
        memset(out + path.len, 0, SCAN_SLACK);
        if (scan_path_is_plain(out, path.len))
            return (ssize_t)path.len;
    }
    return normalise_slowly(path, out);
}

bool http_path_is_hidden(struct str normalised)
{
    const struct str known = STR("/.well-known");
    const char *at = normalised.at;
    const char *end = normalised.at + normalised.len;

    if (str_starts(normalised, known) &&
        (normalised.len == known.len || normalised.at[known.len] == '/'))
        at += known.len;
    while (at < end && (at = memchr(at, '.', (size_t)(end - at))) != NULL) {
        if (at > normalised.at && at[-1] == '/')
            return true;
        at++;
    }
    return false;
}

static const char hex_digits[] = "0123456789ABCDEF";

void http_path_encode_part(struct text *out, struct str part)
{
    const char *at = part.at;
    const char *end = part.at + part.len;

    while (at < end) {
        const char *run = at;
        while (at < end && http_char_is(*at, HTTP_CHAR_PATH))
            at++;
        text_add(out, str_of(run, (size_t)(at - run)));
        for (; at < end && !http_char_is(*at, HTTP_CHAR_PATH); at++) {
            unsigned char byte = (unsigned char)*at;
            char escape[3] = { '%', hex_digits[byte >> 4], hex_digits[byte & 15] };
            text_add(out, str_of(escape, sizeof escape));
        }
    }
}

void http_path_encode(struct text *out, struct str normalised)
{
    CHECK(normalised.len > 0 && normalised.at[0] == '/' &&
          (normalised.len == 1 || normalised.at[1] != '/'));
    http_path_encode_part(out, normalised);
}

/* scan.h - how far do bytes of one kind go? Plain C, a table look-up a byte; for any machine.
 *
 * scan_x86_64/scan.h has the same functions with the same outcomes. None reads at or beyond
 * `end`. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"

#include <stddef.h>
#include <string.h>

enum {
    SCAN_FIELD_MIN = 20, /* 16 bytes of name, colon, space, and CR LF after a value that is cut */
    SCAN_SLACK = 17,     /* readable bytes that scan_path_is_plain needs after the path */
};

static inline const char *scan_while(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* Take apart a field line as nearly all of them are: a name of at most 32 letters and '-', maybe
 * empty; a colon and a space; printable ASCII, at least one byte, that neither begins nor ends with
 * a space; CR LF. Returns the place behind it, with *colon and *value_end set. NULL for any other
 * line, and when fewer than SCAN_FIELD_MIN bytes are left, or 16 more for a name longer than 16. */
static inline const char *scan_field(const char *at, const char *end, const char **colon,
                                     const char **value_end)
{
    if (end - at < SCAN_FIELD_MIN)
        return NULL;

    const char *name_end = scan_while(at, at + 16, HTTP_CHAR_WORD);
    if (name_end == at + 16 && end - at >= SCAN_FIELD_MIN + 16)
        name_end = scan_while(at + 16, at + 32, HTTP_CHAR_WORD);
    if (memcmp(name_end, ": ", 2) != 0 || name_end[2] <= ' ')
        return NULL;
    const char *line_end = scan_while(name_end + 2, end - 2, HTTP_CHAR_TEXT);
    if (memcmp(line_end, "\r\n", 2) != 0 || line_end[-1] == ' ')
        return NULL;
    *colon = name_end;
    *value_end = line_end;
    return line_end + 2;
}

/* The first byte that is not visible ASCII, or '#' or '?', or end. */
static inline const char *scan_target(const char *at, const char *end)
{
    while (at < end && http_char_is(*at, HTTP_CHAR_TEXT) && *at != ' ' && *at != '#' && *at != '?')
        at++;
    return at;
}

/* The first byte that is no letter, digit, '-' or '.', or end. */
static inline const char *scan_host(const char *at, const char *end)
{
    return scan_while(at, end, HTTP_CHAR_HOST);
}

/* Is the path free of '%', NUL, "//" and "/."? SCAN_SLACK zero bytes follow it. */
static inline bool scan_path_is_plain(const char *path, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (path[i] == '%' || path[i] == '\0')
            return false;
        if (path[i] == '/' && (path[i + 1] == '/' || path[i + 1] == '.'))
            return false;
    }
    return true;
}

#endif

/* scan.h - how far do bytes of one kind go? Plain C, a table look-up a byte; for any machine.
 *
 * scan_x86_64/scan.h has the same functions with the same outcomes. None reads at or beyond
 * `end`. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"

#include <stddef.h>

enum { SCAN_SLACK = 17 }; /* readable bytes that scan_path_is_plain needs after the path */

static inline const char *scan_while(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* The first byte that is no tchar, or end. */
static inline const char *scan_name(const char *at, const char *end)
{
    return scan_while(at, end, HTTP_CHAR_TOKEN);
}

/* The first byte that may not stand in a request target, or the first '?', or end. */
static inline const char *scan_target(const char *at, const char *end)
{
    while (at < end && *at != '?' && http_char_is(*at, HTTP_CHAR_TARGET))
        at++;
    return at;
}

/* The first byte that may not stand in a field value, or end. */
static inline const char *scan_value(const char *at, const char *end)
{
    return scan_while(at, end, HTTP_CHAR_VALUE);
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

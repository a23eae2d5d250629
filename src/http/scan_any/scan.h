/* scan.h - how far do bytes of one kind go? Plain C, a table look-up a byte; for any machine.
 *
 * scan_x86_64/scan.h has the same functions with the same outcomes. None reads at or beyond
 * `end`. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"
#include "http/scan_lines.h"

#include <stddef.h>
#include <string.h>

enum {
    SCAN_SHORT = 16,   /* bytes that the scan_short_ functions look at, without an `end` */
    SCAN_LENGTHS = 16, /* lengths that scan_lengths looks at */
    SCAN_SLACK = 17,   /* readable bytes that scan_path_is_plain needs after the path */
};

static inline const char *scan_while(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* The CR of the line at `at`, if it is one for scan_lines, and the length of its name. */
static inline const char *scan_line(const char *at, const char *end, size_t *name_len)
{
    const char *last = end - 2;

    if (at >= last)
        return NULL;
    const char *colon =
        scan_while(at, last - at < SCAN_NAME_MAX ? last : at + SCAN_NAME_MAX, HTTP_CHAR_WORD);
    const char *line_end = scan_while(at, last, HTTP_CHAR_TEXT);
    if (*colon != ':' || line_end == last || memcmp(line_end, "\r\n", 2) != 0)
        return NULL;
    *name_len = (size_t)(colon - at);
    return line_end;
}

static inline struct scan_lines scan_lines(const char **lines, uint16_t *name_lens, size_t max,
                                           const char *first, const char *end,
                                           const uint32_t *lengths)
{
    struct scan_lines taken = { 0, 0 };
    size_t name_len;
    const char *line_end;

    if (end - first < SCAN_LINE_MIN)
        return taken;
    while (taken.count < max && (line_end = scan_line(lines[taken.count], end, &name_len))) {
        uint64_t is_listed = lengths[lines[taken.count][0] & 31] >> (name_len & 31) & 1;
        taken.listed |= is_listed << taken.count;
        name_lens[taken.count++] = (uint16_t)name_len;
        lines[taken.count] = line_end + 2;
    }
    return taken;
}

/* A bit for each of the SCAN_LENGTHS lengths at `lens` that is `len`. */
static inline unsigned scan_lengths(const uint16_t *lens, uint16_t len)
{
    unsigned found = 0;

    for (unsigned i = 0; i < SCAN_LENGTHS; i++)
        found |= (unsigned)(lens[i] == len) << i;
    return found;
}

/* The same, as where the machine has nothing better. */
static inline struct scan_lines scan_lines_narrow(const char **lines, uint16_t *name_lens,
                                                  size_t max, const char *first, const char *end,
                                                  const uint32_t *lengths)
{
    return scan_lines(lines, name_lens, max, first, end, lengths);
}

/* The first byte that is not visible ASCII, or '#' or '?', or end. */
static inline const char *scan_target(const char *at, const char *end)
{
    while (at < end && http_char_is(*at, HTTP_CHAR_TEXT) && *at != ' ' && *at != '#' && *at != '?')
        at++;
    return at;
}

/* The same, if it is among the first SCAN_SHORT; `at` if not. */
static inline const char *scan_short_target(const char *at)
{
    const char *found = scan_target(at, at + SCAN_SHORT);

    return found < at + SCAN_SHORT ? found : at;
}

/* The end of the letters, digits, '-' and '.' at `at`, and of a colon and digits behind them. */
static inline const char *scan_host(const char *at, const char *end)
{
    at = scan_while(at, end, HTTP_CHAR_HOST);
    if (at < end && *at == ':')
        for (at++; at < end && *at >= '0' && *at <= '9';)
            at++;
    return at;
}

/* The same, if it is among the first SCAN_SHORT; `at` if not. */
static inline const char *scan_short_host(const char *at)
{
    const char *found = scan_host(at, at + SCAN_SHORT);

    return found < at + SCAN_SHORT ? found : at;
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

/* access_line.h - one answered request as a line of the combined log format. Pure.
 *
 * What comes from the peer is bounded, and escaped as \xHH where it would end a quoted field or do
 * something to the terminal it is read on. */
#ifndef SERVER_ACCESS_LINE_H
#define SERVER_ACCESS_LINE_H

#include "base/str.h"
#include "http/date.h"

#include <stdint.h>

enum {
    /* Bytes of each field, before escaping makes four of one; a longer one is cut, "..." tells. */
    ACCESS_PEER_MAX = 64,
    ACCESS_METHOD_MAX = 32,
    ACCESS_TARGET_MAX = 2048,
    ACCESS_FIELD_MAX = 512, /* Referer, User-Agent */

    /* Bytes of the longest line: what is neither field nor date, the three numbers among it, takes
     * less than 256. Includes what the writer may touch behind the line's end. */
    ACCESS_LINE_MAX =
        4 * (ACCESS_PEER_MAX + ACCESS_METHOD_MAX + ACCESS_TARGET_MAX + 2 * ACCESS_FIELD_MAX) +
        HTTP_LOG_DATE_LEN + 256,
};

/* Slices are borrowed for the call. */
struct access_line {
    struct str peer;   /* address as text, without port */
    struct str method; /* empty when no request line could be read: logged as "-" */
    struct str target;
    struct str referer;    /* empty: "-" */
    struct str user_agent; /* empty: "-" */
    int minor;             /* of HTTP/1.x */
    int status;
    uint64_t bytes;    /* of content sent */
    int64_t unix_time; /* seconds since 1970 */
};

/* Write the line, with its line end and without a NUL, into `out`, where ACCESS_LINE_MAX bytes may
 * be written; returns its length. `date` is that of line->unix_time. */
size_t access_line_write(char *out, const struct access_line *line,
                         const char date[HTTP_LOG_DATE_LEN]);

#endif

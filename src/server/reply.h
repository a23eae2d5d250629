/* reply.h - the heads of replies, and the replies that are not files. */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include "base/text.h"
#include "http/date.h"

#include <stdint.h>

/* What the reply says of the connection (RFC 9112 9.3 and 9.6). */
enum reply_connection {
    REPLY_PERSISTS, /* HTTP/1.1: nothing need be said */
    REPLY_CLOSES,
    REPLY_PERSISTS_1_0, /* a client of HTTP/1.0 asked for it and must be told */
    REPLY_CONNECTIONS,  /* how many there are */
};

enum {
    REPLY_MORE_MAX = 96, /* bytes of what follows Date; the rest is left out */
    REPLY_OK_MAX = 112 + REPLY_MORE_MAX,
};

/* How every reply begins, made anew once a second. A core has one for its plain connections and one
 * for those that speak TLS. */
struct reply_clock {
    int64_t unix_time;
    char date[HTTP_DATE_LEN];
    char more[REPLY_MORE_MAX]; /* field lines that all replies have, each with its CRLF */
    size_t more_len;
    struct {
        char text[REPLY_OK_MAX];
        size_t len;
    } ok[REPLY_CONNECTIONS]; /* status line, Date and Connection of a 200 */
};

/* All replies shall have this field, too, unless its value is empty. Before reply_clock_set. */
void reply_clock_init(struct reply_clock *clock, const char *name, const char *value);

/* From now on it is this time. */
void reply_clock_set(struct reply_clock *clock, int64_t unix_time);

/* Status line, Date and Connection. */
void reply_begin(struct text *out, const struct reply_clock *clock, int status,
                 enum reply_connection connection);

/* A whole reply whose content is its status in words (left out for HEAD), with more field lines,
 * each with its CRLF, in `fields`. Returns how many bytes of content it has. */
size_t reply_plain(struct text *out, const struct reply_clock *clock, int status,
                   enum reply_connection connection, struct str fields, bool head_only);

/* A whole reply without content (for OPTIONS). */
void reply_empty(struct text *out, const struct reply_clock *clock, int status,
                 enum reply_connection connection, struct str fields);

#endif

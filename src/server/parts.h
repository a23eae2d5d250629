/* parts.h - what is still to be said of an answer in several parts.
 *
 * Such an answer may need more than one send: a vector has few entries, and a file that is not held
 * in memory takes a send of its own for each part. Belongs to the connection's http1. */
#ifndef SERVER_PARTS_H
#define SERVER_PARTS_H

#include "http/byteranges.h"
#include "server/output.h"

struct parts {
    struct site_entry *entry; /* pinned */
    struct http_byteranges form;
    struct http_ranges ranges;
    unsigned next; /* to be put out */
};

/* Begin with the first of them. `boundary` is borrowed. NULL when memory is short. */
struct parts *parts_make(struct site_entry *entry, struct str boundary,
                         const struct http_ranges *ranges);

/* Put as much as there is room for into the output. True when that was all; otherwise the output
 * must be sent first. */
bool parts_put(struct parts *parts, struct output *out);

/* Unpins the entry. NULL is nothing to free. */
void parts_free(struct parts *parts, struct site *site);

#endif

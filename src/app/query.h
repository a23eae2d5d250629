/* query.h - the parameters of a query, as forms write them (application/x-www-form-urlencoded,
 * WHATWG URL 5.1). Pure. */
#ifndef APP_QUERY_H
#define APP_QUERY_H

#include "base/str.h"

/* The next parameter of `query` from *at on, still encoded; empty ones ("a&&b") are stepped over.
 * Moves *at on. False when there are no more. */
bool query_next(struct str query, size_t *at, struct str *name, struct str *value);

/* Does it hold anything that query_decode would change? */
bool query_is_encoded(struct str text);

/* Decode into `out`, which has room for text.len bytes and may be text.at. Returns how many there
 * are. A '%' without two hexadecimal digits behind it stays. */
size_t query_decode(struct str text, char *out);

#endif

/* listing_json.h - a listing for programs.
 *
 * {"path":"/dir/","entries":[{"name":"a","href":"./a","type":"file","size":1,
 * "modified":"1994-11-06T08:49:37Z"}],"truncated":false}. A directory has no size, and its href
 * ends with a slash. What is not UTF-8 in a name is shown as U+FFFD; the href leads there. Pure. */
#ifndef SITE_LISTING_JSON_H
#define SITE_LISTING_JSON_H

#include "site/listing.h"

/* Bytes that it takes, at most. */
size_t listing_json_max(const struct listing *listing, struct str path);

/* Write it, of the directory with this normalised path. */
void listing_json_write(struct text *out, const struct listing *listing, struct str path);

#endif

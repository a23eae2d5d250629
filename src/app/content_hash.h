/* content_hash.h - does a file's name tell its content? Pure.
 *
 * Bundlers put a hash of the bytes into a name: app.3f2a9c1b.js, index-BkX3a9Qz.js. What such a
 * name stands for never changes, so it may be kept for as long as anybody likes. A name that is
 * taken for one by mistake would be kept too long, one that is missed is only asked for again: so
 * in doubt it is none. */
#ifndef APP_CONTENT_HASH_H
#define APP_CONTENT_HASH_H

#include "base/str.h"

/* Does the last segment of `path` hold, between a '-' or '.' and the next '.', a hash: 8 to 64 hex
 * digits, letters and figures among them, or 8 characters of base64url or base32 that change their
 * kind as often as no word does? */
bool content_hash_in(struct str path);

#endif

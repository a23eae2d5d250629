/* path.h - from the path of a request target to a name below a root, and back. Pure. */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "base/text.h"

#include <sys/types.h>

enum { HTTP_PATH_MAX = 4096 }; /* of a normalised path with its NUL; longer is -414 */

/* Decode percent-encoding once, drop empty and "." segments, resolve "..", and write the outcome
 * to `out` (HTTP_PATH_MAX bytes), ended by a NUL that is not counted. It begins with one '/'; it
 * ends with one when the target's did, or when its last segment was "." or "..". Returns its
 * length, or a negated status: -400 for a broken escape, an encoded NUL or a ".." that climbs
 * above the root; -404 for an encoded slash, which no file name can hold; -414 when it is too
 * long. A path without '%', '//' or a segment that starts with '.' costs little more than a copy.
 * */
ssize_t http_path_normalise(struct str path, char out[HTTP_PATH_MAX]);

/* Does any segment start with '.', but for ".well-known" as the first one? */
bool http_path_is_hidden(struct str normalised);

/* Append a normalised path to `out`, with everything but RFC 3986's unreserved characters,
 * sub-delims, ':', '@' and '/' percent-encoded. What comes out always starts with one '/' that
 * neither '/' nor '\' follows, so as a Location it never names another site. */
void http_path_encode(struct text *out, struct str normalised);

/* The same for a part of one, which may begin with anything: the caller sees to what comes before
 * it. */
void http_path_encode_part(struct text *out, struct str part);

#endif

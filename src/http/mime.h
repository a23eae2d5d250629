/* mime.h - the media type of a file, by the extension of its name. */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

#include "base/str.h"

/* A table read from a file in the format of /etc/mime.types, laid over the built-in one.
 * Read-only once made, so every core may use it. */
struct http_mime;

/* Make a table from the text of such a file: lines of "type/subtype ext ext ...", '#' starts a
 * comment; lines that are no such thing are passed over. NULL only when memory is short. Free
 * with http_mime_free. */
struct http_mime *http_mime_parse(struct str text);
void http_mime_free(struct http_mime *mime);

/* The Content-Type for a path: what follows the last '.' of its last segment, without case. Text
 * types carry "; charset=utf-8". "application/octet-stream" where nothing is known. `mime` may be
 * NULL: the built-in table alone. Static, or owned by `mime`. */
struct str http_mime_of(const struct http_mime *mime, struct str path);

/* Is a file of this type text, or something else that becomes much smaller when compressed? */
bool http_mime_is_text(struct str type);

#endif

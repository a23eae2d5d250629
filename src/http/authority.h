/* authority.h - the host and port of a Host field or a target (RFC 3986 3.2.2, RFC 9110 7.2). Pure.
 */
#ifndef HTTP_AUTHORITY_H
#define HTTP_AUTHORITY_H

#include "base/cold.h"
#include "base/str.h"

/* Cut `s` into host and port, "" when there is none. False when it is not uri-host [":" port]. */
COLD bool http_authority_split(struct str s, struct str *host, struct str *port);

#endif

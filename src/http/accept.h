/* accept.h - which of several media types a client wants (RFC 9110 12.5.1). Pure. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "http/request.h"

/* The one of `count` types ("text/html", without parameters) that the Accept fields of the request
 * want most. Of those that are wanted alike it is the one that is named the most exactly, and of
 * those the first; without a field, or when none of them is acceptable, it is the first. Parameters
 * of a range, but for its weight, are passed over, and so is a member that breaks the grammar. */
unsigned http_accept_choose(const struct http_request *request, const struct str *types,
                            unsigned count);

/* Do the Accept fields name this very type, and not as one that is not acceptable ("q=0")? */
bool http_accept_names(const struct http_request *request, struct str type);

#endif

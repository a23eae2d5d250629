/* status.h - the status codes of RFC 9110 15 and of the registry it names. Pure. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "base/str.h"

/* The reason phrase; "Unknown" for a code that is not in the table. Static. */
struct str http_reason(int status);

/* May the connection go on after an error of this status, once the request's body is consumed? No
 * for those after which nobody knows where the next request begins, or should not. True for any
 * status below 400. */
bool http_status_keeps(int status);

#endif

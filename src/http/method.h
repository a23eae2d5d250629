/* method.h - request methods (RFC 9110 9, RFC 5789). Pure. */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include "base/str.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_OPTIONS,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_TRACE,
    HTTP_CONNECT,
    HTTP_METHOD_UNKNOWN, /* a token, but none of these: 501 */
};

/* Methods are case-sensitive. */
enum http_method http_method_of(struct str name);

/* "GET" and so on; "" for HTTP_METHOD_UNKNOWN. Static. */
struct str http_method_name(enum http_method method);

#endif

/* field.h - the fields of a request that was parsed, taken out of their lines when they are asked
 * for: most of them nobody ever looks at. Pure. */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "http/request.h"

struct http_field {
    struct str name;  /* as sent; compare without case */
    struct str value; /* without the white space around it; may be empty */
};

/* Field number `i`, below field_count, in the order sent. */
struct http_field http_field_at(const struct http_request *request, unsigned i);

/* The value of the next field of that name, whatever its case, from number *i on; *i is moved
 * behind it. False, and *value untouched, when there is none. */
bool http_field_next(const struct http_request *request, struct str name, unsigned *i,
                     struct str *value);

/* The value of the first field of that name, whatever its case; its `at` is NULL when there is
 * none.
 */
struct str http_field_first(const struct http_request *request, struct str name);

#endif

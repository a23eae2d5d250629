/* precondition.h - what a request makes its answer depend on (RFC 9110 13), and whether it asks for
 * a part of it.
 *
 * Pure. To be asked once the answer to a GET or HEAD would be 200, and only if the request is
 * `conditional`. A field that is a list counts with all its lines. One that is not (a date,
 * If-Range, Range) is invalid when it comes more than once, and then treated as if its value were.
 */
#ifndef HTTP_PRECONDITION_H
#define HTTP_PRECONDITION_H

#include "http/request.h"

/* What the selected representation is told by. */
struct http_validators {
    struct str etag;      /* a strong one, with its quotes; at is NULL when there is none */
    int64_t modified;     /* Last-Modified, in Unix seconds */
    bool modified_strong; /* it is the true time, not one that had to be brought forward */
    bool undated;         /* there is no time: conditions that name one are passed over */
};

/* The status by RFC 9110 13.2.2, steps 1 to 4: 200 to go on, 304 or 412. `now` is the time that the
 * answer's Date will have. */
int http_precondition(const struct http_request *request, const struct http_validators *has,
                      int64_t now);

/* Step 5: is a part asked for that may be given? Then *value is the one Range field's. */
bool http_precondition_range(const struct http_request *request, const struct http_validators *has,
                             int64_t now, struct str *value);

#endif

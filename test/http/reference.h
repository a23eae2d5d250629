/* reference.h - what http_request_parse must make of a head, written for plainness alone: a byte
 * at a time, each rule where RFC 9112 has it. */
#ifndef TEST_REFERENCE_H
#define TEST_REFERENCE_H

#include "http/field.h"

struct reference {
    struct http_request request; /* but for its lines and unknown_method */
    struct str method_name;
    struct str accept_encoding, referer, user_agent;
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* As http_request_parse. */
ssize_t reference_parse(struct reference *reference, const char *bytes, size_t len,
                        size_t max_head);

/* Do both say the same? `used` is what both parsers returned, which decides what has been set.
 * NULL, or the name of what differs. */
const char *reference_differs(const struct reference *reference, const struct http_request *request,
                              ssize_t used);

#endif

/* request.h - a request's head: bytes in, slices out.
 *
 * Pure: no heap, no clock, no globals; every slice borrows from the bytes that were parsed (or is
 * a literal). The parser refuses whatever two servers could read differently (RFC 9112 2.2, 3.2,
 * 5, 6.3 and 11.2): a bare CR or LF, NUL and other controls, obs-fold, white space before a
 * colon, a missing, malformed or repeated Host (an empty one is allowed), a length that is
 * repeated or malformed, a length together with a transfer coding, a coding that does not end in
 * chunked, anything but single spaces in the request line.
 *
 * Bytes from 0x80 up are let through in targets and field values, and the printable ASCII that
 * RFC 3986 leaves out of a URI ('"', '<', '>', '\', '^', '`', '{', '|', '}') in targets, because
 * clients in daily use send them and nobody reads them two ways. A '#' is refused. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/method.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    HTTP_FIELDS_MAX = 100, /* more are answered 431 */
    HTTP_FIELDS_SLACK = 15, /* lengths that may be read behind the last */
    HTTP_HEAD_MAX = 65536, /* the most that http_request_parse accepts as max_head */
};

enum http_target_form {
    HTTP_ORIGIN_FORM,
    HTTP_ABSOLUTE_FORM,
    HTTP_AUTHORITY_FORM,
    HTTP_ASTERISK_FORM,
};

struct http_request {
    /* Which way a request goes, side by side so that http_request_is_everyday sees all of it at
     * once. */
    union {
        struct {
            uint8_t method;   /* enum http_method */
            uint8_t form;     /* enum http_target_form */
            uint8_t minor;    /* of HTTP/1.x: 0 or 1; a higher one is taken as 1 */
            bool keep_alive;  /* by version and Connection (RFC 9112 9.3) */
            bool conditional; /* among the fields are some that precondition.h is for */
            bool has_length;  /* Content-Length was there */
            bool chunked;
            bool expects_other; /* some other expectation, in HTTP/1.1: 417 */
        };
        uint64_t traits;
    };

    struct str target; /* as sent */
    struct str path;   /* as sent, still encoded; "*" in asterisk-form, "" in authority-form */
    struct str query;  /* without the '?'; at is NULL when there is no '?' */
    struct str host;   /* the target's in absolute-form, otherwise Host's, with port; may be "" */

    struct str unknown_method; /* as sent, where method is HTTP_METHOD_UNKNOWN; else not set */
    uint64_t length;           /* Content-Length, or 0 */
    bool expects_continue;     /* Expect: 100-continue, in HTTP/1.1 and with a body to come */

    /* The fields in the order sent, for field.h: where the line of each begins, and behind the last
     * the empty line. Only what field_count says is written. */
    unsigned field_count;
    const char *lines[HTTP_FIELDS_MAX + 1];
    uint16_t name_lens[HTTP_FIELDS_MAX + HTTP_FIELDS_SLACK];
};

/* Parse the head at the start of `bytes` (empty lines before it are skipped and counted, RFC 9112
 * 2.2). Returns how many bytes the head takes, up to and with its empty line; 0 when more are
 * needed; or the negated status of the refusal: -400 malformed, -414 request line longer than
 * max_head, -431 head longer than max_head or too many fields, -501 method or transfer coding
 * unknown, -505 version. What can be refused before the head is complete is refused then. On a
 * refusal the method, the target and the fields are there that had been read (for the access log):
 * without a method it is HTTP_METHOD_UNKNOWN and unknown_method empty, without a target that is
 * empty, without a version that is 1.1; nothing else is set. */
ssize_t http_request_parse(struct http_request *request, const char *bytes, size_t len,
                           size_t max_head);

/* The traits of a GET in origin-form, of HTTP/1.1, without a condition, length, coding or unknown
 * expectation, after which the connection goes on. */
static inline uint64_t http_request_everyday(void)
{
    const uint8_t bytes[sizeof(uint64_t)] = {
        [offsetof(struct http_request, method)] = HTTP_GET,
        [offsetof(struct http_request, form)] = HTTP_ORIGIN_FORM,
        [offsetof(struct http_request, minor)] = 1,
        [offsetof(struct http_request, keep_alive)] = true,
    };
    uint64_t traits;

    memcpy(&traits, bytes, sizeof traits);
    return traits;
}

static inline bool http_request_is_everyday(const struct http_request *request)
{
    return request->traits == http_request_everyday();
}

/* "" where none was read. */
static inline struct str http_request_method_name(const struct http_request *request)
{
    if (request->method == HTTP_METHOD_UNKNOWN)
        return request->unknown_method;
    return http_method_name((enum http_method)request->method);
}

/* Is a body to be read after the head? */
static inline bool http_request_has_body(const struct http_request *request)
{
    return request->chunked || request->length > 0;
}

#endif

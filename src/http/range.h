/* range.h - which bytes a Range field asks for (RFC 9110 14). Pure.
 *
 * The rule by which a list is kept from costing more than the file itself (RFC 9110 14.2 and 17.15
 * leave it to the server). Ranges that can't be satisfied are dropped first. Then the whole file is
 * the answer when
 *  - more than HTTP_RANGES_MAX are left,
 *  - more than two of them overlap another, or
 *  - the parts together, each with the cost of its head, would take as many bytes as the file.
 * Two that overlap or adjoin, with no others beside them, are answered as the one range they make
 * up. Otherwise all are given as asked for, in that order. */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include "base/text.h"

#include <stdint.h>

enum {
    HTTP_RANGES_MAX = 16,
    HTTP_CONTENT_RANGE_MAX = 96, /* of the field line: three numbers of 20 digits */
};

/* Never empty. */
struct http_range {
    uint64_t at, len;
};

struct http_ranges {
    unsigned count;
    struct http_range list[HTTP_RANGES_MAX];
};

/* Read the value of a Range field for a file of `size` bytes, of which each part of several costs
 * `part_cost` more. Returns the status: 206, with at least one range in *ranges; 416 when none can
 * be satisfied; or 200 when the field is to be ignored: its unit is not bytes, it is malformed, or
 * the rule above says so, or the last bytes of an empty file are asked for, which are all it has
 * and which Content-Range has no words for. A number too great to be held is as good as the
 * greatest. `size` is below 2^63. */
int http_ranges_read(struct http_ranges *ranges, struct str value, uint64_t size,
                     uint64_t part_cost);

/* The Content-Range line (RFC 9110 14.4), of a part and of a 416. */
void http_content_range(struct text *out, struct http_range range, uint64_t size);
void http_content_range_none(struct text *out, uint64_t size);

#endif

/* byteranges.h - how several parts of a file are put into one answer: multipart/byteranges (RFC
 * 9110 14.6). Pure. */
#ifndef HTTP_BYTERANGES_H
#define HTTP_BYTERANGES_H

#include "http/range.h"

enum {
    HTTP_BOUNDARY_LEN = 32,
    HTTP_PART_HEAD_MAX = 192, /* of a part's head, but for the media type */
};

/* What the parts of one answer have in common. Everything is borrowed. */
struct http_byteranges {
    struct str boundary; /* of letters and digits, too random to be met in a file */
    struct str type;     /* the file's media type */
    uint64_t size;       /* of the file */
};

/* The Content-Type line of the answer. */
void http_byteranges_type(struct text *out, const struct http_byteranges *form);

/* What comes before the bytes of a part; `first` is the first of all. */
void http_byteranges_part(struct text *out, const struct http_byteranges *form, bool first,
                          struct http_range range);

/* What comes behind the last part. */
void http_byteranges_end(struct text *out, const struct http_byteranges *form);

/* The Content-Length of the answer. */
uint64_t http_byteranges_length(const struct http_byteranges *form,
                                const struct http_ranges *ranges);

/* What a part costs at most beside its bytes, for http_ranges_read. */
uint64_t http_byteranges_cost(const struct http_byteranges *form);

#endif

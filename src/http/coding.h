/* coding.h - content codings, and which of them a client wants (RFC 9110 8.4.1 and 12.5.3). Pure.
 */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

#include "base/str.h"

/* Where a client likes several alike, it gets the last of them that there is. */
enum http_coding {
    HTTP_IDENTITY,
    HTTP_GZIP, /* RFC 1952 */
    HTTP_ZSTD, /* RFC 8878; its name is "zstd", its file suffix ".zst" */
    HTTP_BR,   /* RFC 7932 */
    HTTP_CODINGS,
};

/* How much each coding is wanted: twice the weight in thousandths, so that what is acceptable
 * without being named (1) ranks below all that is. 0: not acceptable. */
struct http_accept_coding {
    unsigned short wish[HTTP_CODINGS];
};

/* Read an Accept-Encoding field, all its lines joined by commas. Without one (`value.at` is NULL)
 * only identity is wanted: the client has not said that it could undo anything else. A member that
 * breaks the grammar, or names a coding we do not know, is passed over; of several that name the
 * same coding the last one counts. */
struct http_accept_coding http_accept_coding(struct str value);

/* The coding that serves the client best, of those in the set `available` (bit 1 << coding;
 * identity is always there). Where nothing there is acceptable it is identity: RFC 9110 12.5.3 lets
 * a server disregard the field, and bytes that may be understood beat a refusal. */
enum http_coding http_coding_choose(struct http_accept_coding accepts, unsigned available);

/* "gzip", "zstd", "br" for Content-Encoding; "identity". Static. */
struct str http_coding_name(enum http_coding coding);

#endif

/* chunked.h - take a chunked body apart (RFC 9112 7.1), wherever its bytes are split. Pure. */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

enum {
    HTTP_CHUNK_LINE_MAX = 1024,        /* a size line with its CRLF; longer is -400 */
    HTTP_CHUNK_EXTENSIONS_MAX = 16384, /* the extensions of all chunks together; longer is -400 */
    HTTP_TRAILERS_MAX = 8192,          /* all trailer fields and the final CRLF; longer is -431 */
};

struct http_chunked {
    int state;           /* the decoder's own */
    bool done;           /* the final CRLF has been read */
    uint64_t left;       /* of the chunk being read */
    uint32_t line_len;   /* of the size line, or of the trailers, so far */
    uint32_t extensions; /* bytes of extensions so far */
};

/* Before the first byte of a body. */
void http_chunked_start(struct http_chunked *body);

/* Read on. Returns how many bytes were used, at least 1 when len is; *data is the part of them
 * that is content (possibly empty), borrowed from `bytes`: at most one chunk's a call. Call again
 * with the rest while there is any and `done` is false. -400 for a size that is missing,
 * malformed or over 2^63-1, a bare CR or LF, a control character, or a trailer line that is no
 * field; -431 for too long trailers. Extensions and trailers are checked and dropped. Not to be
 * called once done, nor after a refusal. */
ssize_t http_chunked_read(struct http_chunked *body, const char *bytes, size_t len,
                          struct str *data);

#endif

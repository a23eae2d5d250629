/* compress.h - compress bytes: bytes in, bytes out. Runs on any thread, and takes its time. */
#ifndef SITE_COMPRESS_H
#define SITE_COMPRESS_H

#include "http/coding.h"

#include <stdint.h>

enum {
    COMPRESS_MIN = 256, /* bytes of a file: what could be saved on a smaller one is no packet */
    COMPRESS_PART = 16, /* a result is kept if it saves one such part of the file at least */

    /* Levels beyond which a page of text takes several times as long to become 1 to 3 % smaller. */
    COMPRESS_GZIP_LEVEL = 8,
    COMPRESS_ZSTD_LEVEL = 12,
    COMPRESS_BR_LEVEL = 6,
    COMPRESS_BR_WINDOW = 20, /* bits: as much as the largest file (SITE_TEXT_MAX) */

    COMPRESS_CODINGS = 1 << HTTP_GZIP | 1 << HTTP_ZSTD | 1 << HTTP_BR,
};

struct compress {
    struct str from; /* borrowed */
    enum http_coding coding;
    char *to; /* out: for free(3); NULL when nothing is saved, or memory is short */
    size_t to_len;
};

/* Carry it out. */
void compress_run(struct compress *compress);

/* Is it worth trying, with a file of this media type and this size? */
bool compress_suits(struct str type, uint64_t size);

#endif

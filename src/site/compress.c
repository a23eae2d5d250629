#include "site/compress.h"

#include "base/check.h"
#include "http/mime.h"

#include <brotli/encode.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>

/* Each returns 0 when the result is larger than the room for it. */
static size_t to_gzip(struct str from, char *to, size_t room)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(COMPRESS_GZIP_LEVEL);

    if (!compressor)
        return 0;
    size_t len = libdeflate_gzip_compress(compressor, from.at, from.len, to, room);
    libdeflate_free_compressor(compressor);
    return len;
}

static size_t to_zstd(struct str from, char *to, size_t room)
{
    size_t len = ZSTD_compress(to, room, from.at, from.len, COMPRESS_ZSTD_LEVEL);

    return ZSTD_isError(len) ? 0 : len;
}

static size_t to_br(struct str from, char *to, size_t room)
{
    size_t len = room;

    if (!BrotliEncoderCompress(COMPRESS_BR_LEVEL, COMPRESS_BR_WINDOW, BROTLI_MODE_GENERIC, from.len,
                               (const uint8_t *)from.at, &len, (uint8_t *)to))
        return 0;
    return len;
}

static size_t by_coding(const struct compress *compress, char *to, size_t room)
{
    switch (compress->coding) {
    case HTTP_GZIP:
        return to_gzip(compress->from, to, room);
    case HTTP_ZSTD:
        return to_zstd(compress->from, to, room);
    case HTTP_BR:
        return to_br(compress->from, to, room);
    case HTTP_IDENTITY:
    case HTTP_CODINGS:
        break;
    }
    CHECK(false); /* nothing to be done */
    return 0;
}

void compress_run(struct compress *compress)
{
    size_t room = compress->from.len - compress->from.len / COMPRESS_PART;
    char *to = malloc(room > 0 ? room : 1);

    compress->to = NULL;
    compress->to_len = 0;
    if (!to)
        return;
    size_t len = by_coding(compress, to, room);
    if (len == 0) {
        free(to);
        return;
    }
    compress->to = to;
    compress->to_len = len;
}

bool compress_suits(struct str type, uint64_t size)
{
    return size >= COMPRESS_MIN && http_mime_is_text(type);
}

/* What is compressed is the same again when it is undone, by the libraries' own decoders. */
#include "site/compress.h"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

#include <cmocka.h>

enum { MOST = 1024 * 1024 };

static size_t undo(const struct compress *done, char *to, size_t room)
{
    size_t len = room;

    if (done->coding == HTTP_ZSTD)
        return ZSTD_decompress(to, room, done->to, done->to_len);
    if (done->coding == HTTP_BR) {
        assert_int_equal(
            BrotliDecoderDecompress(done->to_len, (const uint8_t *)done->to, &len, (uint8_t *)to),
            BROTLI_DECODER_RESULT_SUCCESS);
        return len;
    }
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    assert_int_equal(
        libdeflate_gzip_decompress(decompressor, done->to, done->to_len, to, room, &len), 0);
    libdeflate_free_decompressor(decompressor);
    return len;
}

static void check(struct str from, enum http_coding coding, bool saves)
{
    char *back = malloc(from.len + 1);
    struct compress compress = { .from = from, .coding = coding };

    assert_non_null(back);
    compress_run(&compress);
    assert_int_equal(compress.to != NULL, saves);
    assert_int_equal(compress.to_len > 0, saves);
    if (saves) {
        assert_true(compress.to_len <= from.len - from.len / COMPRESS_PART);
        assert_int_equal(undo(&compress, back, from.len + 1), from.len);
        assert_memory_equal(back, from.at, from.len);
    }
    free(compress.to);
    free(back);
}

static void texts_become_smaller(void **state)
{
    static const size_t sizes[] = { COMPRESS_MIN, 10000, MOST };
    char *text = malloc(MOST);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < MOST; i++)
        text[i] = "the quick brown fox\n"[i * 7 % 20];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int coding = HTTP_IDENTITY + 1; coding < HTTP_CODINGS; coding++)
            check(str_of(text, sizes[i]), (enum http_coding)coding, true);
    free(text);
}

static void noise_does_not(void **state)
{
    char noise[4096];
    uint64_t random = 88172645463325252u;

    (void)state;
    for (size_t i = 0; i < sizeof noise; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        noise[i] = (char)random;
    }
    for (int coding = HTTP_IDENTITY + 1; coding < HTTP_CODINGS; coding++) {
        check(str_of(noise, sizeof noise), (enum http_coding)coding, false);
        check(str_of(noise, 0), (enum http_coding)coding, false);
    }
}

static void texts_from_a_size_on_are_tried(void **state)
{
    (void)state;
    assert_true(compress_suits(STR("text/html; charset=utf-8"), COMPRESS_MIN));
    assert_false(compress_suits(STR("text/html; charset=utf-8"), COMPRESS_MIN - 1));
    assert_false(compress_suits(STR("image/png"), 100000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_smaller),
        cmocka_unit_test(noise_does_not),
        cmocka_unit_test(texts_from_a_size_on_are_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

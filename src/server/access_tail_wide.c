#include "server/access_tail.h"

#include <immintrin.h>
#include <string.h>

#define WIDE __attribute__((target("avx2")))

enum { HALF = 16, BLOCK = 32 };

#define LANES4(c)  (c), (c), (c), (c)
#define LANES16(c) LANES4(c), LANES4(c), LANES4(c), LANES4(c)

/* Of printable characters and DEL those that need escaping, each where its lowest four bits say, of
 * which no two have the same. */
#define MARKS ['"' & 15] = '"', ['\\' & 15] = '\\', [0x7f & 15] = 0x7f

/* What is the same for all bytes. */
struct judge {
    __m256i marks; /* in each half */
    __m256i space; /* the least byte that may stay */
};

static const struct {
    _Alignas(BLOCK) char marks[2][HALF];
    char space[BLOCK];
} judge_table = { { { MARKS }, { MARKS } }, { LANES16(' '), LANES16(' ') } };

/* From where the compiler cannot see what it is: it would make it anew again and again. */
WIDE static inline struct judge judge_load(void)
{
    const void *table = &judge_table;

    __asm__("" : "+r"(table));
    return *(const struct judge *)table;
}

/* The lesser of each two signed bytes, where one is of the line. If it is the mark that its lowest
 * bits stand for it is made 0xff, which is less than a space, as are control characters and bytes
 * above 0x7f. (For these the shuffle gives 0.) */
WIDE static inline __m256i less(__m256i least, __m256i bytes, const struct judge *judge)
{
    __m256i is_mark = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(judge->marks, bytes), bytes);

    return _mm256_min_epi8(_mm256_or_si256(bytes, is_mark), least);
}

WIDE static inline __m256i copy_block(char *to, const char *from)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)from);

    _mm256_storeu_si256((__m256i *)(void *)to, bytes);
    return bytes;
}

WIDE static inline __m128i copy_half(char *to, const char *from)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);

    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    return bytes;
}

/* A field that access_tail_takes, in blocks or in two halves; the last lies over what is before
 * it. What is escaped makes *least less than a space. */
WIDE static inline char *copy(char *to, struct str field, __m256i *least, const struct judge *judge)
{
    if (field.len == 0) {
        *to = '-';
        return to + 1;
    }
    if (field.len < BLOCK) {
        const size_t second = field.len - HALF;
        __m128i first = copy_half(to, field.at);
        __m128i last = copy_half(to + second, field.at + second);
        *least = less(*least, _mm256_set_m128i(last, first), judge);
        return to + field.len;
    }
    const size_t last = field.len - BLOCK;
    for (size_t at = 0; at < last; at += BLOCK)
        *least = less(*least, copy_block(to + at, field.at + at), judge);
    *least = less(*least, copy_block(to + last, field.at + last), judge);
    return to + field.len;
}

WIDE char *access_tail_write_wide(char *out, struct str referer, struct str user_agent)
{
    const struct judge judge = judge_load();
    __m256i least = judge.space;

    out = copy(out, referer, &least, &judge);
    memcpy(out, "\" \"", 4); /* one store; the field lies over its end */
    out = copy(out + 3, user_agent, &least, &judge);
    memcpy(out, "\"\n", 2);
    if (_mm256_movemask_epi8(_mm256_cmpgt_epi8(judge.space, least)) != 0)
        return NULL;
    return out + 2;
}

#include "http/scan_lines.h"

#include <immintrin.h>
#include <string.h>

#define WIDE __attribute__((target("avx2,bmi")))

/* What bytes are compared with, in all the lanes. */
struct lanes {
    __m256i text_move, text_add; /* see outside */
    __m256i letter_move, letter_add;
    __m256i fold, dash;
};

#define LANES4(c)  (char)(c), (char)(c), (char)(c), (char)(c)
#define LANES16(c) LANES4(c), LANES4(c), LANES4(c), LANES4(c)
#define LANES32(c) LANES16(c), LANES16(c)

static const _Alignas(32) char lanes_table[] = {
    LANES32(-' '), LANES32(127 - ('~' - ' ')),
    LANES32(-'a'), LANES32(127 - ('z' - 'a')),
    LANES32(0x20), LANES32('-'),
};

/* From where the compiler cannot see what they are: it would make each anew for each line, with
 * three instructions. */
WIDE static inline struct lanes lanes_load(void)
{
    const void *table = lanes_table;

    __asm__("" : "+r"(table));
    return *(const struct lanes *)table;
}

WIDE static inline __m256i load(const char *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

/* Sets the top bit of each byte that is not in a range: all are moved so that its first is 0, and
 * then up so far that what is above its last, saturating, comes to 0x80 or more. */
WIDE static inline __m256i outside(__m256i bytes, __m256i move, __m256i add)
{
    return _mm256_adds_epu8(_mm256_add_epi8(bytes, move), add);
}

/* A bit for each byte that is not visible ASCII or space. */
WIDE static inline unsigned no_text(__m256i bytes, const struct lanes *l)
{
    return (unsigned)_mm256_movemask_epi8(outside(bytes, l->text_move, l->text_add));
}

/* A bit for each byte that is no letter or '-'. */
WIDE static inline unsigned no_name(__m256i bytes, const struct lanes *l)
{
    __m256i folded = _mm256_or_si256(bytes, l->fold);
    __m256i no_letter = outside(folded, l->letter_move, l->letter_add);
    __m256i is_dash = _mm256_cmpeq_epi8(bytes, l->dash);

    return (unsigned)_mm256_movemask_epi8(_mm256_andnot_si256(is_dash, no_letter));
}

/* The last block is looked at again, without what lies before `at`, which is in it; 32 stands for
 * what is behind it. */
WIDE static inline size_t first_of(unsigned odd, const char *at, const char *last)
{
    return (size_t)__builtin_ctzll(((uint64_t)odd | (uint64_t)1 << SCAN_BLOCK) >> (at - last));
}

/* The CR of the line at `at`, if there is a block to look at, and the length of its name. `last` is
 * where the last block begins. */
WIDE static inline const char *line_in_blocks(const char *at, const char *last, size_t *name_len,
                                              const struct lanes *l)
{
    __m256i bytes = load(at);
    unsigned odd = no_text(bytes, l);

    *name_len = _tzcnt_u32(no_name(bytes, l));
    if (at[*name_len] != ':')
        return NULL;
    while (odd == 0) {
        at += SCAN_BLOCK;
        if (at > last) {
            if (at - last >= SCAN_BLOCK)
                return NULL;
            size_t rest = first_of(no_text(load(last), l), at, last);
            return at + rest < last + SCAN_BLOCK && memcmp(at + rest, "\r\n", 2) == 0 ? at + rest
                                                                                      : NULL;
        }
        odd = no_text(load(at), l);
    }
    at += _tzcnt_u32(odd);
    return memcmp(at, "\r\n", 2) == 0 ? at : NULL;
}

WIDE static inline const char *line_at_end(const char *at, const char *last, size_t *name_len,
                                           const struct lanes *l)
{
    if (at - last >= SCAN_BLOCK)
        return NULL;
    __m256i bytes = load(last);
    const char *line_end = at + first_of(no_text(bytes, l), at, last);
    *name_len = first_of(no_name(bytes, l), at, last);
    if (at[*name_len] != ':' || line_end == last + SCAN_BLOCK || memcmp(line_end, "\r\n", 2) != 0)
        return NULL;
    return line_end;
}

WIDE struct scan_lines scan_lines_wide(const char **lines, uint16_t *name_lens, size_t max,
                                       const char *first, const char *end, const uint32_t *lengths)
{
    const struct lanes l = lanes_load();
    const char *at = lines[0], *line_end;
    struct scan_lines taken = { 0, 0 };
    size_t name_len;

    if (end - first < SCAN_LINE_MIN)
        return taken;
    const char *last = end - SCAN_LINE_MIN;
    while (taken.count < max) {
        if (at <= last)
            line_end = line_in_blocks(at, last, &name_len, &l);
        else
            line_end = line_at_end(at, last, &name_len, &l);
        if (!line_end)
            break;
        if (lengths[*at & 31] >> (name_len & 31) & 1)
            taken.listed |= (uint64_t)1 << taken.count;
        name_lens[taken.count++] = (uint16_t)name_len;
        lines[taken.count] = at = line_end + 2;
    }
    return taken;
}

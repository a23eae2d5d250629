#include "http/scan_lines.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

/* Tuned for processors on which a tzcnt does not wait for what was in its register: gcc would clear
 * that each time. */
#define WIDE       __attribute__((target("avx2,bmi,tune=znver2")))
#define EVERYWHERE __attribute__((always_inline))

enum { HALF = 32, BLOCK = 64 };

#define END ((char)0xff) /* no letter or '-', whatever bits are set */

/* What bytes are compared with, in all the lanes. */
struct lanes {
    __m256i text_move, text_add; /* see outside */
    __m256i letter_move, letter_add;
    __m256i fold; /* of upper case to lower; the last byte becomes the end of any name */
    __m256i dash;
};

#define LANES4(c)  (char)(c), (char)(c), (char)(c), (char)(c)
#define LANES16(c) LANES4(c), LANES4(c), LANES4(c), LANES4(c)
#define LANES32(c) LANES16(c), LANES16(c)
#define LANES31(c) LANES16(c), LANES4(c), LANES4(c), LANES4(c), (char)(c), (char)(c), (char)(c)

static const _Alignas(32) char lanes_table[] = {
    LANES32(-' '), LANES32(127 - ('~' - ' ')),
    LANES32(-'a'), LANES32(127 - ('z' - 'a')),
    LANES31(0x20), END,
    LANES32('-'),
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

WIDE static inline uint64_t mask(__m256i bytes)
{
    return (unsigned)_mm256_movemask_epi8(bytes);
}

/* A bit for each byte of a block that is not visible ASCII or space. */
WIDE static inline uint64_t no_text(const char *block, const struct lanes *l)
{
    uint64_t low = mask(outside(load(block), l->text_move, l->text_add));
    uint64_t high = mask(outside(load(block + HALF), l->text_move, l->text_add));

    return low | high << HALF;
}

/* A bit for each of 32 bytes that is no letter or '-', and one for the last. With 0x20 set a CR is
 * a '-'; but before the colon of a line there is none, or it is not taken: what no_text finds
 * first must be a CR LF, and an LF ends the name. */
WIDE static inline uint64_t no_name(const char *at, const struct lanes *l)
{
    __m256i folded = _mm256_or_si256(load(at), l->fold);
    __m256i no_letter = outside(folded, l->letter_move, l->letter_add);
    __m256i is_dash = _mm256_cmpeq_epi8(folded, l->dash);

    return mask(_mm256_andnot_si256(is_dash, no_letter));
}

/* The length of the name at `at`. */
WIDE static inline size_t name_length(const char *at, const struct lanes *l)
{
    return (size_t)__builtin_ctzll(no_name(at, l));
}

/* `last` is where the last 32 bytes begin; of them those before `at` do not count. */
WIDE static inline size_t name_length_near_end(const char *at, const char *last,
                                               const struct lanes *l)
{
    if (at <= last)
        return name_length(at, l);
    return (size_t)__builtin_ctzll(no_name(last, l) >> (at - last));
}

/* What the caller wants, and what was taken so far. */
struct job {
    const char **lines;
    uint16_t *name_lens;
    size_t max;
    const uint32_t *lengths;
    const char *last;      /* where the last block begins */
    const char *last_name; /* and the last 32 bytes */
};

struct progress {
    const char *at; /* where the next line begins */
    struct scan_lines taken;
};

/* Takes the lines that end in a block, in which `odd` is no text. Returns whether lines may be
 * taken of the next one. */
WIDE EVERYWHERE static inline bool take_lines(struct progress *p, const struct job *j,
                                              const char *block, uint64_t odd, bool near_end,
                                              const struct lanes *l)
{
    for (; odd != 0; odd = _blsr_u64(odd)) {
        const char *line_end = block + _tzcnt_u64(odd);
        if (memcmp(line_end, "\r\n", 2) != 0) {
            if (line_end < p->at)
                continue; /* the LF of a CR that was the last byte of its block */
            return false;
        }
        /* up to the colon all must be text, since nothing odd was before line_end */
        size_t name_len =
            near_end ? name_length_near_end(p->at, j->last_name, l) : name_length(p->at, l);
        if (p->at[name_len] != ':')
            return false;
        if (j->lengths[*p->at & 31] >> (name_len & 31) & 1)
            p->taken.listed |= (uint64_t)1 << p->taken.count;
        j->name_lens[p->taken.count] = (uint16_t)name_len;
        p->taken.count++;
        p->at = line_end + 2;
        j->lines[p->taken.count] = p->at;
        if (p->taken.count == j->max)
            return false;
        odd = _blsr_u64(odd); /* the CR, and then the LF */
    }
    return true;
}

WIDE struct scan_lines scan_lines_wide(const char **lines, uint16_t *name_lens, size_t max,
                                       const char *first, const char *end, const uint32_t *lengths)
{
    const struct lanes l = lanes_load();
    const struct job j = { lines, name_lens, max, lengths, end - SCAN_WIDE_MIN, end - HALF };
    struct progress p = { lines[0], { 0, 0 } };

    if (max == 0 || p.at - j.last >= BLOCK)
        return p.taken;
    /* The last of the blocks is the one at j.last. The first has bytes before `at`, which do not
     * count, and maybe before `first`, which must not be looked at. */
    size_t skip = (size_t)(p.at - j.last) % BLOCK;
    size_t before = (size_t)(p.at - first);
    size_t missing = skip > before ? skip - before : 0;
    const char *block = p.at - skip;
    uint64_t odd = no_text(block + missing, &l) << missing >> skip << skip;
    for (; block != j.last; odd = no_text(block, &l)) {
        if (!take_lines(&p, &j, block, odd, false, &l))
            return p.taken;
        block += BLOCK;
    }
    take_lines(&p, &j, block, odd, true, &l);
    return p.taken;
}

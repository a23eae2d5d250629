/* scan.h - how far do bytes of one kind go? Sixteen at a time with SSE2, which every x86-64 has;
 * lines of fields 64 at a time where the processor has AVX2.
 *
 * scan_any/scan.h has the same functions with the same outcomes. None reads at or beyond `end`. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"
#include "http/scan_lines.h"

#include <emmintrin.h>
#include <stddef.h>
#include <string.h>

enum {
    SCAN_WIDTH = 16,
    SCAN_SHORT = 16,   /* bytes that the scan_short_ functions look at, without an `end` */
    SCAN_LENGTHS = 16, /* lengths that scan_lengths looks at */
    SCAN_SLACK = 17,   /* readable bytes that scan_path_is_plain needs after the path */
};

static inline __m128i scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Kept out of its callers, for which one block is mostly enough. */
#define SCAN_APART __attribute__((noinline))

/* The top bit of every byte. */
static inline unsigned scan_mask(__m128i bytes)
{
    return (unsigned)_mm_movemask_epi8(bytes);
}

/* The number of the lowest bit that is set; one must be. */
static inline size_t scan_first(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask);
}

/* Sets the top bit of each byte that is not in first..last: they are moved to 0 and up, and then up
 * again so far that all above them, saturating, come to 0x80 or more. */
static inline __m128i scan_outside(__m128i bytes, char first, char last)
{
    __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8(first));

    return _mm_adds_epu8(moved, _mm_set1_epi8((char)(127 - (last - first))));
}

static inline __m128i scan_equal(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static inline __m128i scan_no_letter(__m128i bytes)
{
    return scan_outside(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
}

static inline unsigned scan_odd_word(__m128i bytes)
{
    return scan_mask(_mm_andnot_si128(scan_equal(bytes, '-'), scan_no_letter(bytes)));
}

static inline unsigned scan_odd_text(__m128i bytes)
{
    return scan_mask(scan_outside(bytes, ' ', '~'));
}

static inline unsigned scan_odd_target(__m128i bytes)
{
    __m128i mark = _mm_or_si128(scan_equal(bytes, '#'), scan_equal(bytes, '?'));

    return scan_mask(_mm_or_si128(scan_outside(bytes, '!', '~'), mark));
}

/* For the last few bytes. */
static inline const char *scan_while(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* A bit for each of the 32 bytes that is no text, or may be in no everyday name. */
static inline uint64_t scan_no_text(const char *at)
{
    uint64_t high = scan_odd_text(scan_load(at + SCAN_WIDTH));

    return scan_odd_text(scan_load(at)) | high << SCAN_WIDTH;
}

static inline uint64_t scan_no_name(const char *at)
{
    uint64_t high = scan_odd_word(scan_load(at + SCAN_WIDTH));

    return scan_odd_word(scan_load(at)) | high << SCAN_WIDTH;
}

/* The length of the name; SCAN_NAME_MAX if it is longer. The second half is seldom needed. */
static inline size_t scan_name_len(const char *at)
{
    uint64_t odd = scan_odd_word(scan_load(at));

    if (odd == 0)
        odd = (uint64_t)scan_odd_word(scan_load(at + SCAN_WIDTH)) << SCAN_WIDTH;
    return scan_first(odd | (uint64_t)1 << SCAN_NAME_MAX);
}

/* The first byte from `at` on that is no text, or end. `last` is where the last block begins. */
static inline const char *scan_text(const char *at, const char *last)
{
    uint64_t odd;

    for (; at <= last; at += SCAN_BLOCK)
        if ((odd = scan_no_text(at)) != 0)
            return at + scan_first(odd);
    /* the last block again, without what lies before */
    odd = scan_no_text(last) | (uint64_t)1 << SCAN_BLOCK;
    return at - last < SCAN_BLOCK ? at + scan_first(odd >> (at - last)) : last + SCAN_BLOCK;
}

/* The CR of the line at `at`, if it is one for scan_lines, and the length of its name. */
static inline const char *scan_line(const char *at, const char *last, size_t *name_len)
{
    if (at <= last)
        *name_len = scan_name_len(at);
    else if (at - last < SCAN_BLOCK)
        *name_len = scan_first((scan_no_name(last) | (uint64_t)1 << SCAN_BLOCK) >> (at - last));
    else
        return NULL;
    if (at[*name_len] != ':')
        return NULL;
    const char *line_end = scan_text(at, last);
    return line_end < last + SCAN_BLOCK && memcmp(line_end, "\r\n", 2) == 0 ? line_end : NULL;
}

/* With nothing but SSE2. */
static inline struct scan_lines scan_lines_narrow(const char **lines, uint16_t *name_lens,
                                                  size_t max, const char *first, const char *end,
                                                  const uint32_t *lengths)
{
    struct scan_lines taken = { 0, 0 };
    const char *at = lines[0];
    const char *line_end;
    size_t name_len;

    if (end - first < SCAN_LINE_MIN)
        return taken;
    while (taken.count < max && (line_end = scan_line(at, end - SCAN_LINE_MIN, &name_len))) {
        if (lengths[*at & 31] >> (name_len & 31) & 1)
            taken.listed |= (uint64_t)1 << taken.count;
        name_lens[taken.count++] = (uint16_t)name_len;
        lines[taken.count] = at = line_end + 2;
    }
    return taken;
}

/* A bit for each of the SCAN_LENGTHS lengths at `lens` that is `len`. */
static inline unsigned scan_lengths(const uint16_t *lens, uint16_t len)
{
    const __m128i wanted = _mm_set1_epi16((short)len);
    __m128i low = scan_load((const char *)lens);
    __m128i high = scan_load((const char *)(lens + SCAN_LENGTHS / 2));

    return scan_mask(_mm_packs_epi16(_mm_cmpeq_epi16(low, wanted), _mm_cmpeq_epi16(high, wanted)));
}

/* Whichever is best here. What it asks was found out before main (libgcc). */
static inline struct scan_lines scan_lines(const char **lines, uint16_t *name_lens, size_t max,
                                           const char *first, const char *end,
                                           const uint32_t *lengths)
{
    if (end - first >= SCAN_WIDE_MIN && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("bmi"))
        return scan_lines_wide(lines, name_lens, max, first, end, lengths);
    return scan_lines_narrow(lines, name_lens, max, first, end, lengths);
}

/* scan_target where the first block is not enough. */
SCAN_APART static const char *scan_target_on(const char *at, const char *end)
{
    for (; end - at >= SCAN_WIDTH; at += SCAN_WIDTH) {
        unsigned odd = scan_odd_target(scan_load(at));
        if (odd != 0)
            return at + scan_first(odd);
    }
    while (at < end && http_char_is(*at, HTTP_CHAR_TEXT) && *at != ' ' && *at != '#' && *at != '?')
        at++;
    return at;
}

/* The first byte that is not visible ASCII, or '#' or '?', or end. */
static inline const char *scan_target(const char *at, const char *end)
{
    unsigned odd = end - at >= SCAN_WIDTH ? scan_odd_target(scan_load(at)) : 0;

    return odd != 0 ? at + scan_first(odd) : scan_target_on(at, end);
}

/* The same, if it is among the first SCAN_SHORT; `at` if not. */
static inline const char *scan_short_target(const char *at)
{
    unsigned odd = scan_odd_target(scan_load(at));

    return odd != 0 ? at + scan_first(odd) : at;
}

/* The first byte that is no digit, or end. */
static inline const char *scan_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static inline unsigned scan_odd_host(__m128i bytes)
{
    __m128i odd = _mm_and_si128(scan_no_letter(bytes), scan_outside(bytes, '0', '9'));

    return scan_mask(_mm_and_si128(odd, scan_outside(bytes, '-', '.')));
}

/* scan_host where the first block is not enough. */
SCAN_APART static const char *scan_host_on(const char *at, const char *end)
{
    for (; end - at >= SCAN_WIDTH; at += SCAN_WIDTH)
        if (scan_odd_host(scan_load(at)) != 0)
            break;
    at = scan_while(at, end, HTTP_CHAR_HOST);
    return at < end && *at == ':' ? scan_digits(at + 1, end) : at;
}

/* The end of the letters, digits, '-' and '.' at `at`, and of a colon and digits behind them. */
static inline const char *scan_host(const char *at, const char *end)
{
    if (end - at < SCAN_WIDTH)
        return scan_host_on(at, end);
    __m128i bytes = scan_load(at);
    __m128i no_digit = scan_outside(bytes, '0', '9');
    __m128i odd = _mm_and_si128(scan_no_letter(bytes), scan_outside(bytes, '-', '.'));
    unsigned mask = scan_mask(_mm_and_si128(odd, no_digit));
    if (mask == 0)
        return scan_host_on(at + SCAN_WIDTH, end);
    if (at[scan_first(mask)] != ':')
        return at + scan_first(mask);
    /* what is behind the colon */
    unsigned behind = scan_mask(no_digit) & (mask ^ -mask);
    return behind != 0 ? at + scan_first(behind) : scan_digits(at + SCAN_WIDTH, end);
}

/* The same, if it is among the first SCAN_SHORT; `at` if not. */
static inline const char *scan_short_host(const char *at)
{
    __m128i bytes = scan_load(at);
    __m128i no_digit = scan_outside(bytes, '0', '9');
    __m128i odd = _mm_and_si128(scan_no_letter(bytes), scan_outside(bytes, '-', '.'));
    unsigned mask = scan_mask(_mm_and_si128(odd, no_digit));
    if (mask != 0 && at[scan_first(mask)] == ':')
        mask = scan_mask(no_digit) & (mask ^ -mask); /* what is behind the colon */
    return mask != 0 ? at + scan_first(mask) : at;
}

/* Is the path free of '%', NUL, "//" and "/."? SCAN_SLACK zero bytes follow it. */
static inline bool scan_path_is_plain(const char *path, size_t len)
{
    const __m128i slash = _mm_set1_epi8('/');

    for (size_t i = 0; i < len; i += SCAN_WIDTH) {
        __m128i here = scan_load(path + i);
        __m128i next = scan_load(path + i + 1);
        /* '.' and '/' differ in the lowest bit alone */
        __m128i risky = _mm_cmpeq_epi8(_mm_or_si128(next, _mm_set1_epi8(1)), slash);
        __m128i odd = _mm_and_si128(_mm_cmpeq_epi8(here, slash), risky);
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(here, _mm_set1_epi8('%')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(here, _mm_setzero_si128()));
        /* the zeros behind the path stop every path; at its very end they stop nothing */
        unsigned mask = scan_mask(odd);
        if (mask != 0)
            return i + scan_first(mask) == len;
    }
    return true;
}

#endif

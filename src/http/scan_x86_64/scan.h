/* scan.h - how far do bytes of one kind go? Sixteen at a time with SSE2, which every x86-64 has.
 *
 * scan_any/scan.h has the same functions with the same outcomes. None reads at or beyond `end`. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"

#include <emmintrin.h>
#include <stddef.h>
#include <string.h>

enum {
    SCAN_WIDTH = 16,
    SCAN_FIELD_MIN = 20, /* 16 bytes of name, colon, space, and CR LF after a value that is cut */
    SCAN_SLACK = 17,     /* readable bytes that scan_path_is_plain needs after the path */
};

static inline __m128i scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* The top bit of every byte. */
static inline unsigned scan_mask(__m128i bytes)
{
    return (unsigned)_mm_movemask_epi8(bytes);
}

/* The number of the lowest bit that is set; one must be. */
static inline size_t scan_first(unsigned mask)
{
    return (unsigned)__builtin_ctz(mask);
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

static inline unsigned scan_odd_host(__m128i bytes)
{
    __m128i odd = _mm_and_si128(scan_no_letter(bytes), scan_outside(bytes, '0', '9'));

    return scan_mask(_mm_and_si128(odd, scan_outside(bytes, '-', '.')));
}

/* For the last few bytes. */
static inline const char *scan_while(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* Take apart a field line as nearly all of them are: a name of at most 32 letters and '-', maybe
 * empty; a colon and a space; printable ASCII, at least one byte, that neither begins nor ends with
 * a space; CR LF. Returns the place behind it, with *colon and *value_end set. NULL for any other
 * line, and when fewer than SCAN_FIELD_MIN bytes are left, or 16 more for a name longer than 16. */
static inline const char *scan_field(const char *at, const char *end, const char **colon,
                                     const char **value_end)
{
    if (end - at < SCAN_FIELD_MIN)
        return NULL;

    const char *p = at;
    unsigned odd = scan_odd_word(scan_load(p));
    if (odd == 0 && end - at >= SCAN_FIELD_MIN + SCAN_WIDTH) {
        p += SCAN_WIDTH;
        odd = scan_odd_word(scan_load(p));
    }
    /* a bit behind the last stands for "none of these" */
    p += scan_first(odd | 1U << SCAN_WIDTH);
    *colon = p;
    p += 2;
    if (memcmp(p - 2, ": ", 2) != 0 || *p <= ' ')
        return NULL;

    /* the last block from which CR LF may be read without a look at the end */
    const char *last = end - SCAN_WIDTH - 2;
    odd = 0;
    for (; p <= last; p += SCAN_WIDTH)
        if ((odd = scan_odd_text(scan_load(p))) != 0)
            break;
    if (odd == 0) /* that block again, without what lies before p */
        odd = (scan_odd_text(scan_load(last)) | 1U << SCAN_WIDTH) >> (p - last);
    p += scan_first(odd);
    if (memcmp(p, "\r\n", 2) != 0 || p[-1] == ' ')
        return NULL;
    *value_end = p;
    return p + 2;
}

/* The first byte that is not visible ASCII, or '#' or '?', or end. */
static inline const char *scan_target(const char *at, const char *end)
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

/* The first byte that is no letter, digit, '-' or '.', or end. */
static inline const char *scan_host(const char *at, const char *end)
{
    for (; end - at >= SCAN_WIDTH; at += SCAN_WIDTH) {
        unsigned odd = scan_odd_host(scan_load(at));
        if (odd != 0)
            return at + scan_first(odd);
    }
    return scan_while(at, end, HTTP_CHAR_HOST);
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

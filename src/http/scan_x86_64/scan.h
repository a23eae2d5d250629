/* scan.h - how far do bytes of one kind go? Sixteen at a time with SSE2, which every x86-64 has.
 *
 * scan_any/scan.h has the same functions with the same outcomes. None reads at or beyond `end`.
 *
 * Each loop tests for the bytes of daily use in as few instructions as possible. What falls out
 * of that test is looked up in the table of chars.h, and the loop goes on behind it if it was
 * harmless. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"

#include <emmintrin.h>
#include <stddef.h>

enum {
    SCAN_WIDTH = 16,
    SCAN_SLACK = 17, /* readable bytes that scan_path_is_plain needs after the path */
};

static inline __m128i scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Between 8 and 15 bytes: the first eight and the last eight, which overlap. */
static inline __m128i scan_load_ends(const char *at, const char *end)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)at),
                              _mm_loadl_epi64((const __m128i *)(const void *)(end - 8)));
}

/* Where the first set bit of scan_load_ends's mask stands in the bytes. */
static inline const char *scan_found_ends(const char *at, const char *end, unsigned mask)
{
    unsigned bit = (unsigned)__builtin_ctz(mask);

    return bit < 8 ? at + bit : end - 16 + bit;
}

static inline unsigned scan_mask(__m128i bytes)
{
    return (unsigned)_mm_movemask_epi8(bytes);
}

/* 0xff where `bytes` lies in first..last. Moving `last` to 127 makes one signed comparison do. */
static inline __m128i scan_range(__m128i bytes, char first, char last)
{
    __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8((char)(127 - last)));

    return _mm_cmpgt_epi8(moved, _mm_set1_epi8((char)(126 - last + first)));
}

static inline __m128i scan_letters(__m128i bytes)
{
    return scan_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
}

/* Set where the byte is neither a letter nor '-'. */
static inline unsigned scan_odd_name(__m128i bytes)
{
    __m128i dash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));

    return scan_mask(_mm_or_si128(scan_letters(bytes), dash)) ^ 0xffff;
}

/* Set for controls and the space, '#', '?' and DEL. */
static inline unsigned scan_odd_target(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x20)), bytes);
    __m128i hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    __m128i mark = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('?'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));

    return scan_mask(_mm_or_si128(_mm_or_si128(low, hash), _mm_or_si128(mark, del)));
}

/* Set for controls, the tab among them, DEL and obs-text: adding 1 turns DEL into the smallest. */
static inline unsigned scan_odd_value(__m128i bytes)
{
    __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8(1));

    return scan_mask(_mm_cmpgt_epi8(_mm_set1_epi8(0x21), moved));
}

/* Set where the byte is no letter, digit, '-' or '.'. */
static inline unsigned scan_odd_host(__m128i bytes)
{
    __m128i fine = _mm_or_si128(scan_letters(bytes), scan_range(bytes, '0', '9'));

    return scan_mask(_mm_or_si128(fine, scan_range(bytes, '-', '.'))) ^ 0xffff;
}

/* The first byte that is no tchar, or end. */
static inline const char *scan_name(const char *at, const char *end)
{
    while (end - at >= SCAN_WIDTH) {
        unsigned odd = scan_odd_name(scan_load(at));
        if (odd == 0) {
            at += SCAN_WIDTH;
            continue;
        }
        at += __builtin_ctz(odd);
        if (!http_char_is(*at, HTTP_CHAR_TOKEN))
            return at;
        at++;
    }
    while (at < end && http_char_is(*at, HTTP_CHAR_TOKEN))
        at++;
    return at;
}

/* The first byte that may not stand in a request target, or the first '?', or end. */
static inline const char *scan_target(const char *at, const char *end)
{
    for (; end - at >= SCAN_WIDTH; at += SCAN_WIDTH) {
        unsigned odd = scan_odd_target(scan_load(at));
        if (odd != 0)
            return at + __builtin_ctz(odd);
    }
    while (at < end && *at != '?' && http_char_is(*at, HTTP_CHAR_TARGET))
        at++;
    return at;
}

/* The first byte that may not stand in a field value, or end. */
static inline const char *scan_value(const char *at, const char *end)
{
    while (end - at >= 8) {
        bool whole = end - at >= SCAN_WIDTH;
        unsigned odd = scan_odd_value(whole ? scan_load(at) : scan_load_ends(at, end));
        if (odd == 0) {
            at = whole ? at + SCAN_WIDTH : end;
            continue;
        }
        at = whole ? at + __builtin_ctz(odd) : scan_found_ends(at, end, odd);
        if (!http_char_is(*at, HTTP_CHAR_VALUE))
            return at;
        at++;
    }
    while (at < end && http_char_is(*at, HTTP_CHAR_VALUE))
        at++;
    return at;
}

/* The first byte that is no letter, digit, '-' or '.', or end. */
static inline const char *scan_host(const char *at, const char *end)
{
    for (; end - at >= SCAN_WIDTH; at += SCAN_WIDTH) {
        unsigned odd = scan_odd_host(scan_load(at));
        if (odd != 0)
            return at + __builtin_ctz(odd);
    }
    while (at < end && http_char_is(*at, HTTP_CHAR_HOST))
        at++;
    return at;
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
            return i + (unsigned)__builtin_ctz(mask) == len;
    }
    return true;
}

#endif

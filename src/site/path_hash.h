/* path_hash.h - paths as the keys of a table: their hash under a secret seed, and their equality.
 *
 * Every request comes by here once, mostly with a path of ten to fifty bytes, so both go by words
 * of eight bytes and call nobody. */
#ifndef SITE_PATH_HASH_H
#define SITE_PATH_HASH_H

#include "base/str.h"
#include "base/words.h"

#include <stdint.h>

/* What makes the hash another one in each process: a peer must not be able to choose collisions. */
struct path_seed {
    uint64_t start, factor;
};

/* Both halves of the product count. Neither factor may be known: with a known one, what a change of
 * one word does could be undone by another. */
static inline uint64_t path_mix(uint64_t one, uint64_t other)
{
    __extension__ unsigned __int128 product = one;

    product *= other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to seven bytes. */
static inline uint64_t path_short_word(struct str path)
{
    uint64_t word = 0;

    for (size_t i = 0; i < path.len; i++)
        word = word << 8 | (unsigned char)path.at[i];
    return word;
}

/* Two words at a time. The last two may share bytes with each other or with those before: the
 * length, which counts too, tells how many. It counts in all bits, so that no word makes up for
 * another length. */
static inline uint64_t path_hash(struct path_seed seed, struct str path)
{
    enum { WORD = sizeof(uint64_t), BOTH = 2 * WORD };
    uint64_t hash = seed.start + path.len * seed.factor;
    const char *at = path.at, *end = path.at + path.len;

    if (path.len < WORD)
        return path_mix(hash ^ path_short_word(path), seed.factor);
    for (; end - at > BOTH; at += BOTH)
        hash = path_mix(hash ^ load64(at), seed.factor ^ load64(at + WORD));
    if (path.len > BOTH)
        at = end - BOTH;
    return path_mix(hash ^ load64(at), seed.factor ^ load64(end - WORD));
}

static inline bool path_equal(struct str a, struct str b)
{
    enum { WORD = sizeof(uint64_t) };

    if (a.len != b.len || a.len < WORD)
        return str_equal(a, b);
    size_t last = a.len - WORD;
    if (load64(a.at) != load64(b.at) || load64(a.at + last) != load64(b.at + last))
        return false;
    for (size_t at = WORD; at < last; at += WORD)
        if (load64(a.at + at) != load64(b.at + at))
            return false;
    return true;
}

#endif

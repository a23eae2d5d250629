/* path_hash.h - paths as the keys of a table: their hash under a secret seed, and their equality.
 *
 * Every request comes by here once, mostly with a path of ten to fifty bytes, so both go by words
 * of eight bytes and call nobody. */
#ifndef SITE_PATH_HASH_H
#define SITE_PATH_HASH_H

#include "base/str.h"

#include <stdint.h>

/* What makes the hash another one in each process: a peer must not be able to choose collisions. */
struct path_seed {
    uint64_t start, factor;
};

/* The factor is secret, too: with a known one, a change of a word's top bit has an effect that the
 * next word can undo, whatever the seed. */
static inline uint64_t path_mix(uint64_t hash, uint64_t word, uint64_t factor)
{
    __extension__ unsigned __int128 product = hash ^ word;

    product *= factor;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t path_word(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Up to seven bytes. */
static inline uint64_t path_short_word(struct str path)
{
    uint64_t word = 0;

    for (size_t i = 0; i < path.len; i++)
        word = word << 8 | (unsigned char)path.at[i];
    return word;
}

/* The last word may share bytes with the one before: the length, which is hashed too, tells how
 * many. */
static inline uint64_t path_hash(struct path_seed seed, struct str path)
{
    uint64_t hash = path_mix(seed.start, path.len, seed.factor);
    size_t at = 0;

    if (path.len < sizeof(uint64_t))
        return path_mix(hash, path_short_word(path), seed.factor);
    for (; at + sizeof(uint64_t) < path.len; at += sizeof(uint64_t))
        hash = path_mix(hash, path_word(path.at + at), seed.factor);
    return path_mix(hash, path_word(path.at + path.len - sizeof(uint64_t)), seed.factor);
}

static inline bool path_equal(struct str a, struct str b)
{
    size_t at = 0;

    if (a.len != b.len || a.len < sizeof(uint64_t))
        return str_equal(a, b);
    for (; at + sizeof(uint64_t) < a.len; at += sizeof(uint64_t))
        if (path_word(a.at + at) != path_word(b.at + at))
            return false;
    at = a.len - sizeof(uint64_t);
    return path_word(a.at + at) == path_word(b.at + at);
}

#endif

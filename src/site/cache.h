/* cache.h - the entries of one core, by path.
 *
 * Bounded in bytes, entries and descriptors; what has not been used since the last look is let go
 * first (second chance, in order of admission). Knows memory only. */
#ifndef SITE_CACHE_H
#define SITE_CACHE_H

#include "site/entry.h"

struct cache_limits {
    size_t bytes; /* of entries held, all together */
    unsigned entries;
    unsigned descriptors; /* of large files held open */
};

/* What makes the hash another one in each process: a peer must not be able to choose collisions. */
struct cache_seed {
    uint64_t start, factor;
};

struct cache {
    struct cache_limits limits;
    struct cache_seed seed;
    struct site_entry **buckets; /* a power of two of them */
    size_t bucket_count;
    struct list ages;
    size_t bytes;
    unsigned entries;
    unsigned descriptors;
};

/* From a random number. */
struct cache_seed cache_seed_of(uint64_t random);

/* 0 or -ENOMEM. */
int cache_init(struct cache *cache, const struct cache_limits *limits, uint64_t random);

/* Everything must have been removed. */
void cache_release(struct cache *cache);

/* Of a path, under this cache's seed; what the calls below want as `hash`. */
uint64_t cache_hash(const struct cache *cache, struct str path);

/* The entry of this path, or NULL. Not pinned for the caller. */
struct site_entry *cache_find(const struct cache *cache, struct str path, uint64_t hash);

/* Take an entry in. The caller has removed whatever had its path, and made room (cache_excess). */
void cache_add(struct cache *cache, struct site_entry *entry);

/* Take an entry out; it is not freed. */
void cache_remove(struct cache *cache, struct site_entry *entry);

/* One entry that should go so that one of `held` bytes (and a descriptor, if it has one) fits, or
 * NULL when it fits or nothing is left to go. Pinned entries may go, too: they are freed when the
 * last pin is. */
struct site_entry *cache_excess(struct cache *cache, size_t held, bool descriptor);

#endif

/* cache.h - the entries of one core, by path.
 *
 * They stand on three shelves, each with limits and an order of its own, so that none pushes out
 * what stands on another: files held whole, open descriptors of large files, and answers that say
 * there is nothing to send. What goes first is what was admitted first, but each entry that was
 * used goes to the end instead, as often as its size allows (CACHE_CHANCES): to read a large one
 * again costs little more than a small one, and frees room for many. Knows memory only. */
#ifndef SITE_CACHE_H
#define SITE_CACHE_H

#include "site/entry.h"
#include "site/path_hash.h"

enum cache_shelf_name { CACHE_WHOLE, CACHE_OPEN, CACHE_NEGATIVE, CACHE_SHELVES };

enum {
    /* How often an entry that was used is passed over before it goes: a small one, one of middle
     * size, and a large one. */
    CACHE_CHANCES_SMALL = 3,
    CACHE_CHANCES_MIDDLE = 2,
    CACHE_CHANCES_LARGE = 1,
    CACHE_SMALL_MAX = 4 * 1024, /* bytes of an entry that counts as small */
    CACHE_MIDDLE_MAX = 32 * 1024,

    /* How many are passed over for one place; then the next one goes, used or not. */
    CACHE_PASSES_MAX = 64,

    CACHE_BUCKETS_MAX = 1 << 20, /* with more entries they share buckets */
};

/* Of one shelf. Nothing stands on a shelf for no entries. */
struct cache_limits {
    size_t bytes; /* of memory */
    unsigned entries;
};

struct cache_shelf {
    struct cache_limits limits;
    struct list ages; /* entries; who has to go is looked for from the first on */
    size_t bytes;
    unsigned entries;
};

struct cache {
    struct path_seed seed;
    struct site_entry **buckets; /* a power of two of them */
    size_t bucket_count;
    struct cache_shelf shelves[CACHE_SHELVES];
};

/* From a random number. */
struct path_seed cache_seed_of(uint64_t random);

/* `limits` are those of the shelves in their order. 0 or -ENOMEM. */
int cache_init(struct cache *cache, const struct cache_limits *limits, uint64_t random);

/* Everything must have been removed. */
void cache_release(struct cache *cache);

/* Of a path, under this cache's seed; what the calls below want as `hash`. */
static inline uint64_t cache_hash(const struct cache *cache, struct str path)
{
    return path_hash(cache->seed, path);
}

/* The entry of this path, or NULL. Not pinned for the caller. */
static inline struct site_entry *cache_find(const struct cache *cache, struct str path,
                                            uint64_t hash)
{
    struct site_entry *entry = cache->buckets[hash & (cache->bucket_count - 1)];

    while (entry && !(entry->hash == hash && path_equal(entry->path, path)))
        entry = entry->chain;
    return entry;
}

/* Which shelf an entry stands on. */
enum cache_shelf_name cache_shelf_of(const struct site_entry *entry);

/* Take an entry in. The caller has removed whatever had its path, and made room (cache_excess). */
void cache_add(struct cache *cache, struct site_entry *entry);

/* Take an entry out; it is not freed. */
void cache_remove(struct cache *cache, struct site_entry *entry);

/* An entry that is held has come to take so many bytes more. */
void cache_grow(struct cache *cache, struct site_entry *entry, size_t more);

/* One entry that should go so that another one of `held` bytes fits on a shelf, or NULL when it
 * fits or nothing is left to go. Pinned entries may go, too: they are freed when the last pin is.
 */
struct site_entry *cache_excess(struct cache *cache, enum cache_shelf_name name, size_t held);

#endif

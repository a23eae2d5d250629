#include "site/cache.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

struct cache_seed cache_seed_of(uint64_t random)
{
    return (struct cache_seed){ random, (random + 0xd6e8feb86659fd93u) * 0x9e3779b97f4a7c15u | 1 };
}

int cache_init(struct cache *cache, const struct cache_limits *limits, uint64_t random)
{
    size_t count = 1;

    while (count < limits->entries)
        count *= 2;
    *cache =
        (struct cache){ .limits = *limits, .seed = cache_seed_of(random), .bucket_count = count };
    list_init(&cache->ages);
    cache->buckets = calloc(count, sizeof(struct site_entry *));
    return cache->buckets ? 0 : -ENOMEM;
}

void cache_release(struct cache *cache)
{
    CHECK(cache->entries == 0);
    free(cache->buckets);
}

/* The factor is secret, too: with a known one, a change of a word's top bit has an effect that the
 * next word can undo, whatever the seed. */
static uint64_t mix(uint64_t hash, uint64_t word, uint64_t factor)
{
    __extension__ unsigned __int128 product = hash ^ word;

    product *= factor;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Up to seven bytes. */
static uint64_t short_word(struct str path)
{
    uint64_t word = 0;

    for (size_t i = 0; i < path.len; i++)
        word = word << 8 | (unsigned char)path.at[i];
    return word;
}

/* The last word may share bytes with the one before: the length, which is hashed too, tells how
 * many. */
uint64_t cache_hash(const struct cache *cache, struct str path)
{
    uint64_t factor = cache->seed.factor;
    uint64_t hash = mix(cache->seed.start, path.len, factor);
    size_t at = 0;

    if (path.len < sizeof(uint64_t))
        return mix(hash, short_word(path), factor);
    for (; at + sizeof(uint64_t) < path.len; at += sizeof(uint64_t))
        hash = mix(hash, word_at(path.at + at), factor);
    return mix(hash, word_at(path.at + path.len - sizeof(uint64_t)), factor);
}

static struct site_entry **bucket_of(const struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

struct site_entry *cache_find(const struct cache *cache, struct str path, uint64_t hash)
{
    struct site_entry *entry = *bucket_of(cache, hash);

    while (entry && !(entry->hash == hash && str_equal(entry->path, path)))
        entry = entry->chain;
    return entry;
}

void cache_add(struct cache *cache, struct site_entry *entry)
{
    struct site_entry **bucket = bucket_of(cache, entry->hash);

    CHECK(!entry->cached);
    entry->chain = *bucket;
    *bucket = entry;
    entry->cached = true;
    entry->used = false;
    list_append(&cache->ages, &entry->age);
    cache->bytes += entry->held;
    cache->entries++;
    cache->descriptors += entry->fd >= 0;
}

void cache_remove(struct cache *cache, struct site_entry *entry)
{
    struct site_entry **at = bucket_of(cache, entry->hash);

    CHECK(entry->cached);
    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    entry->chain = NULL;
    entry->cached = false;
    list_remove(&entry->age);
    cache->bytes -= entry->held;
    cache->entries--;
    cache->descriptors -= entry->fd >= 0;
}

static struct site_entry *oldest(const struct cache *cache)
{
    struct list *node = list_first(&cache->ages);

    return node ? CONTAINER_OF(node, struct site_entry, age) : NULL;
}

static void give_second_chance(struct cache *cache, struct site_entry *entry)
{
    entry->used = false;
    list_remove(&entry->age);
    list_append(&cache->ages, &entry->age);
}

struct site_entry *cache_excess(struct cache *cache, size_t held, bool descriptor)
{
    bool fits = cache->bytes + held <= cache->limits.bytes &&
                cache->entries < cache->limits.entries &&
                cache->descriptors + descriptor <= cache->limits.descriptors;
    struct site_entry *entry = fits ? NULL : oldest(cache);

    while (entry && entry->used) {
        give_second_chance(cache, entry);
        entry = oldest(cache);
    }
    return entry;
}

#include "site/cache.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

struct path_seed cache_seed_of(uint64_t random)
{
    return (struct path_seed){ random, (random + 0xd6e8feb86659fd93u) * 0x9e3779b97f4a7c15u | 1 };
}

int cache_init(struct cache *cache, const struct cache_limits *limits, uint64_t random)
{
    size_t entries = 0, count = 1;

    *cache = (struct cache){ .seed = cache_seed_of(random) };
    for (int i = 0; i < CACHE_SHELVES; i++) {
        cache->shelves[i].limits = limits[i];
        list_init(&cache->shelves[i].ages);
        entries += limits[i].entries;
    }
    while (count < entries && count < CACHE_BUCKETS_MAX)
        count *= 2;
    cache->bucket_count = count;
    cache->buckets = calloc(count, sizeof(struct site_entry *));
    return cache->buckets ? 0 : -ENOMEM;
}

void cache_release(struct cache *cache)
{
    for (int i = 0; i < CACHE_SHELVES; i++)
        CHECK(cache->shelves[i].entries == 0);
    free(cache->buckets);
}

static struct site_entry **bucket_of(const struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

enum cache_shelf_name cache_shelf_of(const struct site_entry *entry)
{
    if (entry->status != 200)
        return CACHE_NEGATIVE;
    return entry->bytes ? CACHE_WHOLE : CACHE_OPEN;
}

void cache_add(struct cache *cache, struct site_entry *entry)
{
    struct site_entry **bucket = bucket_of(cache, entry->hash);
    struct cache_shelf *shelf = &cache->shelves[cache_shelf_of(entry)];

    CHECK(!entry->cached);
    entry->chain = *bucket;
    *bucket = entry;
    entry->cached = true;
    entry->used = false;
    entry->chances = 0;
    list_append(&shelf->ages, &entry->age);
    shelf->bytes += entry->held;
    shelf->entries++;
}

void cache_remove(struct cache *cache, struct site_entry *entry)
{
    struct site_entry **at = bucket_of(cache, entry->hash);
    struct cache_shelf *shelf = &cache->shelves[cache_shelf_of(entry)];

    CHECK(entry->cached);
    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    entry->chain = NULL;
    entry->cached = false;
    list_remove(&entry->age);
    shelf->bytes -= entry->held;
    shelf->entries--;
}

void cache_grow(struct cache *cache, struct site_entry *entry, size_t more)
{
    CHECK(entry->cached);
    entry->held += more;
    cache->shelves[cache_shelf_of(entry)].bytes += more;
}

static struct site_entry *oldest(const struct cache_shelf *shelf)
{
    struct list *node = list_first(&shelf->ages);

    return node ? CONTAINER_OF(node, struct site_entry, age) : NULL;
}

static uint8_t chances_of(const struct site_entry *entry)
{
    if (entry->held <= CACHE_SMALL_MAX)
        return CACHE_CHANCES_SMALL;
    return entry->held <= CACHE_MIDDLE_MAX ? CACHE_CHANCES_MIDDLE : CACHE_CHANCES_LARGE;
}

/* A use fills its chances up again, so that a hit need not count. False when it has none left. */
static bool take_chance(struct site_entry *entry)
{
    if (entry->used)
        entry->chances = chances_of(entry);
    entry->used = false;
    if (entry->chances == 0)
        return false;
    entry->chances--;
    return true;
}

static void move_to_end(struct cache_shelf *shelf, struct site_entry *entry)
{
    list_remove(&entry->age);
    list_append(&shelf->ages, &entry->age);
}

struct site_entry *cache_excess(struct cache *cache, enum cache_shelf_name name, size_t held)
{
    struct cache_shelf *shelf = &cache->shelves[name];
    bool fits =
        shelf->bytes + held <= shelf->limits.bytes && shelf->entries < shelf->limits.entries;
    struct site_entry *entry = fits ? NULL : oldest(shelf);

    for (int passed = 0; entry && passed < CACHE_PASSES_MAX && take_chance(entry); passed++) {
        move_to_end(shelf, entry);
        entry = oldest(shelf);
    }
    return entry;
}

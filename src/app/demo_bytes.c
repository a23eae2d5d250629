#include "app/demo_bytes.h"

#include <stdlib.h>
#include <string.h>

struct demo_bytes {
    size_t len;
    unsigned users; /* the cache, and whoever has taken it */
    char at[];
};

/* The oldest first. */
struct demo_cache {
    uint64_t secret;
    size_t held;
    unsigned count;
    struct demo_bytes *list[DEMO_CACHE_COUNT];
};

struct demo_cache *demo_cache_make(uint64_t secret)
{
    struct demo_cache *cache = calloc(1, sizeof *cache);

    if (cache)
        cache->secret = secret;
    return cache;
}

void demo_bytes_give_back(void *owner)
{
    struct demo_bytes *bytes = owner;

    if (--bytes->users == 0)
        free(bytes);
}

static void drop_oldest(struct demo_cache *cache)
{
    struct demo_bytes *oldest = cache->list[0];

    cache->held -= oldest->len;
    cache->count--;
    memmove(cache->list, cache->list + 1, cache->count * sizeof(struct demo_bytes *));
    demo_bytes_give_back(oldest);
}

void demo_cache_free(struct demo_cache *cache)
{
    while (cache->count > 0)
        drop_oldest(cache);
    free(cache);
}

/* SplitMix64: every step is a mix of a counter, so it has no state to go wrong. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static struct demo_bytes *make(uint64_t secret, size_t len)
{
    struct demo_bytes *bytes = malloc(sizeof *bytes + len);
    uint64_t counter = mix(secret ^ (len * 0x9e3779b97f4a7c15u));

    if (!bytes)
        return NULL;
    bytes->len = len;
    bytes->users = 1;
    for (size_t at = 0; at < len; at += sizeof counter) {
        uint64_t word = mix(counter += 0x9e3779b97f4a7c15u);
        memcpy(bytes->at + at, &word, len - at < sizeof word ? len - at : sizeof word);
    }
    return bytes;
}

struct demo_bytes *demo_bytes_take(struct demo_cache *cache, size_t len)
{
    for (unsigned i = 0; i < cache->count; i++) {
        if (cache->list[i]->len == len) {
            cache->list[i]->users++;
            return cache->list[i];
        }
    }
    struct demo_bytes *bytes = make(cache->secret, len);
    if (!bytes)
        return NULL;
    while (cache->count == DEMO_CACHE_COUNT || cache->held + len > DEMO_CACHE_MAX)
        drop_oldest(cache);
    cache->list[cache->count++] = bytes;
    cache->held += len;
    bytes->users++;
    return bytes;
}

const void *demo_bytes_at(const struct demo_bytes *bytes)
{
    return bytes->at;
}

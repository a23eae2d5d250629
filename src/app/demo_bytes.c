#include "app/demo_bytes.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_MIN = 4096 };

struct demo_bytes {
    struct demo_cache *cache;
    uint64_t counter; /* of the word that is made next */
    size_t len, made;
    unsigned users; /* the cache, and whoever has taken it */
    char at[];
};

/* The oldest first. */
struct demo_cache {
    uint64_t secret;
    size_t alive; /* bytes that there are, here or elsewhere */
    bool closed;
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

static void free_closed(struct demo_cache *cache)
{
    if (cache->closed && cache->alive == 0)
        free(cache);
}

void demo_bytes_give_back(void *owner)
{
    struct demo_bytes *bytes = owner;
    struct demo_cache *cache = bytes->cache;

    if (--bytes->users > 0)
        return;
    cache->alive -= bytes->len;
    free(bytes);
    free_closed(cache);
}

static void drop(struct demo_cache *cache, unsigned i)
{
    struct demo_bytes *dropped = cache->list[i];

    cache->count--;
    memmove(cache->list + i, cache->list + i + 1, (cache->count - i) * sizeof(struct demo_bytes *));
    demo_bytes_give_back(dropped);
}

void demo_cache_free(struct demo_cache *cache)
{
    while (cache->count > 0)
        drop(cache, cache->count - 1);
    cache->closed = true;
    free_closed(cache);
}

/* Of those that nobody else has. False when there is none. */
static bool drop_oldest(struct demo_cache *cache)
{
    for (unsigned i = 0; i < cache->count; i++) {
        if (cache->list[i]->users == 1) {
            drop(cache, i);
            return true;
        }
    }
    return false;
}

static bool make_room(struct demo_cache *cache, size_t len)
{
    bool dropped = true;

    while (dropped && (cache->count == DEMO_CACHE_COUNT || cache->alive + len > DEMO_CACHE_MAX))
        dropped = drop_oldest(cache);
    return dropped;
}

/* SplitMix64: every step is a mix of a counter, so it has no state to go wrong. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static struct demo_bytes *add(struct demo_cache *cache, size_t len)
{
    struct demo_bytes *bytes = malloc(sizeof *bytes + len);

    if (!bytes)
        return NULL;
    bytes->cache = cache;
    bytes->counter = mix(cache->secret ^ (len * 0x9e3779b97f4a7c15u));
    bytes->len = len;
    bytes->made = 0;
    bytes->users = 1;
    cache->alive += len;
    cache->list[cache->count++] = bytes;
    return bytes;
}

struct demo_bytes *demo_bytes_take(struct demo_cache *cache, size_t len)
{
    struct demo_bytes *bytes = NULL;

    for (unsigned i = 0; i < cache->count && !bytes; i++)
        if (cache->list[i]->len == len)
            bytes = cache->list[i];
    if (!bytes && make_room(cache, len))
        bytes = add(cache, len);
    if (bytes)
        bytes->users++;
    return bytes;
}

/* Whole words, so that the bytes do not depend on the steps. */
static size_t step(const struct demo_bytes *bytes)
{
    size_t share = bytes->users > 2 ? DEMO_BYTES_STEP / (bytes->users - 1) : DEMO_BYTES_STEP;

    return share < STEP_MIN ? STEP_MIN : share & ~(sizeof bytes->counter - 1);
}

bool demo_bytes_make(struct demo_bytes *bytes)
{
    size_t left = bytes->len - bytes->made, max = step(bytes);
    size_t end = bytes->made + (left < max ? left : max);

    for (size_t at = bytes->made; at < end; at += sizeof bytes->counter) {
        uint64_t word = mix(bytes->counter += 0x9e3779b97f4a7c15u);
        memcpy(bytes->at + at, &word, end - at < sizeof word ? end - at : sizeof word);
    }
    bytes->made = end;
    return demo_bytes_are_made(bytes);
}

bool demo_bytes_are_made(const struct demo_bytes *bytes)
{
    return bytes->made == bytes->len;
}

const void *demo_bytes_at(const struct demo_bytes *bytes)
{
    return bytes->at;
}

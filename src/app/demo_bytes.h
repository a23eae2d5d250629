/* demo_bytes.h - random bytes by their number: the same for the same number and secret, on every
 * core and at every call.
 *
 * Each core keeps some of those it made; one that a reply still sends outlives the cache. Many
 * bytes take a while to make, so they are made step by step, by whoever waits for them. */
#ifndef APP_DEMO_BYTES_H
#define APP_DEMO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DEMO_BYTES_LEN_MAX = 16 * 1024 * 1024,
    /* Bytes there are of a core, those that replies still send among them: of the others the oldest
     * go, and when there are none, nobody gets more. */
    DEMO_CACHE_MAX = 32 * 1024 * 1024,
    DEMO_CACHE_COUNT = 64,        /* likewise */
    DEMO_BYTES_STEP = 256 * 1024, /* made at a time: well under a millisecond */
};

struct demo_cache;
struct demo_bytes;

/* NULL when memory is short. */
struct demo_cache *demo_cache_make(uint64_t secret);

/* Bytes that somebody still has stay until they are given back. */
void demo_cache_free(struct demo_cache *cache);

/* `len` bytes, 1 to DEMO_BYTES_LEN_MAX, to be given back; NULL when there are too many, or memory
 * is short. They may have to be made first. */
struct demo_bytes *demo_bytes_take(struct demo_cache *cache, size_t len);

/* Make some more of them, unless they all are: DEMO_BYTES_STEP, shared out among those who have
 * taken them, as each will call this. Returns whether they all are now. */
bool demo_bytes_make(struct demo_bytes *bytes);
bool demo_bytes_are_made(const struct demo_bytes *bytes);

/* Once they are made. */
const void *demo_bytes_at(const struct demo_bytes *bytes);

/* `bytes` is a struct demo_bytes; fit for ringlet_reply_give. */
void demo_bytes_give_back(void *bytes);

#endif

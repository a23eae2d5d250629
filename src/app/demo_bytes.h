/* demo_bytes.h - random bytes by their number: the same for the same number and secret, on every
 * core and at every call.
 *
 * Each core keeps some of those it made; one that a reply still sends outlives the cache. */
#ifndef APP_DEMO_BYTES_H
#define APP_DEMO_BYTES_H

#include <stddef.h>
#include <stdint.h>

enum {
    DEMO_BYTES_LEN_MAX = 16 * 1024 * 1024,
    DEMO_CACHE_MAX = 32 * 1024 * 1024, /* bytes held a core; the oldest go */
    DEMO_CACHE_COUNT = 64,             /* likewise */
};

struct demo_cache;
struct demo_bytes;

/* NULL when memory is short. */
struct demo_cache *demo_cache_make(uint64_t secret);

/* Bytes that somebody still has stay until they are given back. */
void demo_cache_free(struct demo_cache *cache);

/* `len` bytes, 1 to DEMO_BYTES_LEN_MAX, to be given back; NULL when memory is short. */
struct demo_bytes *demo_bytes_take(struct demo_cache *cache, size_t len);
const void *demo_bytes_at(const struct demo_bytes *bytes);

/* `bytes` is a struct demo_bytes; fit for ringlet_reply_give. */
void demo_bytes_give_back(void *bytes);

#endif

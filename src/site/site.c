#include "site/site.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

/* No more entries of `each` bytes than an unsigned counts. */
static unsigned count_in(uint64_t bytes, uint64_t each)
{
    uint64_t count = bytes / each;

    return count < INT32_MAX ? (unsigned)count : INT32_MAX;
}

void site_share_out(struct cache_limits limits[CACHE_SHELVES], uint64_t bytes, unsigned descriptors)
{
    uint64_t part = bytes / SITE_NEGATIVE_PART;
    uint64_t negative = part < SITE_NEGATIVE_BYTES ? part : SITE_NEGATIVE_BYTES;

    limits[CACHE_WHOLE] =
        (struct cache_limits){ bytes - negative, count_in(bytes - negative, SITE_ENTRY_BYTES) };
    limits[CACHE_NEGATIVE] =
        (struct cache_limits){ negative, count_in(negative, sizeof(struct site_entry)) };
    limits[CACHE_OPEN] = (struct cache_limits){ bytes, bytes > 0 ? descriptors : 0 };
}

int site_init(struct site *site, const struct site_config *config)
{
    *site = (struct site){ .config = *config };
    for (size_t i = 0; i < SITE_FILL_BUCKETS; i++)
        list_init(&site->fills[i]);
    return cache_init(&site->cache, config->limits, config->seed);
}

/* A descriptor that finds no place in the list stays open: losing it is better than waiting. */
static void bury(struct site *site, int fd)
{
    if (fd < 0)
        return;
    if (site->dead_count == site->dead_cap) {
        unsigned cap = site->dead_cap ? site->dead_cap * 2 : 16;
        int *more = realloc(site->dead, cap * sizeof *more);
        if (!more)
            return;
        site->dead = more;
        site->dead_cap = cap;
    }
    site->dead[site->dead_count++] = fd;
}

int site_dead_fd(struct site *site)
{
    return site->dead_count > 0 ? site->dead[--site->dead_count] : -1;
}

static void let_go_if_unused(struct site *site, struct site_entry *entry)
{
    if (entry->cached || entry->pins > 0)
        return;
    bury(site, entry->fd);
    entry->fd = -1;
    entry_free(entry);
}

static void remove_entry(struct site *site, struct site_entry *entry)
{
    cache_remove(&site->cache, entry);
    let_go_if_unused(site, entry);
}

static void clear_shelf(struct site *site, struct cache_shelf *shelf)
{
    struct list *node;

    while ((node = list_first(&shelf->ages)))
        remove_entry(site, CONTAINER_OF(node, struct site_entry, age));
}

void site_empty(struct site *site)
{
    CHECK(site->fill_count == 0);
    for (int i = 0; i < CACHE_SHELVES; i++)
        clear_shelf(site, &site->cache.shelves[i]);
}

void site_shed_descriptors(struct site *site)
{
    clear_shelf(site, &site->cache.shelves[CACHE_OPEN]);
}

void site_release(struct site *site)
{
    cache_release(&site->cache);
    free(site->dead);
}

void site_unpin(struct site *site, struct site_entry *entry)
{
    CHECK(entry->pins > 0);
    entry->pins--;
    let_go_if_unused(site, entry);
}

struct site_entry *site_find(struct site *site, struct str path, uint64_t now_ms)
{
    struct site_entry *entry = cache_find(&site->cache, path, cache_hash(&site->cache, path));

    if (!entry || now_ms > entry->until_ms)
        return NULL;
    entry->used = true;
    return entry;
}

struct site_entry *site_find_literal(struct site *site, struct str path, uint64_t now_ms)
{
    struct site_entry *entry = site_find(site, path, now_ms);

    return entry && entry->literal ? entry : NULL;
}

static struct list *fills_of(struct site *site, uint64_t hash)
{
    return &site->fills[hash & (SITE_FILL_BUCKETS - 1)];
}

static struct site_fill *fill_under_way(struct site *site, struct str path, uint64_t hash)
{
    struct list *fills = fills_of(site, hash);

    for (struct list *node = fills->next; node != fills; node = node->next) {
        struct site_fill *fill = CONTAINER_OF(node, struct site_fill, link);
        if (fill->hash == hash && str_equal(fill->path, path))
            return fill;
    }
    return NULL;
}

static struct site_fill *start_fill(struct site *site, struct str path, uint64_t hash)
{
    struct site_fill *fill = fill_make(path, hash);

    if (!fill)
        return NULL;
    fill->old = cache_find(&site->cache, path, hash);
    if (fill->old)
        site_pin(fill->old);
    list_append(fills_of(site, hash), &fill->link);
    site->fill_count++;
    return fill;
}

struct site_fill *site_fill(struct site *site, struct str path, bool *started)
{
    uint64_t hash = cache_hash(&site->cache, path);
    struct site_fill *fill = fill_under_way(site, path, hash);

    *started = !fill;
    return fill ? fill : start_fill(site, path, hash);
}

static void admit(struct site *site, struct site_entry *entry)
{
    enum cache_shelf_name name = cache_shelf_of(entry);
    const struct cache_limits *limits = &site->cache.shelves[name].limits;
    struct site_entry *excess;

    if (limits->entries == 0 || entry->held > limits->bytes / SITE_HELD_PART)
        return;
    while ((excess = cache_excess(&site->cache, name, entry->held)))
        remove_entry(site, excess);
    cache_add(&site->cache, entry);
}

/* What says so lastingly: nothing is known after a failure. */
static bool is_negative(int status)
{
    return status == 301 || status == 403 || status == 404;
}

static void admit_negative(struct site *site, struct site_fill *fill, uint64_t now_ms)
{
    struct site_entry *entry = entry_make_negative(fill->path, fill->found.status);

    if (!entry)
        return;
    entry->hash = fill->hash;
    entry->until_ms = now_ms + SITE_CHECK_MS;
    admit(site, entry);
    site_unpin(site, entry);
}

bool site_fill_step(struct site *site, struct site_fill *fill, int64_t result, uint64_t now_ms,
                    int64_t now_unix)
{
    if (fill_step(fill, result, site->config.root, site->config.mime, now_unix))
        return true;

    /* Requests that come from here on start anew. */
    list_remove(&fill->link);
    struct site_entry *entry = fill->found.entry;

    /* What was held for this path is no longer what stands on disk; after a 503 nobody knows. */
    if (fill->old && fill->old != entry && fill->old->cached && fill->found.status != 503)
        remove_entry(site, fill->old);
    if (entry)
        entry->until_ms = now_ms + SITE_CHECK_MS;
    if (entry && !entry->cached && fill->steady)
        admit(site, entry);
    if (is_negative(fill->found.status))
        admit_negative(site, fill, now_ms);
    return false;
}

void site_fill_end(struct site *site, struct site_fill *fill)
{
    struct site_entry *pinned[] = { fill->made, fill->old };

    site->fill_count--;
    bury(site, fill->name_fd);
    bury(site, fill->fd);
    fill->name_fd = fill->fd = -1;
    fill->made = fill->old = NULL;
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++)
        if (pinned[i])
            site_unpin(site, pinned[i]);
    fill_free(fill);
}

/* The entries of a core by path: found, counted, let go in order. */
#include "seed.h"
#include "site/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct cache_limits plenty = { 1 << 20, 64, 64 };

/* An entry that the cache has never seen; its size, descriptor and hash are whatever the test says.
 */
static struct site_entry *make(const char *path, uint64_t hash, size_t held, int fd)
{
    const struct statx facts = { .stx_size = 1 };
    struct site_entry *entry = entry_make(str_from(path), &facts, false, NULL, INT64_MAX);

    assert_non_null(entry);
    entry->hash = hash;
    entry->held = held;
    entry->fd = fd;
    return entry;
}

static struct site_entry *add(struct cache *cache, const char *path, size_t held, int fd)
{
    uint64_t hash = cache_hash(cache, str_from(path));
    struct site_entry *entry = make(path, hash, held, fd);

    cache_add(cache, entry);
    return entry;
}

static void discard(struct site_entry *entry)
{
    entry->fd = -1;
    entry->pins = 0;
    entry_free(entry);
}

static void remove_and_discard(struct cache *cache, struct site_entry *entry)
{
    cache_remove(cache, entry);
    discard(entry);
}

static struct site_entry *find(const struct cache *cache, const char *path)
{
    return cache_find(cache, str_from(path), cache_hash(cache, str_from(path)));
}

static void clear(struct cache *cache)
{
    while (!list_empty(&cache->ages))
        remove_and_discard(cache, CONTAINER_OF(cache->ages.next, struct site_entry, age));
    assert_int_equal(cache->bytes, 0);
    assert_int_equal(cache->entries, 0);
    assert_int_equal(cache->descriptors, 0);
    cache_release(cache);
}

static void finds_what_was_added(void **state)
{
    struct cache cache;

    (void)state;
    assert_int_equal(cache_init(&cache, &plenty, 1), 0);
    assert_null(find(&cache, "/a"));
    struct site_entry *a = add(&cache, "/a", 10, -1);
    struct site_entry *ab = add(&cache, "/ab", 20, -1);
    assert_ptr_equal(find(&cache, "/a"), a);
    assert_ptr_equal(find(&cache, "/ab"), ab);
    assert_null(find(&cache, "/"));
    assert_null(find(&cache, "/A"));
    assert_null(find(&cache, "/abc"));
    assert_int_equal(a->pins, 1); /* the one it was made with */
    assert_true(a->cached);
    assert_false(a->used);

    cache_remove(&cache, a);
    assert_false(a->cached);
    assert_null(find(&cache, "/a"));
    assert_ptr_equal(find(&cache, "/ab"), ab);
    a->used = true; /* of an earlier stay */
    cache_add(&cache, a);
    assert_false(a->used);
    assert_ptr_equal(find(&cache, "/a"), a);
    clear(&cache);
}

static void counts_what_it_holds(void **state)
{
    struct cache cache;

    (void)state;
    assert_int_equal(cache_init(&cache, &plenty, 1), 0);
    struct site_entry *a = add(&cache, "/a", 10, -1);
    struct site_entry *b = add(&cache, "/b", 200, 7);
    struct site_entry *c = add(&cache, "/c", 3000, 0); /* 0 is a descriptor like any other */
    assert_int_equal(cache.bytes, 3210);
    assert_int_equal(cache.entries, 3);
    assert_int_equal(cache.descriptors, 2);
    remove_and_discard(&cache, b);
    assert_int_equal(cache.bytes, 3010);
    assert_int_equal(cache.entries, 2);
    assert_int_equal(cache.descriptors, 1);
    remove_and_discard(&cache, c);
    assert_int_equal(cache.descriptors, 0);
    remove_and_discard(&cache, a);
    assert_int_equal(cache.bytes, 0);
    clear(&cache);
}

enum { COLLIDING = 5 };

/* Paths whose hashes are the same, or differ only above what chooses the bucket: each order of
 * removal leaves the others where they are found. */
static void survives_collisions(void **state)
{
    static const char *const paths[COLLIDING] = { "/a", "/b", "/c", "/d", "/e" };
    static const uint64_t hashes[COLLIDING] = { 5, 5, 5 | 1ull << 32, 5 | 1ull << 63, 5 };

    (void)state;
    for (int first = 0; first < COLLIDING; first++)
        for (int step = 1; step < COLLIDING; step++) {
            struct cache cache;
            struct site_entry *entries[COLLIDING];

            assert_int_equal(cache_init(&cache, &plenty, 1), 0);
            for (int i = 0; i < COLLIDING; i++) {
                entries[i] = make(paths[i], hashes[i], 1, -1);
                cache_add(&cache, entries[i]);
            }
            for (int gone = 0, at = first; gone < COLLIDING; gone++, at = (at + step) % COLLIDING) {
                remove_and_discard(&cache, entries[at]);
                entries[at] = NULL;
                for (int i = 0; i < COLLIDING; i++)
                    assert_ptr_equal(cache_find(&cache, str_from(paths[i]), hashes[i]), entries[i]);
            }
            clear(&cache);
        }
}

static void lets_go_in_order_of_admission(void **state)
{
    struct cache cache;
    const struct cache_limits limits = { 1000, 3, 3 };

    (void)state;
    assert_int_equal(cache_init(&cache, &limits, 1), 0);
    assert_null(cache_excess(&cache, 1, false));
    struct site_entry *a = add(&cache, "/a", 1, -1);
    struct site_entry *b = add(&cache, "/b", 1, -1);
    struct site_entry *c = add(&cache, "/c", 1, -1);
    assert_ptr_equal(cache_excess(&cache, 1, false), a);
    assert_ptr_equal(cache_excess(&cache, 1, false), a); /* asking changes nothing */
    remove_and_discard(&cache, a);
    assert_null(cache_excess(&cache, 1, false));
    struct site_entry *d = add(&cache, "/d", 1, -1);
    remove_and_discard(&cache, b);
    struct site_entry *e = add(&cache, "/e", 1, -1);
    assert_ptr_equal(cache_excess(&cache, 1, false), c);
    remove_and_discard(&cache, c);
    remove_and_discard(&cache, d);
    remove_and_discard(&cache, e);
    clear(&cache);
}

static void gives_a_second_chance(void **state)
{
    struct cache cache;
    const struct cache_limits limits = { 1000, 3, 3 };

    (void)state;
    assert_int_equal(cache_init(&cache, &limits, 1), 0);
    struct site_entry *a = add(&cache, "/a", 1, -1);
    struct site_entry *b = add(&cache, "/b", 1, -1);
    struct site_entry *c = add(&cache, "/c", 1, -1);
    a->used = true;
    assert_ptr_equal(cache_excess(&cache, 1, false), b);
    assert_false(a->used); /* one chance for one use */
    remove_and_discard(&cache, b);

    /* a went behind c; that all are used saves nobody. */
    struct site_entry *d = add(&cache, "/d", 1, -1);
    a->used = c->used = d->used = true;
    assert_ptr_equal(cache_excess(&cache, 1, false), c);
    assert_false(a->used || c->used || d->used);
    remove_and_discard(&cache, c);
    struct site_entry *e = add(&cache, "/e", 1, -1);
    assert_ptr_equal(cache_excess(&cache, 1, false), a);
    remove_and_discard(&cache, a);
    remove_and_discard(&cache, d);
    remove_and_discard(&cache, e);
    clear(&cache);
}

static void what_fits_is_no_use(void **state)
{
    struct cache cache;
    const struct cache_limits limits = { 1000, 3, 3 };

    (void)state;
    assert_int_equal(cache_init(&cache, &limits, 1), 0);
    struct site_entry *a = add(&cache, "/a", 1, -1);
    a->used = true;
    assert_null(cache_excess(&cache, 1, false));
    assert_true(a->used); /* nobody had to be looked at */
    remove_and_discard(&cache, a);
    clear(&cache);
}

static void keeps_to_each_limit(void **state)
{
    struct cache cache;
    const struct cache_limits limits = { 100, 3, 2 };

    (void)state;
    assert_int_equal(cache_init(&cache, &limits, 1), 0);
    assert_null(cache_excess(&cache, 100, true));
    assert_null(cache_excess(&cache, 101, false)); /* nobody is left to go */
    struct site_entry *a = add(&cache, "/a", 40, 3);
    assert_null(cache_excess(&cache, 60, false));
    assert_ptr_equal(cache_excess(&cache, 61, false), a);
    struct site_entry *b = add(&cache, "/b", 40, 4);
    assert_null(cache_excess(&cache, 20, false));
    assert_ptr_equal(cache_excess(&cache, 20, true), a);
    struct site_entry *c = add(&cache, "/c", 1, -1);
    assert_ptr_equal(cache_excess(&cache, 0, false), a);
    remove_and_discard(&cache, a);
    assert_null(cache_excess(&cache, 59, true));
    assert_ptr_equal(cache_excess(&cache, 60, true), b);
    remove_and_discard(&cache, b);
    remove_and_discard(&cache, c);
    clear(&cache);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

enum { HASHED_MAX = 40 };

/* Every length, and every byte of every length, makes a difference; so does the seed. */
static void hashes_every_byte(void **state)
{
    uint64_t hashes[HASHED_MAX * (HASHED_MAX + 1)];
    char path[HASHED_MAX] = { 0 };
    size_t count = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        const struct cache cache = { .seed = cache_seed_of(seed * 0x9e3779b97f4a7c15) };

        count = 0;
        for (size_t len = 0; len < HASHED_MAX; len++) {
            hashes[count++] = cache_hash(&cache, str_of(path, len));
            for (size_t i = 0; i < len; i++) {
                path[i] = 1;
                hashes[count++] = cache_hash(&cache, str_of(path, len));
                assert_int_equal(hashes[count - 1], cache_hash(&cache, str_of(path, len)));
                path[i] = 0;
            }
        }
        qsort(hashes, count, sizeof hashes[0], by_value);
        for (size_t i = 1; i < count; i++)
            assert_true(hashes[i] != hashes[i - 1]);
    }
    const struct cache one = { .seed = cache_seed_of(1) },
                       two = { .seed = cache_seed_of(2) };
    assert_true(cache_hash(&one, STR("/a")) != cache_hash(&two, STR("/a")));
}

enum { PAIRS = 256 * 256 };

/* Neighbouring bytes do not run into each other, neither within a word nor across two. */
static void hashes_neighbours_apart(void **state)
{
    static const size_t lens[] = { 2, 7, 8, 9, 16, 17 };
    const struct cache cache = { .seed = cache_seed_of(3) };
    uint64_t *hashes = calloc(PAIRS, sizeof *hashes);
    char path[32] = { 0 };

    (void)state;
    assert_non_null(hashes);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        size_t len = lens[i];
        for (unsigned pair = 0; pair < PAIRS; pair++) {
            path[len - 2] = (char)(pair >> 8);
            path[len - 1] = (char)(pair & 255);
            hashes[pair] = cache_hash(&cache, str_of(path, len));
        }
        memset(path, 0, sizeof path);
        qsort(hashes, PAIRS, sizeof *hashes, by_value);
        for (unsigned pair = 1; pair < PAIRS; pair++)
            assert_true(hashes[pair] != hashes[pair - 1]);
    }
    free(hashes);
}

/* A peer that knows all but the seed picks two paths, of which the second undoes in its last word
 * what it changed in its first: any pair of such changes must work for next to no seed. */
static void collisions_can_not_be_chosen(void **state)
{
    enum { WORD = 8, LEN = 2 * WORD, SEEDS = 200 };

    (void)state;
    for (unsigned change = 0; change < WORD * 8; change++)
        for (unsigned undo = 0; undo < WORD * 8; undo++) {
            char one[] = "/abcdefghijklmno", two[] = "/abcdefghijklmno";
            unsigned collisions = 0;

            two[change / 8] ^= (char)(1u << change % 8);
            two[WORD + undo / 8] ^= (char)(1u << undo % 8);
            two[WORD + (undo / 8 + 4) % 8] ^=
                (char)(1u << undo % 8); /* what a fold carries along */
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                const struct cache cache = { .seed = cache_seed_of(seed * 0x2545f4914f6cdd1d) };
                collisions +=
                    cache_hash(&cache, str_of(one, LEN)) == cache_hash(&cache, str_of(two, LEN));
            }
            assert_true(collisions <= 1);
        }
}

/* --- against a plain model --- */

enum { PATHS = 24, STEPS = 20000 };

struct model {
    struct cache cache;
    struct site_entry *held[PATHS]; /* in the order they would go */
    unsigned count;
    uint64_t seed;
};

static void name(char out[8], uint64_t path)
{
    snprintf(out, 8, "/%llu", (unsigned long long)path);
}

static unsigned place_of(const struct model *m, const struct site_entry *entry)
{
    unsigned i = 0;

    while (i < m->count && m->held[i] != entry)
        i++;
    assert_true(i < m->count);
    return i;
}

static void take_out(struct model *m, unsigned place)
{
    m->count--;
    for (unsigned i = place; i < m->count; i++)
        m->held[i] = m->held[i + 1];
}

static bool model_fits(const struct model *m, size_t held, bool descriptor)
{
    size_t bytes = held;
    unsigned descriptors = descriptor;

    for (unsigned i = 0; i < m->count; i++) {
        bytes += m->held[i]->held;
        descriptors += m->held[i]->fd >= 0;
    }
    return bytes <= m->cache.limits.bytes && m->count < m->cache.limits.entries &&
           descriptors <= m->cache.limits.descriptors;
}

/* Who should go by the model, which has read `used` before the cache cleared it. */
static struct site_entry *model_excess(struct model *m, const bool used[PATHS])
{
    unsigned first = 0;
    struct site_entry *moved[PATHS];

    while (first < m->count && used[first])
        first++;
    first %= m->count;
    for (unsigned i = 0; i < m->count; i++)
        moved[i] = m->held[(first + i) % m->count];
    memcpy(m->held, moved, m->count * sizeof moved[0]);
    return m->held[0];
}

static void random_add(struct model *m, const char *path)
{
    size_t held = seed_below(&m->seed, 120);
    int fd = seed_once_in(&m->seed, 3) ? 9 : -1;

    while (!model_fits(m, held, fd >= 0)) {
        bool used[PATHS];
        for (unsigned i = 0; i < m->count; i++)
            used[i] = m->held[i]->used;
        struct site_entry *excess = cache_excess(&m->cache, held, fd >= 0);
        assert_ptr_equal(excess, model_excess(m, used));
        take_out(m, 0);
        remove_and_discard(&m->cache, excess);
    }
    assert_null(cache_excess(&m->cache, held, fd >= 0));
    m->held[m->count++] = add(&m->cache, path, held, fd);
}

static void check_order_and_counts(const struct model *m)
{
    unsigned i = 0;
    size_t bytes = 0;
    unsigned descriptors = 0;

    for (const struct list *node = m->cache.ages.next; node != &m->cache.ages; node = node->next) {
        assert_true(i < m->count);
        assert_ptr_equal(node, &m->held[i]->age);
        bytes += m->held[i]->held;
        descriptors += m->held[i++]->fd >= 0;
    }
    assert_int_equal(i, m->count);
    assert_int_equal(m->cache.entries, m->count);
    assert_int_equal(m->cache.bytes, bytes);
    assert_int_equal(m->cache.descriptors, descriptors);
}

static void agrees_with_a_plain_model(void **state)
{
    const struct cache_limits limits = { 600, 12, 3 };
    struct model m = { .seed = seed_draw("cache") };

    (void)state;
    assert_int_equal(cache_init(&m.cache, &limits, m.seed), 0);
    for (int step = 0; step < STEPS; step++) {
        char path[8];

        name(path, seed_below(&m.seed, PATHS));
        struct site_entry *entry = find(&m.cache, path);
        if (entry)
            assert_true(str_equal(entry->path, str_from(path)));
        if (!entry) {
            random_add(&m, path);
        } else if (seed_once_in(&m.seed, 3)) {
            take_out(&m, place_of(&m, entry));
            remove_and_discard(&m.cache, entry);
        } else {
            entry->used = true;
        }
        check_order_and_counts(&m);
    }
    clear(&m.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(counts_what_it_holds),
        cmocka_unit_test(survives_collisions),
        cmocka_unit_test(lets_go_in_order_of_admission),
        cmocka_unit_test(gives_a_second_chance),
        cmocka_unit_test(what_fits_is_no_use),
        cmocka_unit_test(keeps_to_each_limit),
        cmocka_unit_test(hashes_every_byte),
        cmocka_unit_test(hashes_neighbours_apart),
        cmocka_unit_test(collisions_can_not_be_chosen),
        cmocka_unit_test(agrees_with_a_plain_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

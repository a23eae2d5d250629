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

/* Of all shelves alike. */
#define LIMITS(bytes, entries)                                                                     \
    {                                                                                              \
        { bytes, entries }, { bytes, entries },                                                    \
        {                                                                                          \
            bytes, entries                                                                         \
        }                                                                                          \
    }

static const struct cache_limits plenty[CACHE_SHELVES] = LIMITS(1 << 20, 64);

/* An entry that the cache has never seen; its size, descriptor and hash are whatever the test says.
 * With a descriptor it is a large file, without one it is whole. */
static struct site_entry *make(const char *path, uint64_t hash, size_t held, int fd)
{
    const struct statx facts = { .stx_size = 1 };
    struct site_entry *entry =
        entry_make(str_from(path), &facts, fd < 0, (struct entry_form){ 0 }, INT64_MAX);

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
    for (int i = 0; i < CACHE_SHELVES; i++) {
        struct list *ages = &cache->shelves[i].ages;
        while (!list_empty(ages))
            remove_and_discard(cache, CONTAINER_OF(ages->next, struct site_entry, age));
        assert_int_equal(cache->shelves[i].bytes, 0);
        assert_int_equal(cache->shelves[i].entries, 0);
    }
    cache_release(cache);
}

static void finds_what_was_added(void **state)
{
    struct cache cache;

    (void)state;
    assert_int_equal(cache_init(&cache, plenty, 1), 0);
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
    assert_int_equal(cache_init(&cache, plenty, 1), 0);
    struct site_entry *a = add(&cache, "/a", 10, -1);
    struct site_entry *b = add(&cache, "/b", 200, 7);
    struct site_entry *c = add(&cache, "/c", 3000, 0); /* 0 is a descriptor like any other */
    struct site_entry *d = entry_make_negative(STR("/d"), 404);
    assert_non_null(d);
    cache_add(&cache, d);
    assert_int_equal(cache.shelves[CACHE_WHOLE].bytes, 10);
    assert_int_equal(cache.shelves[CACHE_WHOLE].entries, 1);
    assert_int_equal(cache.shelves[CACHE_OPEN].bytes, 3200);
    assert_int_equal(cache.shelves[CACHE_OPEN].entries, 2);
    assert_int_equal(cache.shelves[CACHE_NEGATIVE].bytes, d->held);
    assert_int_equal(cache.shelves[CACHE_NEGATIVE].entries, 1);
    remove_and_discard(&cache, b);
    remove_and_discard(&cache, d);
    assert_int_equal(cache.shelves[CACHE_OPEN].bytes, 3000);
    assert_int_equal(cache.shelves[CACHE_OPEN].entries, 1);
    assert_int_equal(cache.shelves[CACHE_NEGATIVE].entries, 0);
    remove_and_discard(&cache, a);
    remove_and_discard(&cache, c);
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

            assert_int_equal(cache_init(&cache, plenty, 1), 0);
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
    const struct cache_limits limits[] = LIMITS(1000, 3);

    (void)state;
    assert_int_equal(cache_init(&cache, limits, 1), 0);
    assert_null(cache_excess(&cache, CACHE_WHOLE, 1));
    struct site_entry *a = add(&cache, "/a", 1, -1);
    struct site_entry *b = add(&cache, "/b", 1, -1);
    struct site_entry *c = add(&cache, "/c", 1, -1);
    assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 1), a);
    assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 1), a); /* asking changes nothing */
    remove_and_discard(&cache, a);
    assert_null(cache_excess(&cache, CACHE_WHOLE, 1));
    struct site_entry *d = add(&cache, "/d", 1, -1);
    remove_and_discard(&cache, b);
    struct site_entry *e = add(&cache, "/e", 1, -1);
    assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 1), c);
    remove_and_discard(&cache, c);
    remove_and_discard(&cache, d);
    remove_and_discard(&cache, e);
    clear(&cache);
}

/* The small are passed over most often; a use fills the chances up again. */
static void chances_depend_on_size(void **state)
{
    static const struct {
        size_t held;
        int chances;
    } cases[] = {
        { 1, CACHE_CHANCES_SMALL },
        { CACHE_SMALL_MAX, CACHE_CHANCES_SMALL },
        { CACHE_SMALL_MAX + 1, CACHE_CHANCES_MIDDLE },
        { CACHE_MIDDLE_MAX + 1, CACHE_CHANCES_LARGE },
    };
    const struct cache_limits limits[] = LIMITS(1 << 20, 2);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cache cache;

        assert_int_equal(cache_init(&cache, limits, 1), 0);
        struct site_entry *kept = add(&cache, "/kept", cases[i].held, -1);
        kept->used = true;
        for (int round = 0; round < cases[i].chances; round++) {
            struct site_entry *other = add(&cache, "/other", 1, -1);
            assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 1), other);
            assert_false(kept->used);
            remove_and_discard(&cache, other);
        }
        struct site_entry *other = add(&cache, "/other", 1, -1);
        assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 1), kept);
        remove_and_discard(&cache, kept);
        remove_and_discard(&cache, other);
        clear(&cache);
    }
}

/* That all are used saves nobody, and the search for one has an end. */
static void a_full_house_in_use_gives_way(void **state)
{
    enum { ALL = 2 * CACHE_PASSES_MAX };
    const struct cache_limits limits[] = LIMITS(1 << 20, ALL);
    struct site_entry *entries[ALL];
    struct cache cache;
    char path[8];

    (void)state;
    assert_int_equal(cache_init(&cache, limits, 1), 0);
    for (int i = 0; i < ALL; i++) {
        snprintf(path, sizeof path, "/%d", i);
        entries[i] = add(&cache, path, 1, -1);
        entries[i]->used = true;
    }
    struct site_entry *excess = cache_excess(&cache, CACHE_WHOLE, 1);
    assert_ptr_equal(excess, entries[CACHE_PASSES_MAX]);
    assert_true(entries[CACHE_PASSES_MAX + 1]->used);
    remove_and_discard(&cache, excess);
    clear(&cache);
}

static void what_fits_is_no_use(void **state)
{
    struct cache cache;
    const struct cache_limits limits[] = LIMITS(1000, 3);

    (void)state;
    assert_int_equal(cache_init(&cache, limits, 1), 0);
    struct site_entry *a = add(&cache, "/a", 1, -1);
    a->used = true;
    assert_null(cache_excess(&cache, CACHE_WHOLE, 1));
    assert_true(a->used); /* nobody had to be looked at */
    remove_and_discard(&cache, a);
    clear(&cache);
}

static void keeps_to_each_limit(void **state)
{
    struct cache cache;
    const struct cache_limits limits[CACHE_SHELVES] = {
        [CACHE_WHOLE] = { 100, 3 }, [CACHE_OPEN] = { 100, 2 }
    };

    (void)state;
    assert_int_equal(cache_init(&cache, limits, 1), 0);
    assert_null(cache_excess(&cache, CACHE_WHOLE, 100));
    assert_null(cache_excess(&cache, CACHE_WHOLE, 101)); /* nobody is left to go */
    struct site_entry *a = add(&cache, "/a", 40, -1);
    assert_null(cache_excess(&cache, CACHE_WHOLE, 60));
    assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 61), a);
    struct site_entry *b = add(&cache, "/b", 1, -1), *c = add(&cache, "/c", 1, -1);
    assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 0), a);

    /* What another shelf is full of is its own affair. */
    struct site_entry *d = add(&cache, "/d", 40, 3), *e = add(&cache, "/e", 40, 4);
    assert_ptr_equal(cache_excess(&cache, CACHE_OPEN, 0), d);
    remove_and_discard(&cache, a);
    assert_null(cache_excess(&cache, CACHE_WHOLE, 98));
    assert_ptr_equal(cache_excess(&cache, CACHE_WHOLE, 99), b);
    remove_and_discard(&cache, b);
    remove_and_discard(&cache, c);
    remove_and_discard(&cache, d);
    assert_null(cache_excess(&cache, CACHE_OPEN, 60));
    assert_ptr_equal(cache_excess(&cache, CACHE_OPEN, 61), e);
    remove_and_discard(&cache, e);
    assert_null(cache_excess(&cache, CACHE_NEGATIVE, 0)); /* the one with no room at all */
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
    const struct cache one = { .seed = cache_seed_of(1) }, two = { .seed = cache_seed_of(2) };
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

/* One shelf of the model. */
struct row {
    struct site_entry *held[PATHS]; /* in the order they would go */
    unsigned chances[PATHS];
    unsigned count;
};

struct model {
    struct cache cache;
    struct row rows[2]; /* whole, and open */
    uint64_t seed;
};

static const struct cache_limits model_limits[CACHE_SHELVES] = { { 20000, 8 }, { 20000, 3 } };

static void name(char out[8], uint64_t path)
{
    snprintf(out, 8, "/%llu", (unsigned long long)path);
}

static unsigned place_of(const struct row *row, const struct site_entry *entry)
{
    unsigned i = 0;

    while (i < row->count && row->held[i] != entry)
        i++;
    assert_true(i < row->count);
    return i;
}

static void take_out(struct row *row, unsigned place)
{
    row->count--;
    for (unsigned i = place; i < row->count; i++) {
        row->held[i] = row->held[i + 1];
        row->chances[i] = row->chances[i + 1];
    }
}

static void put_at_end(struct row *row, struct site_entry *entry, unsigned chances)
{
    row->held[row->count] = entry;
    row->chances[row->count++] = chances;
}

static size_t bytes_of(const struct row *row)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < row->count; i++)
        bytes += row->held[i]->held;
    return bytes;
}

/* Who should go, by the model; `used` was read before the cache cleared it. */
static struct site_entry *model_excess(struct row *row, bool used[])
{
    for (;;) {
        struct site_entry *first = row->held[0];
        size_t held = first->held;
        unsigned chances = !used[0] ? row->chances[0] : held <= 4096 ? 3 : held <= 32768 ? 2 : 1;

        if (chances == 0)
            return first;
        for (unsigned i = 1; i < row->count; i++)
            used[i - 1] = used[i];
        used[row->count - 1] = false;
        take_out(row, 0);
        put_at_end(row, first, chances - 1);
    }
}

static void random_add(struct model *m, const char *path)
{
    size_t held = 1 + seed_below(&m->seed, seed_once_in(&m->seed, 2) ? 100 : 9000);
    int fd = seed_once_in(&m->seed, 3) ? 9 : -1;
    enum cache_shelf_name name = fd >= 0 ? CACHE_OPEN : CACHE_WHOLE;
    struct row *row = &m->rows[name];

    while (row->count == model_limits[name].entries ||
           bytes_of(row) + held > model_limits[name].bytes) {
        bool used[PATHS];
        for (unsigned i = 0; i < row->count; i++)
            used[i] = row->held[i]->used;
        struct site_entry *excess = cache_excess(&m->cache, name, held);
        assert_ptr_equal(excess, model_excess(row, used));
        take_out(row, place_of(row, excess));
        remove_and_discard(&m->cache, excess);
    }
    assert_null(cache_excess(&m->cache, name, held));
    put_at_end(row, add(&m->cache, path, held, fd), 0);
}

static void check_order_and_counts(const struct model *m)
{
    for (int name = CACHE_WHOLE; name <= CACHE_OPEN; name++) {
        const struct cache_shelf *shelf = &m->cache.shelves[name];
        const struct row *row = &m->rows[name];
        unsigned i = 0;

        for (const struct list *node = shelf->ages.next; node != &shelf->ages; node = node->next) {
            assert_true(i < row->count);
            assert_ptr_equal(node, &row->held[i]->age);
            i++;
        }
        assert_int_equal(i, row->count);
        assert_int_equal(shelf->entries, row->count);
        assert_int_equal(shelf->bytes, bytes_of(row));
    }
}

static void agrees_with_a_plain_model(void **state)
{
    struct model m = { .seed = seed_draw("cache") };

    (void)state;
    assert_int_equal(cache_init(&m.cache, model_limits, m.seed), 0);
    for (int step = 0; step < STEPS; step++) {
        char path[8];

        name(path, seed_below(&m.seed, PATHS));
        struct site_entry *entry = find(&m.cache, path);
        if (entry)
            assert_true(str_equal(entry->path, str_from(path)));
        if (!entry) {
            random_add(&m, path);
        } else if (seed_once_in(&m.seed, 3)) {
            struct row *row = &m.rows[cache_shelf_of(entry)];
            take_out(row, place_of(row, entry));
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
        cmocka_unit_test(chances_depend_on_size),
        cmocka_unit_test(a_full_house_in_use_gives_way),
        cmocka_unit_test(what_fits_is_no_use),
        cmocka_unit_test(keeps_to_each_limit),
        cmocka_unit_test(hashes_every_byte),
        cmocka_unit_test(hashes_neighbours_apart),
        cmocka_unit_test(collisions_can_not_be_chosen),
        cmocka_unit_test(agrees_with_a_plain_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* demo_items.h - the data set of /json/{count}: read from a JSON file at start, written for each
 * request. */
#ifndef APP_DEMO_ITEMS_H
#define APP_DEMO_ITEMS_H

#include <stddef.h>
#include <stdint.h>

enum {
    DEMO_ITEMS_FILE_MAX = 16 * 1024 * 1024, /* bytes; a longer file is refused */
    DEMO_ITEMS_TAGS_MAX = 16,               /* of one item; likewise */
};

/* Numbers beyond are refused, too: a product of three must still be one. */
#define DEMO_ITEMS_NUMBER_MAX 1e100

struct demo_items;

/* Read an array of items, each with id, name, category, price, quantity, active, tags and rating
 * {score, count}. NULL with a sentence in `why` when it is none. */
struct demo_items *demo_items_read(const char *path, char *why, size_t why_cap);

/* NULL is allowed. */
void demo_items_free(struct demo_items *items);

/* {"items":[...],"count":N}, with the first `count` items, or as many as there are, each with
 * total = price x quantity x m, to two decimals. To be freed; NULL when memory is short. */
char *demo_items_write(const struct demo_items *items, size_t count, int64_t m, size_t *len);

#endif

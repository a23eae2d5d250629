#include "site/watches.h"

#include "base/check.h"

#include <stdlib.h>

void watches_init(struct watches *watches)
{
    for (int i = 0; i < WATCHES_BUCKETS; i++)
        list_init(&watches->buckets[i]);
    list_init(&watches->unused);
    watches->count = 0;
}

void watches_release(struct watches *watches)
{
    while (watches_take_unused(watches) >= 0)
        continue;
    CHECK(watches->count == 0);
}

static struct list *bucket_of(struct watches *watches, int number)
{
    return &watches->buckets[(unsigned)number & (WATCHES_BUCKETS - 1)];
}

struct site_watch *watches_find(struct watches *watches, int number)
{
    struct list *bucket = bucket_of(watches, number);

    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct site_watch *watch = CONTAINER_OF(node, struct site_watch, chain);
        if (watch->number == number)
            return watch;
    }
    return NULL;
}

struct site_watch *watches_know(struct watches *watches, int number)
{
    struct site_watch *watch = watches_find(watches, number);

    if (watch)
        return watch;
    watch = malloc(sizeof *watch);
    if (!watch)
        return NULL;
    watch->number = number;
    watch->uses = 0;
    list_init(&watch->chain);
    list_init(&watch->unused);
    list_init(&watch->steps);
    list_init(&watch->ends);
    list_append(bucket_of(watches, number), &watch->chain);
    list_append(&watches->unused, &watch->unused);
    watches->count++;
    return watch;
}

void watches_use(struct site_watch *watch)
{
    watch->uses++;
    list_remove(&watch->unused);
}

void watches_unuse(struct watches *watches, struct site_watch *watch)
{
    CHECK(watch->uses > 0);
    if (--watch->uses == 0)
        list_append(&watches->unused, &watch->unused);
}

int watches_take_unused(struct watches *watches)
{
    struct list *node = list_take(&watches->unused);

    if (!node)
        return -1;
    struct site_watch *watch = CONTAINER_OF(node, struct site_watch, unused);
    int number = watch->number;
    list_remove(&watch->chain);
    free(watch);
    watches->count--;
    return number;
}

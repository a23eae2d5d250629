#include "server/sealed.h"

#include <stdlib.h>

static struct sealed *pop(struct sealed **list)
{
    struct sealed *sealed = *list;

    if (sealed)
        *list = sealed->next;
    return sealed;
}

static struct sealed *make(size_t size)
{
    struct sealed *sealed = malloc(sizeof *sealed + size);

    if (sealed)
        sealed->text = text_in(sealed->bytes, size);
    return sealed;
}

static struct sealed *take_large(struct sealed_pool *pool)
{
    struct sealed *sealed = pop(&pool->large);

    if (sealed || pool->large_count == SEALED_LARGE_MAX)
        return sealed;
    sealed = make(SEALED_LARGE);
    pool->large_count += sealed != NULL;
    return sealed;
}

static struct sealed *take_small(struct sealed_pool *pool)
{
    struct sealed *sealed = pop(&pool->small);

    return sealed ? sealed : make(SEALED_SMALL);
}

struct sealed *sealed_take(struct sealed_pool *pool, size_t wanted)
{
    struct sealed *sealed = wanted > SEALED_SMALL ? take_large(pool) : NULL;

    if (!sealed)
        sealed = take_small(pool);
    if (sealed)
        sealed->text.len = 0;
    return sealed;
}

void sealed_give_back(struct sealed_pool *pool, struct sealed *sealed)
{
    struct sealed **list = sealed->text.cap == SEALED_LARGE ? &pool->large : &pool->small;

    sealed->next = *list;
    *list = sealed;
}

static void free_all(struct sealed **list)
{
    struct sealed *sealed;

    while ((sealed = pop(list)))
        free(sealed);
}

void sealed_pool_release(struct sealed_pool *pool)
{
    free_all(&pool->small);
    free_all(&pool->large);
    pool->large_count = 0;
}

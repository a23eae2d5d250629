#include "site/route.h"

#include "base/check.h"

#include <stdlib.h>

void routes_init(struct routes *routes)
{
    watches_init(&routes->watches);
    for (int i = 0; i < ROUTES_BUCKETS; i++) {
        list_init(&routes->by_path[i]);
        list_init(&routes->by_step[i]);
    }
    list_init(&routes->ages);
    routes->count = 0;
}

void routes_release(struct routes *routes)
{
    routes_kill_all(routes);
    watches_release(&routes->watches);
}

/* FNV-1a. Those who can make names on this disk need no collisions to slow it down. */
uint64_t route_step_hash(int watch, struct str name)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (unsigned)watch;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.at[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static struct list *bucket_of(struct list *buckets, uint64_t hash)
{
    return &buckets[hash & (ROUTES_BUCKETS - 1)];
}

struct site_route *routes_find(struct routes *routes, struct str path, uint64_t hash)
{
    struct list *bucket = bucket_of(routes->by_path, hash);

    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct site_route *route = CONTAINER_OF(node, struct site_route, chain);
        if (route->hash == hash && str_equal(route->path, path))
            return route;
    }
    return NULL;
}

static struct site_route *make(struct str path, const struct survey *survey)
{
    size_t steps = survey->step_count * sizeof(struct route_step);
    struct site_route *route = calloc(1, sizeof *route + steps + path.len + survey->names_len);

    if (!route)
        return NULL;
    route->steps = (struct route_step *)(void *)(route + 1);
    char *text = (char *)(route->steps + survey->step_count);
    if (path.len > 0)
        memcpy(text, path.at, path.len);
    route->path = str_of(text, path.len);
    text += path.len;
    if (survey->names_len > 0)
        memcpy(text, survey->names, survey->names_len);
    for (unsigned i = 0; i < survey->step_count; i++)
        route->steps[i].name = str_of(text + survey->steps[i].name_at, survey->steps[i].name_len);
    list_init(&route->chain);
    list_init(&route->age);
    list_init(&route->entries);
    list_init(&route->at_end);
    return route;
}

static bool add_step(struct routes *routes, struct site_route *route, int number)
{
    struct route_step *step = &route->steps[route->step_count];

    step->watch = watches_know(&routes->watches, number);
    if (!step->watch)
        return false;
    watches_use(step->watch);
    step->route = route;
    step->hash = route_step_hash(number, step->name);
    list_append(bucket_of(routes->by_step, step->hash), &step->chain);
    list_append(&step->watch->steps, &step->at_watch);
    route->step_count++;
    return true;
}

static bool add_end(struct routes *routes, struct site_route *route, int number)
{
    struct site_watch *end = watches_know(&routes->watches, number);

    if (!end)
        return false;
    watches_use(end);
    route->end = end;
    list_append(&end->ends, &route->at_end);
    return true;
}

static bool add_way(struct routes *routes, struct site_route *route, const struct survey *survey)
{
    for (unsigned i = 0; i < survey->step_count; i++)
        if (!add_step(routes, route, survey->steps[i].watch))
            return false;
    return survey->end < 0 || add_end(routes, route, survey->end);
}

static void make_room(struct routes *routes)
{
    for (struct list *node = routes->ages.next; node != &routes->ages; node = node->next) {
        struct site_route *route = CONTAINER_OF(node, struct site_route, age);
        if (routes->count < ROUTES_MAX)
            return;
        if (route->pins > 0)
            continue;
        routes_kill(routes, route);
        return;
    }
}

struct site_route *routes_add(struct routes *routes, struct str path, uint64_t hash,
                              const struct survey *survey)
{
    struct site_route *old = routes_find(routes, path, hash);
    struct site_route *route = make(path, survey);

    if (old)
        routes_kill(routes, old);
    if (!route)
        return NULL;
    make_room(routes);
    route->hash = hash;
    route->watched = survey->watched;
    list_append(bucket_of(routes->by_path, hash), &route->chain);
    list_append(&routes->ages, &route->age);
    routes->count++;
    if (add_way(routes, route, survey))
        return route;
    routes_kill(routes, route);
    return NULL;
}

void routes_waste(struct routes *routes, const struct survey *survey)
{
    for (unsigned i = 0; i < survey->step_count; i++)
        watches_know(&routes->watches, survey->steps[i].watch);
    if (survey->end >= 0)
        watches_know(&routes->watches, survey->end);
}

void routes_pin(struct routes *routes, struct site_route *route)
{
    route->pins++;
    list_remove(&route->age);
    list_append(&routes->ages, &route->age);
}

void routes_unpin(struct site_route *route)
{
    CHECK(route->pins > 0);
    if (--route->pins == 0 && route->dead)
        free(route);
}

static void leave_watches(struct routes *routes, struct site_route *route)
{
    for (unsigned i = 0; i < route->step_count; i++) {
        struct route_step *step = &route->steps[i];
        list_remove(&step->chain);
        list_remove(&step->at_watch);
        watches_unuse(&routes->watches, step->watch);
    }
    route->step_count = 0;
    list_remove(&route->at_end);
    if (route->end)
        watches_unuse(&routes->watches, route->end);
    route->end = NULL;
}

void routes_kill(struct routes *routes, struct site_route *route)
{
    struct list *node;

    CHECK(!route->dead);
    route->dead = true;
    list_remove(&route->chain);
    list_remove(&route->age);
    routes->count--;
    leave_watches(routes, route);
    while ((node = list_take(&route->entries)))
        CONTAINER_OF(node, struct site_entry, on_route)->until_ms = 0;
    if (route->pins == 0)
        free(route);
    else
        list_init(&route->age);
}

void routes_kill_all(struct routes *routes)
{
    struct list *node;

    while ((node = list_first(&routes->ages)))
        routes_kill(routes, CONTAINER_OF(node, struct site_route, age));
}

void routes_kill_all_below(struct routes *routes)
{
    struct list *next;

    for (struct list *node = routes->ages.next; node != &routes->ages; node = next) {
        struct site_route *route = CONTAINER_OF(node, struct site_route, age);
        next = node->next;
        if (route->path.len > 0)
            routes_kill(routes, route);
    }
}

void routes_kill_step(struct routes *routes, struct site_watch *watch, struct str name)
{
    uint64_t hash = route_step_hash(watch->number, name);
    struct list *bucket = bucket_of(routes->by_step, hash);
    struct list *node = bucket->next;

    while (node != bucket) {
        struct route_step *step = CONTAINER_OF(node, struct route_step, chain);
        bool hit = step->hash == hash && step->watch == watch && str_equal(step->name, name);
        if (hit)
            routes_kill(routes, step->route);
        node = hit ? bucket->next : node->next; /* it may have had more steps in this bucket */
    }
}

void routes_kill_watch(struct routes *routes, struct site_watch *watch)
{
    struct list *node;

    while ((node = list_first(&watch->steps)))
        routes_kill(routes, CONTAINER_OF(node, struct route_step, at_watch)->route);
    while ((node = list_first(&watch->ends)))
        routes_kill(routes, CONTAINER_OF(node, struct site_route, at_end));
}

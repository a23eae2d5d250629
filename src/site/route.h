/* route.h - the ways to the places of a site: what they go through, and what is held because of
 * them.
 *
 * A route is a list of steps, each a name looked up in a watched directory: what a survey found.
 * The files of a directory share its route; a file that is itself a link has one of its own, with
 * the links and what they point at among its steps. When anything happens to a step the route is
 * dead: what was held because of it is looked at again before it is served, and the way is surveyed
 * anew. */
#ifndef SITE_ROUTE_H
#define SITE_ROUTE_H

#include "site/entry.h"
#include "site/survey.h"
#include "site/watches.h"

enum {
    ROUTES_MAX = 4096,     /* of one core; with more the least recently filled goes */
    ROUTES_BUCKETS = 1024, /* a power of two */
};

struct site_route {
    struct list chain, age; /* the table's */
    struct list entries;    /* held because of it */
    unsigned pins;          /* fills under way */
    bool dead;
    bool watched;
    uint64_t until_ms; /* when it is surveyed anew; UINT64_MAX while events tell */
    uint64_t hash;
    struct site_watch *end; /* of the directory it leads to, or NULL */
    struct list at_end;     /* the watch's */
    struct str path;        /* of a directory, with its slash, or of a file; owned */
    unsigned step_count;
    struct route_step *steps; /* owned */
};

struct route_step {
    struct list chain; /* the table's */
    struct list at_watch;
    struct site_route *route;
    struct site_watch *watch;
    uint64_t hash;
    struct str name; /* owned by the route */
};

struct routes {
    struct watches watches;
    struct list by_path[ROUTES_BUCKETS];
    struct list by_step[ROUTES_BUCKETS];
    struct list ages;
    unsigned count;
};

/* With nothing in it. */
void routes_init(struct routes *routes);

/* Kill all, which must not be pinned, and free the table. */
void routes_release(struct routes *routes);

/* The route of this path, or NULL. */
struct site_route *routes_find(struct routes *routes, struct str path, uint64_t hash);

/* Make one of what a survey found, in the place of the one that has this path. NULL when memory is
 * short. */
struct site_route *routes_add(struct routes *routes, struct str path, uint64_t hash,
                              const struct survey *survey);

/* Remember the watches of a survey that is good for nothing, so that they are removed. */
void routes_waste(struct routes *routes, const struct survey *survey);

/* A fill that uses a route pins it: it is freed when it is dead and nobody does. Pinning a live one
 * makes it the last to go. */
void routes_pin(struct routes *routes, struct site_route *route);
/* Give a pin back; the route may be gone after that. */
void routes_unpin(struct site_route *route);

/* The way is no longer what it was. What is held because of it is due for a look. */
void routes_kill(struct routes *routes, struct site_route *route);
void routes_kill_all(struct routes *routes);

/* The same but for the one of the path "". */
void routes_kill_all_below(struct routes *routes);

/* Kill all that go by this name in the directory of a watch. */
void routes_kill_step(struct routes *routes, struct site_watch *watch, struct str name);

/* Kill all that go through the directory of a watch, or lead to it. */
void routes_kill_watch(struct routes *routes, struct site_watch *watch);

/* Of a name in a directory; the same for equal ones. */
uint64_t route_step_hash(int watch, struct str name);

#endif

/* watches.h - the directories that one core watches, by the number inotify(7) gave them.
 *
 * A watch is counted by who uses it. One that nobody uses is handed out to be removed, but not
 * while a survey is under way: that may just be counting on it. */
#ifndef SITE_WATCHES_H
#define SITE_WATCHES_H

#include "base/list.h"

enum { WATCHES_BUCKETS = 512 }; /* a power of two */

struct site_watch {
    struct list chain; /* others of the same bucket */
    struct list unused;
    struct list steps; /* of routes, that go through here */
    struct list ends;  /* of routes: those that lead here */
    int number;
    unsigned uses;
};

struct watches {
    struct list buckets[WATCHES_BUCKETS];
    struct list unused;
    unsigned count;
};

/* With nothing in it. */
void watches_init(struct watches *watches);

/* Free those that are left, all unused: inotify(7) forgets them when its descriptor is closed. */
void watches_release(struct watches *watches);

/* The watch of this number, or NULL. */
struct site_watch *watches_find(struct watches *watches, int number);

/* The same, made when it is not known yet. NULL when memory is short. */
struct site_watch *watches_know(struct watches *watches, int number);

/* Use one, and no longer. */
void watches_use(struct site_watch *watch);
void watches_unuse(struct watches *watches, struct site_watch *watch);

/* One that nobody uses, forgotten here: to be removed. -1 when there is none. */
int watches_take_unused(struct watches *watches);

#endif

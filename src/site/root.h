/* root.h - the directory that is served, and whether it still is the one that its path names.
 *
 * A deploy turns a link that is part of the path (`current -> releases/42`), or moves a directory
 * away and another one into its place. The way from / to the root is surveyed like any other; when
 * it changes the path is opened anew, and another directory takes the old one's place. While there
 * is none the old one answers. */
#ifndef SITE_ROOT_H
#define SITE_ROOT_H

#include "site/news.h"
#include "site/route.h"

enum { ROOT_CHECK_MS = 1000 }; /* how often the path is opened when events do not tell */

/* One directory. Fills keep it; it goes when it is no longer served and none does. */
struct site_root {
    int fd;
    bool owned; /* the first one is the caller's */
    unsigned uses;
};

struct root {
    struct str path;        /* absolute; borrowed; empty: never looked at again */
    struct site_root *now;  /* used once, for being served */
    struct site_route *way; /* from / to it, pinned, or NULL */
    struct survey *survey;  /* under way, or NULL */
    uint64_t news;          /* how much was told when it began */
    uint64_t device, inode; /* of the directory */
    uint64_t next_ms;       /* when to look again; UINT64_MAX while events tell */
};

/* 0 or -ENOMEM. Both are borrowed. */
int root_init(struct root *root, int fd, struct str path, uint64_t device, uint64_t inode);

/* Use the directory that is served now, and no longer. What the latter returns is a descriptor for
 * the caller to close, or -1. */
struct site_root *root_use(struct root *root);
int root_unuse(struct site_root *used);

/* What has to be surveyed now, or NULL. */
struct survey *root_ask(struct root *root, int inotify, const struct news *news, uint64_t now_ms);

/* The survey has been run. Returns true when the directory is another one from now on. *fd is a
 * descriptor for the caller to close, or -1. */
bool root_found(struct root *root, struct routes *routes, const struct news *news, uint64_t now_ms,
                int *fd);

/* Do events tell when the path comes to name another one? */
bool root_is_watched(const struct root *root);

/* Let go of everything. No fill uses it any more. Returns a descriptor to close, or -1; so it does
 * when called again. */
int root_release(struct root *root);

#endif

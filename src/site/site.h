/* site.h - what is on disk below the root, held ready for one core.
 *
 * A path is looked up; what is not held is filled in by steps, each of which asks the server for
 * one operation on the file system. This room makes none on the core's thread: survey_run,
 * digest_run, folder_run and variants_run, which do, are for helper threads. Requests for a path
 * that is being filled wait for the one fill.
 *
 * What is held is never stale. Before a file is opened the way to its directory is surveyed: every
 * directory on it, and every one that a link leads through, is watched (survey.h). What inotify(7)
 * tells is passed to site_changed: a change of a name drops what is held for that name and the
 * listings of its directory, a change of a step of a way drops the way, and all that is held
 * because of it is looked at again (route.h). A fill that is under way when its file changes still
 * answers those who wait for it, but is not held, and who comes later does not wait for it. What
 * becomes of the root's own path is followed likewise (root.h).
 *
 * Where events do not tell, an entry that was looked at more than SITE_CHECK_MS ago is looked at
 * again before it is served, if only by its times and size: on file systems that others change
 * (NFS, FUSE, overlays), where watches are used up, for files with more than one name, which may be
 * written to through another, and where the root's path can't be watched. Even where events tell,
 * that is done every SITE_WATCHED_MS: what is written through a mapping, mounted over or linked and
 * then changed elsewhere gives no event. When events were lost everything is looked at again.
 *
 * Used by server/, on one thread. */
#ifndef SITE_SITE_H
#define SITE_SITE_H

#include "site/cache.h"
#include "site/fill.h"

enum {
    SITE_CHECK_MS = 1000, /* also for how long a way that is not watched is good */
    SITE_WATCHED_MS = 10000,
    SITE_SURVEYS_MAX = 3,         /* of a way to which things happen meanwhile; then unwatched */
    SITE_CACHE_DESCRIPTORS = 128, /* per core, large files held open */
    SITE_HELD_PART = 4,           /* a file larger than one such part of the cache is not whole */
    SITE_ENTRY_BYTES = 512,       /* no fewer on an average, for the size of tables */
    SITE_NEGATIVE_PART = 16,      /* one in so many bytes of the cache is for what is not there, */
    SITE_NEGATIVE_BYTES = 1024 * 1024, /* but no more than this */
    SITE_FILL_BUCKETS = 256,           /* of the table of fills under way; a power of two */
};

struct site_config {
    int root;                         /* descriptor of the root directory; borrowed */
    uint64_t root_device, root_inode; /* of it, as stat(2) tells */
    struct str root_path;             /* absolute, borrowed; empty: it stays the one it is */
    int inotify;                      /* borrowed; -1: nothing is watched */
    struct entry_form form;           /* what is held whole is the site's to set: by what can be */
    struct str index; /* names of what answers for a directory, with commas between; borrowed */
    bool listing;     /* keys of listings may be looked up, too */
    bool dotfiles;    /* and list names that start with a dot */
    struct cache_limits limits[CACHE_SHELVES];
    uint64_t seed;
};

/* Share `bytes` of memory and `descriptors` among the shelves. With 0 bytes nothing is held; one
 * fill still serves all who wait for it. */
void site_share_out(struct cache_limits limits[CACHE_SHELVES], uint64_t bytes,
                    unsigned descriptors);

struct site {
    struct site_config config;
    struct cache cache;
    struct root root;
    struct routes routes;
    struct news news;
    uint32_t epoch;   /* what was looked at in an earlier one is looked at again */
    unsigned surveys; /* under way */
    struct {
        bool due;       /* somebody should be told, once, why not everything is watched: */
        int error;      /* an errno value, or */
        const char *fs; /* the name of a file system that does not tell */
    } complaint;
    struct list fills[SITE_FILL_BUCKETS]; /* under way, by hash */
    unsigned fill_count;
    int *dead; /* descriptors to be closed */
    unsigned dead_count, dead_cap;
};

/* 0 or -ENOMEM. */
int site_init(struct site *site, const struct site_config *config);

/* Lets go of everything. Nothing may be pinned and no fill under way; descriptors are left to
 * site_dead_fd. */
void site_empty(struct site *site);
void site_release(struct site *site);

/* What site_fill.hash is for this path. */
static inline uint64_t site_hash(const struct site *site, struct str path)
{
    return cache_hash(&site->cache, path);
}

/* The entry for a normalised path, or for the key of a listing (listing.h), if it is held and
 * fresh; or NULL: fill it. It may be a negative one. Not pinned: it may be gone after the next call
 * that changes the site. */
struct site_entry *site_find(struct site *site, struct str path, uint64_t now_ms);

/* The same for a path as a target has it, which may need normalising: the entry is found only when
 * it is a file and the path stands for itself. What is held is normalised and may be shown, so
 * nothing needs checking. */
struct site_entry *site_find_literal(struct site *site, struct str path, uint64_t now_ms);

/* Whoever uses an entry beyond the call that found it holds a pin on it. */
static inline void site_pin(struct site_entry *entry)
{
    entry->pins++;
}

/* Give a pin back; the entry may be gone after that. */
void site_unpin(struct site *site, struct site_entry *entry);

/* The fill of a normalised path: the one under way, or a new one, for which *started is set and
 * which needs its first step. NULL when memory is short. */
struct site_fill *site_fill(struct site *site, struct str path, bool *started);

/* Is there one under way that is worth waiting for? */
bool site_is_filling(struct site *site, struct str path);

/* Go on with a fill, given the result of what it asked for last (0 at first, -errno to give up).
 * True: carry out fill->ask and call again with its outcome. False: it is over and fill->found
 * holds the answer. The times are the core's now. */
bool site_fill_step(struct site *site, struct site_fill *fill, int64_t result, uint64_t now_ms,
                    int64_t now_unix);

/* After the last step, when everybody who waited has been told: unpins and frees. */
void site_fill_end(struct site *site, struct site_fill *fill);

/* The way to the root, when it has to be surveyed; the survey is to be run on a helper
 * thread, and then site_root_found called. NULL: nothing to do. */
struct survey *site_root_ask(struct site *site, uint64_t now_ms);
void site_root_found(struct site *site, uint64_t now_ms);

/* What an event of inotify(7) told. `flags` is its mask; `name` is empty where it has none. */
void site_changed(struct site *site, int watch, uint32_t flags, struct str name);

/* Entries are to be made otherwise from now on: everything that is held is looked at again, and
 * made anew, before it is served. */
void site_remake(struct site *site);

/* A variant of a file has been made: the file keeps it for as long as it is held itself. Without
 * bytes there is none to be had. */
void site_add_made(struct site *site, struct site_entry *entry, enum http_coding coding,
                   struct str bytes, const struct entry_rules *rules, int64_t now_unix);

/* A watch to be removed, or -1. */
int site_dead_watch(struct site *site);

/* Let go of every descriptor that is held for later: there are none left for now. Those that are in
 * use are let go when they no longer are. */
void site_shed_descriptors(struct site *site);

/* A descriptor that is no longer needed and now the caller's to close, or -1. Closing may block on
 * some file systems, so it is an operation for the engine as well. */
int site_dead_fd(struct site *site);

#endif

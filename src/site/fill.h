/* fill.h - finding out what a path stands for, one operation on the file system at a time.
 *
 * The path is opened as a name only (O_PATH) and looked at before it is opened for reading, because
 * opening a device can do things and opening a FIFO can hang. */
#ifndef SITE_FILL_H
#define SITE_FILL_H

#include "http/path.h"
#include "site/entry.h"
#include "site/folder.h"
#include "site/root.h"
#include "site/route.h"

#include <limits.h>
#include <linux/openat2.h>

enum site_ask_kind {
    SITE_ASK_OPEN,
    SITE_ASK_STAT,
    SITE_ASK_READ,
    SITE_ASK_SURVEY,
    SITE_ASK_DIGEST,
    SITE_ASK_FOLDER,
    SITE_ASK_VARIANTS,
};

/* What the file system is asked. The result is a descriptor, 0, a number of bytes, or -errno. */
struct site_ask {
    enum site_ask_kind kind;
    int fd;              /* OPEN: the directory to start from; otherwise the file */
    const char *path;    /* OPEN */
    struct open_how how; /* OPEN */
    struct statx *statx; /* STAT: filled in */
    char *bytes;         /* READ: from the start of the file */
    size_t len;
    struct survey *survey;     /* SURVEY: to be run on a helper thread; the result is 0 */
    struct digest *digest;     /* DIGEST: likewise; the result is its error */
    struct folder *folder;     /* FOLDER: likewise */
    struct variants *variants; /* VARIANTS: likewise; the result is 0 */
};

/* The answer: 200 with a pinned entry, 301 for a directory asked for without its slash, or 403,
 * 404, 500, 503. */
struct site_found {
    int status;
    struct site_entry *entry;
};

/* With a slash before it. */
enum { FILL_FILE_MAX = HTTP_PATH_MAX + NAME_MAX + 1 + VARIANT_SUFFIX_MAX };

/* To read a file that keeps changing; then it is sent from its descriptor, and not held. */
enum { FILL_TRIES_MAX = 3 };

/* To open what was disturbed by somebody who renames things; then it is 503. */
enum { FILL_AGAIN_MAX = 64 };

/* What we are waiting for. */
enum fill_state {
    FILL_START,
    FILL_NAMING,    /* to have it as a name */
    FILL_LOOKING,   /* to know what it is */
    FILL_LINKED,    /* it is a link: for its way to be known, and then the next step */
    FILL_NEXT,      /* there is no such index: likewise, for the next one */
    FILL_BESIDE,    /* to know which variants lie beside it */
    FILL_OPENING,   /* to have it open for reading */
    FILL_MEASURING, /* to know what was opened */
    FILL_READING,   /* for its bytes */
    FILL_HASHING,   /* for the digest of bytes that are not held */
    FILL_AGREEING,  /* to know whether it changed meanwhile */
    FILL_LISTING,   /* for the listing of a directory */
    FILL_OVER,
};

struct site_fill {
    struct list link;    /* the site's */
    struct list waiting; /* the server's: who is told when it is over */
    struct site_ask ask;
    struct site_found found;

    enum fill_state state;
    unsigned tries;
    unsigned opened_again;
    bool steady; /* the file did not change again and again while it was read */
    bool follow; /* a link at the end of the path: its way is known, or need not be */
    bool lists;  /* it is a listing that is wanted, of a directory */
    bool dotfiles;
    bool passed_over; /* a name of an index was not there, */
    bool passed_link; /* or led nowhere */
    uint64_t hash;
    int name_fd, fd; /* or -1 */
    uint64_t read;   /* bytes of it, or hashed */
    struct statx facts, again;
    struct site_entry *old;   /* what was held for this path, pinned, or NULL */
    struct site_entry *made;  /* being filled, pinned, or NULL */
    struct site_root *root;   /* below which it looks; the site's */
    struct site_route *route; /* the way there, pinned, or NULL: nobody tells of changes */
    struct survey *survey;    /* under way, or NULL */
    struct digest digest;     /* of a large file */
    struct folder folder;     /* being listed */
    struct variants variants; /* of the file */
    unsigned surveys;         /* how many there were */
    uint64_t news;            /* how much was told when the last one began */
    uint32_t epoch;           /* of the site, when it began */
    bool stale;               /* the file changed meanwhile: good for those who wait, not held */
    struct entry_rules rules; /* of the path; in memory that is owned, if there are any */
    char *rules_memory;
    struct str path;  /* normalised, or the key of a listing or a variant; owned */
    struct str index; /* names that are still to be tried; borrowed */
    char *file; /* relative to the root: path without its '/', the name of an index, and the suffix
                 * of a variant; owned */
    size_t file_dir;         /* bytes of `file` before that name */
    enum http_coding coding; /* of the variant */
};

/* Set a fill up for a path, or for the key of a listing or of a variant. `index` are the names,
 * separated by commas, of what answers for a directory: the first that is there; borrowed. NULL
 * when memory is short. */
struct site_fill *fill_make(struct str path, uint64_t hash, struct str index);

/* Let rules apply to what is made, before the first step: they are copied. False when memory is
 * short. */
bool fill_set_rules(struct site_fill *fill, const struct entry_rules *rules);

/* Its descriptors and entries must have been taken. */
void fill_free(struct site_fill *fill);

/* Go on, given the result of fill->ask (0 at first, or -errno to give up). True: fill->ask is to be
 * carried out next. False: over, but for FILL_LINKED and FILL_NEXT, which are gone on with by 0;
 * fill->found holds the answer, whose entry is fill->old or fill->made. `root` is the directory
 * that paths start from; `now_unix` tells whether a file's times can be trusted to show a change.
 */
bool fill_step(struct site_fill *fill, int64_t result, int root, struct entry_form form,
               int64_t now_unix);

#endif

/* entry.h - one file, held ready to be sent, or the knowledge that there is none.
 *
 * A small file is held whole, its fields and its bytes in one piece of memory; a large one as an
 * open descriptor. A negative entry has neither: its status is the answer. An entry lives while it
 * is in the cache or pinned. */
#ifndef SITE_ENTRY_H
#define SITE_ENTRY_H

#include "base/list.h"
#include "base/str.h"
#include "http/byteranges.h"
#include "http/mime.h"
#include "http/precondition.h"
#include "site/digest.h"
#include "site/variants.h"

#include <stdint.h>
#include <sys/stat.h>

enum {
    SITE_WHOLE_MAX = 128 * 1024, /* a larger file is sent from its descriptor, */
    SITE_TEXT_MAX = 1024 * 1024, /* or if it is to be compressed, one larger than this */
    SITE_WHOLE_MIN = 16 * 1024,  /* one up to this is read whole even where nothing is held */
    ENTRY_FIELDS_MAX = 512,      /* the longest media type, and some short fields */
    ENTRY_AT_ONCE_MAX = 2048,    /* bytes of an answer that is rather copied than pointed at */
    ENTRY_RULES_MAX = 4608,      /* what rules add: whoever gives more lines made a mistake */
};

/* What the entity tag is made of. */
enum entry_etag {
    ENTRY_ETAG_TIME, /* when the file was modified, and its size: a copy of the file has it, too */
    ENTRY_ETAG_HASH, /* its bytes: entry_set_digest must follow */
    ENTRY_ETAG_OFF,  /* there is none */
};

/* What the operator's rules say of one path. */
struct entry_rules {
    struct str type;  /* media type in place of the one by extension; or empty */
    struct str lines; /* field lines of every answer with the file, each with its CRLF */
    struct str cache; /* likewise, of those that are the file itself: Cache-Control */
    bool indirect;    /* a rule goes before the file: no target finds it as it is */
};

/* How entries are to be made. */
struct entry_form {
    struct entry_rules rules;     /* borrowed */
    uint32_t edition;             /* of the rules: what was made by another one is made anew */
    const struct http_mime *mime; /* borrowed; may be NULL */
    enum entry_etag etag;
    struct str type;    /* media type in place of the one by the path's extension; or empty */
    struct str lines;   /* more field lines, each with its CRLF; or empty */
    bool undated;       /* without Last-Modified */
    uint64_t whole_max; /* bytes of a file; a longer one is sent from its descriptor */
    uint64_t text_max;  /* the same for one that is to be compressed */
    struct str index;   /* the name of the file, where it answers for a directory; or empty */
    bool variants;      /* files are looked for that lie beside others as their variants */
    unsigned codings;   /* of those that lie beside this one; bits 1 << coding */
    bool compress;      /* of texts that have none they are made */
    unsigned unmade;    /* codings of those that may be made of this one */
};

struct site_entry {
    struct list age;          /* the cache's: in the order in which they may have to go */
    struct site_entry *chain; /* the cache's: others of the same bucket */
    uint64_t hash;
    uint32_t pins; /* who is using it now; freed at 0 when not cached */
    bool cached;
    bool used;        /* since the cache last looked for something to let go */
    uint8_t chances;  /* the cache's: how often it is still passed over */
    bool literal;     /* a file, and its path has no '%': a target that equals it stands for it */
    uint16_t at_once; /* bytes of fields and content together, where it is literal and held whole,
                         and they are at most ENTRY_AT_ONCE_MAX; else 0 */
    bool settled;     /* when read, unchanged for so long that its times tell a change */
    uint8_t beside;   /* codings of the variants that lie beside it; bits 1 << coding */
    uint8_t unmade;   /* of those that may be made of it; */
    uint8_t making;   /* of those it is the server's to make now */
    uint8_t codings;  /* of all, these and those that have been made */

    uint64_t until_ms;    /* when it is to be looked at again before it is served */
    uint32_t epoch;       /* of the site, in which it was looked at */
    uint32_t edition;     /* of the form it was made by */
    struct list on_route; /* among what is held because of a route, or on no list */
    uint64_t size;        /* of the file */
    uint64_t inode;
    struct statx_timestamp modified, changed;
    uint32_t device_major, device_minor;

    int status;        /* 200, or what a negative entry says: 301, 403, 404 */
    int fd;            /* of a large file, or -1 */
    struct str path;   /* normalised, or a variant's key (variants.h); owned */
    struct str index;  /* the name of the file that answers for a directory; owned */
    struct str fields; /* all field lines of a 200, and the empty line after them; owned */
    const char *bytes; /* the file, right behind `fields`; NULL for a large one */
    size_t held;       /* bytes of memory this entry takes */

    /* The field lines are in such an order that the ends of them serve other answers. */
    struct str typed;  /* those for a part: all but Content-Length */
    struct str shared; /* those that say the same whatever is sent of the file (304) */
    struct str page;   /* those for its content under another status; without an empty line */
    struct str type;   /* the media type, and of a variant the coding, too; in `fields` */
    struct http_validators validators;     /* in `fields` */
    struct site_entry *made[HTTP_CODINGS]; /* of it while it is cached, each pinned; or NULL */
    char memory[];
};

/* Make an entry for `path`, which may be the key of a variant, from what statx(2) said of its file:
 * fields ready, the bytes of a small
 * file still to be read to entry_room(). Last-Modified is never later than `now_unix` (RFC 9110
 * 8.8.2.1). Pinned once, for the caller. NULL when memory is short. */
struct site_entry *entry_make(struct str path, const struct statx *facts, bool whole,
                              struct entry_form form, int64_t now_unix);

/* Put the digest of its bytes where an entry with ENTRY_ETAG_HASH has room for it. */
void entry_set_digest(struct site_entry *entry, const char text[DIGEST_LEN]);

/* Make a variant of an entry of what its bytes have become. Its tag is that of the entry, or of its
 * time and its own size, and the coding. As entry_make. */
struct site_entry *entry_make_variant(const struct site_entry *of, struct str bytes,
                                      enum http_coding coding, struct entry_form form,
                                      int64_t now_unix);

/* Make an entry that says `status` of `path`. Pinned once, for the caller. NULL when memory is
 * short. */
struct site_entry *entry_make_negative(struct str path, int status);

/* Where the bytes of a small file go: `size` of them. */
char *entry_room(struct site_entry *entry);

/* The form of an answer with several parts of it. */
struct http_byteranges entry_byteranges(const struct site_entry *entry, struct str boundary);

/* Is this still the file that the entry was made from, unchanged? */
bool entry_matches(const struct site_entry *entry, const struct statx *facts);

/* Not cached and not pinned any more. Its descriptor must have been taken. */
void entry_free(struct site_entry *entry);

#endif

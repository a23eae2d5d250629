/* listing.h - what lies in a directory, to be shown: a bounded list, and the forms it is shown in.
 *
 * Filled and written on a helper thread (folder.h); the keys of its forms are the site's. */
#ifndef SITE_LISTING_H
#define SITE_LISTING_H

#include "base/text.h"

#include <stdint.h>

enum {
    /* What goes beyond is left out, and the listing says so. */
    LISTING_NAMES_MAX = 10000,
    LISTING_BYTES_MAX = 1024 * 1024, /* of all names together */
    LISTING_KEY_MAX =
        sizeof ".html.modified.desc", /* what a key is longer than its path, at most */
};

enum listing_media { LISTING_HTML, LISTING_JSON, LISTING_MEDIA };
enum listing_order { LISTING_BY_NAME, LISTING_BY_SIZE, LISTING_BY_TIME, LISTING_ORDERS };

/* One of LISTING_FORMS. Directories always come before files. */
struct listing_form {
    enum listing_media media;
    enum listing_order order;
    bool descending;
};

enum { LISTING_FORMS = LISTING_MEDIA * LISTING_ORDERS * 2 };

struct listing_entry {
    uint64_t size;
    int64_t modified; /* Unix seconds */
    uint32_t name_at; /* in the names */
    uint16_t name_len;
    bool directory;
};

struct listing {
    struct listing_entry *entries; /* owned, with the names */
    unsigned count;
    char *names;
    size_t names_len;
    bool cut; /* there is more than it holds */
};

/* With nothing in it. 0 or -ENOMEM. */
int listing_init(struct listing *listing);

/* Free it. */
void listing_release(struct listing *listing);

/* Add one. False, and `cut` set, when there is no room for it. */
bool listing_add(struct listing *listing, struct str name, struct listing_entry entry);

/* Put the entries in the order of the form. Where it makes no difference they are in that of their
 * names, in which upper and lower case of ASCII are alike. */
void listing_sort(struct listing *listing, struct listing_form form);

static inline struct str listing_name(const struct listing *listing,
                                      const struct listing_entry *entry)
{
    return str_of(listing->names + entry->name_at, entry->name_len);
}

/* What a query ("sort=size&order=desc") asks for; what it says otherwise is passed over. */
struct listing_form listing_form_read(struct str query, enum listing_media media);

/* "name", "size", "modified", as in a query. Static. */
struct str listing_order_name(enum listing_order order);

/* The form of this number, from 0 to below LISTING_FORMS. */
struct listing_form listing_form_of(unsigned number);

/* The key of a form of the listing of a directory, whose normalised path ends with a slash: no
 * target can have it, because of the NUL in it. */
void listing_key(struct text *key, struct str path, struct listing_form form);

/* Is it such a key? Then of which directory, and which form. */
bool listing_key_read(struct str key, struct str *path, struct listing_form *form);

#endif

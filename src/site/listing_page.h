/* listing_page.h - a listing for people: a page of HTML that needs nothing else, neither scripts
 * nor other files. Its links are relative to the directory. Pure. */
#ifndef SITE_LISTING_PAGE_H
#define SITE_LISTING_PAGE_H

#include "site/listing.h"

enum { LISTING_CRUMBS_MAX = 32 }; /* of the directories above, those that have a link */

/* Bytes that it takes, at most. */
size_t listing_page_max(const struct listing *listing, struct str path);

/* Write it, of the directory with this normalised path, in the order that it is in: the form says
 * which one that is. */
void listing_page_write(struct text *out, const struct listing *listing, struct str path,
                        struct listing_form form);

#endif

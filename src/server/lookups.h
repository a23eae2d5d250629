/* lookups.h - what has been found on the site for the request at hand.
 *
 * The answer to one request may take several look-ups, one after the other: of its path, and then
 * of what the outcome leads to. A request that has to wait for a fill is parsed again when it is
 * over and takes the same way from the start, so the outcomes of its fills are kept until it is
 * answered: what was found once is found again, even where nothing is held. */
#ifndef SERVER_LOOKUPS_H
#define SERVER_LOOKUPS_H

#include "server/core.h"

enum { LOOKUPS_MAX = 6 }; /* fills that one request may wait for; one more is answered 503 */

struct lookup {
    uint64_t hash; /* of what was looked up */
    struct site_found found;
};

struct lookups {
    unsigned count;
    struct lookup list[LOOKUPS_MAX]; /* entries are pinned */
};

/* What a normalised path, or another key of the site, stands for. False when there is a fill to
 * wait for: *fill, whose outcome is then to be kept. */
bool lookups_find(const struct lookups *lookups, struct core *core, struct str path,
                  struct site_found *found, struct site_fill **fill);

/* The fill that was waited for is over. Pins the entry. */
void lookups_keep(struct lookups *lookups, const struct site_fill *fill);

/* The request is answered, or will not be: unpin what was kept. */
void lookups_drop_kept(struct lookups *lookups, struct core *core);

static inline void lookups_drop(struct lookups *lookups, struct core *core)
{
    if (lookups->count > 0)
        lookups_drop_kept(lookups, core);
}

#endif

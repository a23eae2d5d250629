#include "server/select.h"

/* False when there is a fill to wait for. */
static bool find_beside(struct exchange *x, const struct site_entry *entry, enum http_coding coding,
                        struct site_found *found)
{
    char space[VARIANT_KEY_MAX];
    struct str key = variant_key(entry->path, entry->index, coding, space);

    return lookups_find(&x->h->lookups, x->core, key, found, &x->fill);
}

struct site_entry *select_variant(struct exchange *x, struct site_entry *entry)
{
    struct http_accept_coding accepts = wishes_of(&x->core->wishes, x->request->accept_encoding);
    bool any_size = accepts.wish[HTTP_IDENTITY] == 0;
    unsigned left = entry->codings;
    enum http_coding coding;

    while ((coding = http_coding_choose(accepts, left)) != HTTP_IDENTITY) {
        struct site_found found = { 200, entry->made[coding] };
        if (entry->unmade & 1u << coding)
            makings_want(x->core, entry, coding);
        else if (!found.entry && !find_beside(x, entry, coding, &found))
            return NULL;
        if (found.entry && (any_size || found.entry->size < entry->size))
            return found.entry;
        left &= ~(1u << coding);
    }
    return entry;
}

#include "server/select.h"

struct site_entry *select_variant(struct exchange *x, struct site_entry *entry)
{
    struct http_accept_coding accepts = wishes_of(&x->core->wishes, x->request->accept_encoding);
    bool any_size = accepts.wish[HTTP_IDENTITY] == 0;
    unsigned left = entry->codings;
    char space[VARIANT_KEY_MAX];
    enum http_coding coding;

    while ((coding = http_coding_choose(accepts, left)) != HTTP_IDENTITY) {
        struct site_found found;
        struct str key = variant_key(entry->path, entry->index, coding, space);
        if (!lookups_find(&x->h->lookups, x->core, key, &found, &x->fill))
            return NULL;
        if (found.entry && (any_size || found.entry->size < entry->size))
            return found.entry;
        left &= ~(1u << coding);
    }
    return entry;
}

#include "server/select.h"

#include "base/cold.h"
#include "http/field.h"

enum { LINES_MAX = 512 }; /* bytes of several lines together; what is more is not read */

/* Several lines are one list (RFC 9110 5.3). */
static COLD struct http_accept_coding read_lines(const struct http_request *request)
{
    char space[LINES_MAX];
    struct text lines = text_in(space, sizeof space);
    struct str value;
    unsigned at = 0;

    while (http_field_next(request, STR("Accept-Encoding"), &at, &value)) {
        if (value.len + 1 > text_room(&lines))
            continue;
        text_add(&lines, value);
        text_add(&lines, STR(","));
    }
    return http_accept_coding(text_str(&lines));
}

/* False when the request does not say. */
static inline bool read_wanted(struct exchange *x, struct http_accept_coding *accepts)
{
    const struct str name = STR("Accept-Encoding");
    struct str value, more;
    unsigned at = 0;

    if (!http_field_next(x->request, name, &at, &value))
        return false;
    if (http_field_next(x->request, name, &at, &more))
        *accepts = read_lines(x->request);
    else
        *accepts = wishes_of(&x->core->wishes, value);
    return true;
}

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
    struct http_accept_coding accepts;
    unsigned left = entry->codings;
    enum http_coding coding;

    if (!read_wanted(x, &accepts))
        return entry;
    bool any_size = accepts.wish[HTTP_IDENTITY] == 0;
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

#include "server/parts.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)HTTP_PART_HEAD_MAX + (int)ENTRY_FIELDS_MAX <= (int)OUTPUT_HEAD_MAX,
              "there is room for a part's head where there is room for a reply's");

struct parts *parts_make(struct site_entry *entry, struct str boundary,
                         const struct http_ranges *ranges)
{
    struct parts *parts = malloc(sizeof *parts);

    if (!parts)
        return NULL;
    site_pin(entry);
    *parts = (struct parts){
        .entry = entry,
        .form = entry_byteranges(entry, boundary),
        .ranges = *ranges,
    };
    return parts;
}

bool parts_put(struct parts *parts, struct output *out)
{
    while (output_has_room(out)) {
        if (parts->next == parts->ranges.count) {
            http_byteranges_end(&out->text, &parts->form);
            return true;
        }
        struct http_range range = parts->ranges.list[parts->next];
        http_byteranges_part(&out->text, &parts->form, parts->next == 0, range);
        output_add_content(out, parts->entry, range.at, range.len);
        parts->next++;
    }
    return false;
}

void parts_free(struct parts *parts, struct site *site)
{
    if (!parts)
        return;
    site_unpin(site, parts->entry);
    free(parts);
}

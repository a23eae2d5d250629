#include "server/lookups.h"

#include "base/check.h"
#include "base/cold.h"
#include "server/fills.h"

static COLD const struct lookup *find_kept(const struct lookups *lookups, const struct core *core,
                                           struct str path)
{
    uint64_t hash = site_hash(&core->site, path);

    for (unsigned i = 0; i < lookups->count; i++)
        if (lookups->list[i].hash == hash)
            return &lookups->list[i];
    return NULL;
}

bool lookups_find(const struct lookups *lookups, struct core *core, struct str path,
                  struct site_found *found, struct site_fill **fill)
{
    const struct lookup *kept = lookups->count > 0 ? find_kept(lookups, core, path) : NULL;

    if (kept) {
        *found = kept->found;
        return true;
    }
    struct site_entry *entry = site_find(&core->site, path, core->now_ms);
    if (entry) {
        *found = (struct site_found){ entry->status, entry->status == 200 ? entry : NULL };
        return true;
    }
    *found = (struct site_found){ 503, NULL };
    *fill = lookups->count < LOOKUPS_MAX ? fills_join(core, path) : NULL;
    return !*fill;
}

void lookups_keep(struct lookups *lookups, const struct site_fill *fill)
{
    CHECK(lookups->count < LOOKUPS_MAX);
    if (fill->found.entry)
        site_pin(fill->found.entry);
    lookups->list[lookups->count++] = (struct lookup){ fill->hash, fill->found };
}

COLD void lookups_drop_kept(struct lookups *lookups, struct core *core)
{
    for (unsigned i = 0; i < lookups->count; i++)
        if (lookups->list[i].found.entry)
            site_unpin(&core->site, lookups->list[i].found.entry);
    lookups->count = 0;
}

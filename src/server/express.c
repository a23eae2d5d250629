#include "server/express.h"

#include "http/field.h"
#include "server/exchange.h"

#include <assert.h>

static_assert((int)REPLY_OK_MAX + (int)ENTRY_AT_ONCE_MAX <= (int)OUTPUT_SIZE, "a reply has room");

bool express_is_open(const struct core *core)
{
    const struct config *config = core->config;

    return !config->app && !config->no_files && !config->https_redirect && !core->draining;
}

/* May there be a variant of it that the client would rather have? */
static inline bool is_varied(const struct site_entry *entry, const struct http_request *request)
{
    return entry->codings != 0 && http_field_first(request, STR("Accept-Encoding")).at;
}

/* Status line and Date, which may still be there from the last reply. Returns their length. */
static inline size_t begin(struct output *out, const struct reply_clock *clock)
{
    if (out->dated != clock->unix_time) {
        memcpy(out->memory, clock->ok[REPLY_PERSISTS].text, REPLY_OK_MAX);
        out->dated = clock->unix_time;
    }
    return clock->ok[REPLY_PERSISTS].len;
}

size_t express_answer(struct core *core, struct http1 *h, const struct http_request *request,
                      struct output *out)
{
    if (!core->express || !http_request_is_everyday(request))
        return 0;
    struct site_entry *entry = site_find(&core->site, request->path, core->now_ms);
    if (!entry || entry->at_once == 0 || is_varied(entry, request))
        return 0;

    size_t len = begin(out, &core->clocks[0]);
    size_t rest = entry->at_once;
    memcpy(out->memory + len, entry->fields.at, rest);
    if (core->log) {
        struct exchange x = { .h = h, .core = core, .out = out, .request = request };
        exchange_add_line(&x, 200, entry->size);
    }
    return len + rest;
}

#include "server/express.h"

#include "http/field.h"
#include "server/exchange.h"

#include <assert.h>

/* Bytes of a reply's beginning that are copied whether it has so many or not: a constant is a few
 * moves where a length is a call. */
enum { BEGINNING = 64 };

static_assert((int)REPLY_OK_MAX >= (int)BEGINNING, "they may be read");
static_assert((int)REPLY_OK_MAX + (int)OUTPUT_COPY_MAX + (int)BEGINNING <= (int)OUTPUT_SIZE,
              "a reply has room");

bool express_is_open(const struct core *core)
{
    const struct config *config = core->config;

    return !config->app && !config->no_files && !config->https_redirect && !core->draining;
}

/* Held whole, small enough to be copied, and with no variant that the client might rather have. */
static inline bool is_simple(const struct site_entry *entry, const struct http_request *request)
{
    return entry->bytes && entry->fields.len + entry->size <= OUTPUT_COPY_MAX &&
           (entry->codings == 0 || !http_field_first(request, STR("Accept-Encoding")).at);
}

/* Returns its length. */
static inline size_t begin(char *at, const struct reply_clock *clock)
{
    size_t len = clock->ok[REPLY_PERSISTS].len;

    memcpy(at, clock->ok[REPLY_PERSISTS].text, BEGINNING);
    if (len > BEGINNING)
        memcpy(at + BEGINNING, clock->ok[REPLY_PERSISTS].text + BEGINNING, len - BEGINNING);
    return len;
}

size_t express_answer(struct core *core, struct http1 *h, const struct http_request *request,
                      struct output *out)
{
    if (!core->express || !http_request_is_everyday(request))
        return 0;
    struct site_entry *entry = site_find_literal(&core->site, request->path, core->now_ms);
    if (!entry || !is_simple(entry, request))
        return 0;

    char *at = out->memory;
    size_t len = begin(at, &core->clocks[0]);
    size_t rest = entry->fields.len + entry->size;
    memcpy(at + len, entry->fields.at, rest);
    if (core->log) {
        struct exchange x = { .h = h, .core = core, .out = out, .request = request };
        exchange_add_line(&x, 200, entry->size);
    }
    return len + rest;
}

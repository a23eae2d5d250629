#include "server/exchange.h"

#include "base/check.h"
#include "base/cold.h"
#include "http/field.h"

#include <assert.h>

static_assert((int)ENTRY_FIELDS_MAX + (int)ENTRY_RULES_MAX + (int)OUTPUT_HEAD_MAX <=
                  (int)OUTPUT_SIZE,
              "an empty output has room for any file's fields");

APART void exchange_add_line(const struct exchange *x, int status, uint64_t bytes)
{
    const struct http_request *request = x->request;
    struct access_line line = {
        .peer = str_of(x->h->peer, x->h->peer_len),
        .method = http_request_method_name(request),
        .target = request->target,
        .minor = request->minor,
        .referer = http_field_first(request, STR("Referer")),
        .user_agent = http_field_first(request, STR("User-Agent")),
        .status = status,
        .bytes = bytes,
        .unix_time = x->core->now_unix,
    };
    access_batch_add(x->core->log, &line, x->core->now_ms);
}

COLD void exchange_answer_plain(struct exchange *x, int status, struct str fields)
{
    enum reply_connection connection = exchange_connection(x, status);
    char space[EXCHANGE_FIELDS_MAX + sizeof EXCHANGE_CORS];
    struct text all = text_in(space, sizeof space);

    text_add(&all, fields);
    if (x->core->config->cors)
        text_add(&all, STR(EXCHANGE_CORS));
    CHECK(!all.cut);
    size_t bytes = reply_plain(&x->out->text, exchange_clock(x), status, connection, text_str(&all),
                               x->request->method == HTTP_HEAD);
    exchange_log(x, status, bytes);
}

static struct str boundary_of(const struct core *core)
{
    return str_of(core->boundary, sizeof core->boundary);
}

/* The fields and bytes of a small file lie in one piece. */
static void add_small(struct exchange *x, struct site_entry *entry)
{
    size_t len = entry->fields.len + entry->size;

    if (len > OUTPUT_COPY_MAX) {
        site_pin(entry);
        output_point(x->out, entry, entry->fields.at, len);
        return;
    }
    text_add(&x->out->text, str_of(entry->fields.at, len));
}

static void answer_whole(struct exchange *x, struct site_entry *entry)
{
    bool head_only = x->request->method == HTTP_HEAD;

    reply_begin(&x->out->text, exchange_clock(x), 200, exchange_connection(x, 200));
    exchange_log(x, 200, head_only ? 0 : entry->size);
    if (!head_only && entry->bytes) {
        add_small(x, entry);
        return;
    }
    text_add(&x->out->text, entry->fields);
    if (!head_only)
        output_add_content(x->out, entry, 0, entry->size);
}

static void answer_not_modified(struct exchange *x, const struct site_entry *entry)
{
    reply_begin(&x->out->text, exchange_clock(x), 304, exchange_connection(x, 304));
    text_add(&x->out->text, entry->shared);
    exchange_log(x, 304, 0);
}

static void answer_no_range(struct exchange *x, const struct site_entry *entry)
{
    char space[HTTP_CONTENT_RANGE_MAX];
    struct text field = text_in(space, sizeof space);

    http_content_range_none(&field, entry->size);
    exchange_answer_plain(x, 416, text_str(&field));
}

static void add_length(struct text *text, uint64_t length)
{
    text_add(text, STR("Content-Length: "));
    text_add_number(text, length);
    text_add(text, STR("\r\n"));
}

static void answer_range(struct exchange *x, struct site_entry *entry, struct http_range range)
{
    struct text *text = &x->out->text;

    reply_begin(text, exchange_clock(x), 206, exchange_connection(x, 206));
    http_content_range(text, range, entry->size);
    add_length(text, range.len);
    text_add(text, entry->typed);
    exchange_log(x, 206, range.len);
    output_add_content(x->out, entry, range.at, range.len);
}

/* Only the head: what follows it may need several outputs. */
static void answer_ranges(struct exchange *x, struct site_entry *entry,
                          const struct http_ranges *ranges)
{
    struct text *text = &x->out->text;
    struct parts *parts = parts_make(entry, boundary_of(x->core), ranges);

    if (!parts) {
        answer_whole(x, entry);
        return;
    }
    uint64_t length = http_byteranges_length(&parts->form, ranges);
    reply_begin(text, exchange_clock(x), 206, exchange_connection(x, 206));
    http_byteranges_type(text, &parts->form);
    add_length(text, length);
    text_add(text, entry->shared);
    exchange_log(x, 206, length);
    x->h->parts = parts;
}

/* The status by RFC 9110 13.2.2; with 206, what to send is in *ranges. */
static int judge(const struct exchange *x, const struct site_entry *entry,
                 struct http_ranges *ranges)
{
    const struct http_validators *validators = &entry->validators;
    int64_t now = exchange_clock(x)->unix_time;
    struct str value;
    int status = http_precondition(x->request, validators, now);

    if (status != 200 || !http_precondition_range(x->request, validators, now, &value))
        return status;
    struct http_byteranges form = entry_byteranges(entry, boundary_of(x->core));
    return http_ranges_read(ranges, value, entry->size, http_byteranges_cost(&form));
}

static COLD void answer_conditional(struct exchange *x, struct site_entry *entry)
{
    struct http_ranges ranges;
    int status = judge(x, entry, &ranges);

    if (status == 304)
        answer_not_modified(x, entry);
    else if (status == 412)
        exchange_answer_plain(x, 412, STR(""));
    else if (status == 416)
        answer_no_range(x, entry);
    else if (status == 206 && ranges.count == 1)
        answer_range(x, entry, ranges.list[0]);
    else if (status == 206)
        answer_ranges(x, entry, &ranges);
    else
        answer_whole(x, entry);
}

/* Rules may have added so many fields that there is no room for them behind other answers. */
static bool has_room(const struct exchange *x, const struct site_entry *entry)
{
    size_t len = entry->fields.len;

    return len <= ENTRY_FIELDS_MAX || text_room(&x->out->text) >= len + OUTPUT_HEAD_MAX;
}

void exchange_answer_file(struct exchange *x, struct site_entry *entry)
{
    if (!has_room(x, entry))
        x->full = true;
    else if (x->request->conditional)
        answer_conditional(x, entry);
    else
        answer_whole(x, entry);
}

COLD void exchange_answer_page(struct exchange *x, int status, struct site_entry *entry)
{
    bool head_only = x->request->method == HTTP_HEAD;
    struct text *text = &x->out->text;

    if (!has_room(x, entry)) {
        x->full = true;
        return;
    }
    reply_begin(text, exchange_clock(x), status, exchange_connection(x, status));
    text_add(text, entry->page);
    text_add(text, STR("\r\n"));
    exchange_log(x, status, head_only ? 0 : entry->size);
    if (!head_only)
        output_add_content(x->out, entry, 0, entry->size);
}

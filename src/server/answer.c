#include "server/answer.h"

#include "base/cold.h"
#include "http/path.h"
#include "server/handle.h"

#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

enum { LOCATION_MAX = 4096 }; /* of a redirect; what would be longer is answered 414 */

static bool has_field(const struct http_request *request, struct str name)
{
    for (unsigned i = 0; i < request->field_count; i++)
        if (str_equal_nocase(request->fields[i].name, name))
            return true;
    return false;
}

/* A browser asks what a script of another site may do (the CORS protocol of fetch.spec.whatwg.org).
 * A 204 has no length (RFC 9110 8.6). */
static void answer_preflight(struct exchange *x)
{
    reply_begin(&x->out->text, &x->core->clock, 204, exchange_connection(x, 204));
    text_add(&x->out->text, STR("Access-Control-Allow-Origin: *\r\n"
                                "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
                                "Access-Control-Allow-Headers: *\r\n"
                                "Access-Control-Max-Age: 86400\r\n\r\n"));
    exchange_log(x, 204, 0);
}

static COLD void answer_options(struct exchange *x)
{
    if (x->core->config->cors && has_field(x->request, STR("Origin")) &&
        has_field(x->request, STR("Access-Control-Request-Method"))) {
        answer_preflight(x);
        return;
    }
    enum reply_connection connection = exchange_connection(x, 200);

    reply_empty(&x->out->text, &x->core->clock, 200, connection, STR(ALLOW));
    exchange_log(x, 200, 0);
}

/* A directory asked for without its slash: links on its page would lead to the wrong place. */
static void answer_slash(struct exchange *x, struct str path)
{
    char space[sizeof "Location: /?\r\n" + LOCATION_MAX];
    struct text field = text_in(space, sizeof space);

    text_add(&field, STR("Location: "));
    http_path_encode(&field, path);
    text_add(&field, STR("/"));
    if (x->request->query.at) {
        text_add(&field, STR("?"));
        text_add(&field, x->request->query);
    }
    text_add(&field, STR("\r\n"));
    if (field.cut) {
        exchange_answer_plain(x, 414, STR(""));
        return;
    }
    if (text_room(&x->out->text) < field.len + OUTPUT_HEAD_MAX) {
        x->full = true;
        return;
    }
    exchange_answer_plain(x, 301, text_str(&field));
}

static void answer_found(struct exchange *x, struct str path, struct site_found found)
{
    if (found.entry)
        exchange_answer_file(x, found.entry);
    else if (found.status == 301)
        answer_slash(x, path);
    else
        exchange_answer_plain(x, found.status, STR(""));
}

/* The path must be normalised, or what it stands for is not held ready. */
static COLD void answer_any_path(struct exchange *x)
{
    char space[HTTP_PATH_MAX];
    ssize_t len = http_path_normalise(x->request->path, space);
    struct str path = str_of(space, len > 0 ? (size_t)len : 0);
    struct site_found found = { 404, NULL };

    if (len < 0)
        found.status = (int)-len;
    else if (x->core->config->dotfiles || !http_path_is_hidden(path))
        if (!lookups_find(&x->h->lookups, x->core, path, &found, &x->fill))
            return;
    answer_found(x, path, found);
}

static void answer_path(struct exchange *x)
{
    if (x->core->config->no_files) {
        exchange_answer_plain(x, 404, STR(""));
        return;
    }
    struct site_entry *entry = site_find_literal(&x->core->site, x->request->path, x->core->now_ms);

    if (entry && x->h->lookups.count == 0)
        exchange_answer_file(x, entry);
    else
        answer_any_path(x);
}

static bool is_read_only(const struct http_request *request)
{
    return request->method == HTTP_GET || request->method == HTTP_HEAD;
}

bool answer_ignores_body(const struct core *core, const struct http_request *request)
{
    return request->expects_other || !(is_read_only(request) || request->method == HTTP_OPTIONS ||
                                       handle_wants(core, request));
}

void answer_request(struct exchange *x)
{
    if (x->request->expects_other)
        exchange_answer_plain(x, 417, STR(""));
    else if (handle_request(x))
        return;
    else if (is_read_only(x->request))
        answer_path(x);
    else if (x->request->method == HTTP_OPTIONS)
        answer_options(x);
    else
        exchange_answer_plain(x, 405, STR(ALLOW));
}

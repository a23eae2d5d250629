#include "server/answer.h"

#include "base/check.h"
#include "base/cold.h"
#include "http/accept.h"
#include "http/field.h"
#include "http/path.h"
#include "server/handle.h"
#include "server/select.h"
#include "site/listing.h"

#include <assert.h>

#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

enum { LOCATION_MAX = 4096 }; /* of a redirect; what would be longer is answered 414 */

static_assert((int)LOCATION_MAX + 64 <= (int)EXCHANGE_FIELDS_MAX, "a Location is a field");
static_assert((int)REDIRECTS_TO_MAX <= (int)LOCATION_MAX, "a rule's target can be sent");

static bool has_field(const struct http_request *request, struct str name)
{
    struct str value;
    unsigned at = 0;

    return http_field_next(request, name, &at, &value);
}

/* A browser asks what a script of another site may do (the CORS protocol of fetch.spec.whatwg.org).
 * A 204 has no length (RFC 9110 8.6). */
static void answer_preflight(struct exchange *x)
{
    reply_begin(&x->out->text, exchange_clock(x), 204, exchange_connection(x, 204));
    text_add(&x->out->text, STR(EXCHANGE_CORS "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
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

    reply_empty(&x->out->text, exchange_clock(x), 200, connection,
                x->core->config->cors ? STR(ALLOW EXCHANGE_CORS) : STR(ALLOW));
    exchange_log(x, 200, 0);
}

/* --- redirects --- */

/* Where to go: with the request's query, unless the place has one of its own. */
static void add_query(struct text *location, struct str place, struct str query)
{
    const char *hash = memchr(place.at, '#', place.len);
    size_t len = hash ? (size_t)(hash - place.at) : place.len;

    text_add(location, str_of(place.at, len));
    if (query.at && !memchr(place.at, '?', len)) {
        text_add(location, STR("?"));
        text_add(location, query);
    }
    text_add(location, str_of(place.at + len, place.len - len));
}

static void answer_elsewhere(struct exchange *x, int status, const struct text *place)
{
    char space[LOCATION_MAX], field_space[EXCHANGE_FIELDS_MAX];
    struct text location = text_in(space, sizeof space);
    struct text field = text_in(field_space, sizeof field_space);

    add_query(&location, text_str(place), x->request->query);
    if (place->cut || location.cut) {
        exchange_answer_plain(x, 414, STR(""));
        return;
    }
    text_add(&field, STR("Location: "));
    text_add(&field, text_str(&location));
    text_add(&field, STR("\r\n"));
    CHECK(!field.cut);
    if (text_room(&x->out->text) < field.len + OUTPUT_HEAD_MAX)
        x->full = true;
    else
        exchange_answer_plain(x, status, text_str(&field));
}

/* A directory asked for without its slash: links on its page would lead to the wrong place. */
static void answer_slash(struct exchange *x, struct str path)
{
    char space[LOCATION_MAX];
    struct text where = text_in(space, sizeof space);

    http_path_encode(&where, path);
    text_add(&where, STR("/"));
    answer_elsewhere(x, 301, &where);
}

/* --- what stands on the site --- */

static bool is_shown(const struct core *core, struct str path)
{
    return (core->config->dotfiles || !http_path_is_hidden(path)) && !rules_are_in(path);
}

static const struct str listing_types[LISTING_MEDIA] = {
    [LISTING_HTML] = STR_INIT("text/html"),
    [LISTING_JSON] = STR_INIT("application/json"),
};

/* A directory without an index, as a page or as JSON. False when there is a fill to wait for. */
static COLD bool find_listing(struct exchange *x, struct str path, struct site_found *found)
{
    enum listing_media media =
        (enum listing_media)http_accept_choose(x->request, listing_types, LISTING_MEDIA);
    char space[HTTP_PATH_MAX + LISTING_KEY_MAX];
    struct text key = text_in(space, sizeof space);

    listing_key(&key, path, listing_form_read(x->request->query, media));
    return lookups_find(&x->h->lookups, x->core, text_str(&key), found, &x->fill);
}

/* What a path stands for. False when there is a fill to wait for. */
static bool find(struct exchange *x, struct str path, struct site_found *found)
{
    *found = (struct site_found){ 404, NULL };
    if (!is_shown(x->core, path))
        return true;
    if (!lookups_find(&x->h->lookups, x->core, path, found, &x->fill))
        return false;
    return found->status != 404 || !x->core->config->listing || !str_ends(path, STR("/")) ||
           find_listing(x, path, found);
}

/* With the operator's page for the status, if there is one and it is there. */
static void answer_error(struct exchange *x, int status)
{
    const struct rule_book *book = x->core->rules.book;
    struct str page = book ? rule_book_page(book, status) : STR("");
    struct site_found found = { 404, NULL };

    if (page.len > 0 && !find(x, page, &found))
        return;
    if (found.entry)
        exchange_answer_page(x, status, found.entry);
    else
        exchange_answer_plain(x, status, STR(""));
}

static inline void answer_file(struct exchange *x, struct site_entry *entry)
{
    if (entry->codings != 0)
        entry = select_variant(x, entry);
    if (entry)
        exchange_answer_file(x, entry);
}

static void answer_found(struct exchange *x, struct str path, struct site_found found)
{
    if (found.entry)
        answer_file(x, found.entry);
    else if (found.status == 301)
        answer_slash(x, path);
    else
        answer_error(x, found.status);
}

/* --- where nothing stands --- */

/* Browsers name text/html when they want a page, and only then; everything else may be told by the
 * path: the last segment of an asset's has an extension, and what stands below /.well-known/ is for
 * programs (RFC 8615). */
static bool wants_page(const struct http_request *request, struct str path)
{
    size_t at = path.len;

    if (http_accept_names(request, STR("text/html")))
        return true;
    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return !memchr(path.at + at, '.', path.len - at) && !str_starts(path, STR("/.well-known/"));
}

static void answer_missing(struct exchange *x, struct str path)
{
    const char *spa = x->core->config->spa;
    struct site_found found = { 404, NULL };

    if (spa && wants_page(x->request, path) && !find(x, str_from(spa), &found))
        return;
    if (found.entry)
        answer_found(x, str_from(spa), found);
    else
        answer_error(x, 404);
}

/* A rule's target on this site, which may have a query for those who read it: files have none. */
static ssize_t read_target(const struct text *where, char normal[HTTP_PATH_MAX])
{
    struct str target = text_str(where);

    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] == '?' || target.at[i] == '#')
            target.len = i;
    return where->cut ? -414 : http_path_normalise(target, normal);
}

/* What stands at the rule's target, as if it stood at the path, or as the page of a 404. No rule is
 * looked for again, so there is no circle. */
static void answer_rewritten(struct exchange *x, struct str path, const struct redirect *rule,
                             const struct text *where)
{
    char space[HTTP_PATH_MAX];
    ssize_t len = read_target(where, space);
    struct str target = str_of(space, len > 0 ? (size_t)len : 0);
    struct site_found found = { 404, NULL };

    if (len > 0 && !find(x, target, &found))
        return;
    if (rule->status == 404 && found.entry)
        exchange_answer_page(x, 404, found.entry);
    else if (rule->status == 404)
        answer_error(x, 404);
    else if (found.status == 404)
        answer_missing(x, path);
    else
        answer_found(x, target, found);
}

/* False when no rule fits. */
static bool answer_by_rule(struct exchange *x, struct str path, bool forced)
{
    char space[LOCATION_MAX];
    struct text where = text_in(space, sizeof space);
    struct pattern_match match;
    const struct redirect *rule = rules_redirect(&x->core->rules, path, forced, &match);

    if (!rule)
        return false;
    redirect_write(&where, rule, &match);
    if (rule->status == 200 || rule->status == 404)
        answer_rewritten(x, path, rule, &where);
    else
        answer_elsewhere(x, rule->status, &where);
    return true;
}

/* --- paths --- */

static void answer_normalised(struct exchange *x, struct str path)
{
    struct site_found found;

    if (answer_by_rule(x, path, true) || !find(x, path, &found))
        return;
    if (found.status != 404 || !is_shown(x->core, path))
        answer_found(x, path, found);
    else if (!answer_by_rule(x, path, false))
        answer_missing(x, path);
}

/* The path must be normalised, or what it stands for is not held ready. */
static COLD void answer_any_path(struct exchange *x)
{
    char space[HTTP_PATH_MAX];
    ssize_t len = http_path_normalise(x->request->path, space);

    if (len < 0)
        answer_error(x, (int)-len);
    else
        answer_normalised(x, str_of(space, (size_t)len));
}

static void answer_path(struct exchange *x)
{
    if (x->core->config->no_files) {
        exchange_answer_plain(x, 404, STR(""));
        return;
    }
    struct site_entry *entry = site_find_literal(&x->core->site, x->request->path, x->core->now_ms);

    if (entry && x->h->lookups.count == 0)
        answer_file(x, entry);
    else
        answer_any_path(x);
}

/* The path that a handler has named, normalised; 0 when it can't stand for anything. */
static size_t read_named(const struct exchange *x, char normal[HTTP_PATH_MAX])
{
    char encoded[4 * HTTP_PATH_MAX];
    struct text text = text_in(encoded, sizeof encoded);

    http_path_encode_part(&text, str_from(x->h->file));
    ssize_t len = text.cut ? -404 : http_path_normalise(text_str(&text), normal);
    return len > 0 && !x->core->config->no_files ? (size_t)len : 0;
}

/* A directory named without its slash: below a mount, links on its page need the slash; elsewhere
 * the client knows nothing of that path. */
static COLD void answer_named_directory(struct exchange *x, struct text *path)
{
    struct site_found found = { 404, NULL };
    char space[HTTP_PATH_MAX];

    if (x->h->file_mounted) {
        ssize_t len = http_path_normalise(x->request->path, space);
        CHECK(len > 0); /* it has led to the handler */
        answer_slash(x, str_of(space, (size_t)len));
        return;
    }
    text_add(path, STR("/"));
    if (!path->cut && !find(x, text_str(path), &found))
        return;
    answer_found(x, text_str(path), found);
}

/* What a handler has named stands for itself, whatever the rules say of paths. */
static COLD void answer_named(struct exchange *x)
{
    struct site_found found = { 404, NULL };
    char space[HTTP_PATH_MAX];
    size_t len = read_named(x, space);
    struct text path = { .at = space, .len = len, .cap = sizeof space };

    if (len > 0 && !find(x, text_str(&path), &found))
        return;
    if (found.status == 301)
        answer_named_directory(x, &path);
    else
        answer_found(x, text_str(&path), found);
}

/* --- from the plain port to the other one --- */

/* What a certificate authority looks at before there is a certificate (RFC 8555 8.3). */
static bool is_challenge(const struct http_request *request)
{
    char space[HTTP_PATH_MAX];
    ssize_t len = http_path_normalise(request->path, space);

    return len > 0 && str_starts(str_of(space, (size_t)len), STR("/.well-known/acme-challenge/"));
}

static bool leads_to_https(const struct exchange *x)
{
    const struct http_request *request = x->request;

    return x->core->config->https_redirect && !x->h->secure &&
           (request->form == HTTP_ORIGIN_FORM || request->form == HTTP_ABSOLUTE_FORM) &&
           !is_challenge(request);
}

/* Without its port. An IPv6 address has colons of its own, in brackets (RFC 3986 3.2.2). */
static struct str name_of(struct str host)
{
    const char *bracket = memchr(host.at, ']', host.len);
    const char *from = bracket ? bracket : host.at;
    const char *colon = memchr(from, ':', host.len - (size_t)(from - host.at));

    return colon ? str_of(host.at, (size_t)(colon - host.at)) : host;
}

static void answer_https(struct exchange *x)
{
    char space[LOCATION_MAX];
    struct text where = text_in(space, sizeof space);
    struct str name = x->request->host.len > 0 ? name_of(x->request->host) : STR("");

    if (name.len == 0) {
        exchange_answer_plain(x, 400, STR(""));
        return;
    }
    text_add(&where, STR("https://"));
    text_add(&where, name);
    if (x->core->config->tls_port != 443) {
        text_add(&where, STR(":"));
        text_add_number(&where, x->core->config->tls_port);
    }
    text_add(&where, x->request->path);
    answer_elsewhere(x, 308, &where);
}

/* --- who answers --- */

static bool is_read_only(const struct http_request *request)
{
    return request->method == HTTP_GET || request->method == HTTP_HEAD;
}

bool answer_ignores_body(const struct exchange *x, const struct endpoint *endpoint)
{
    const struct http_request *request = x->request;

    if (request->expects_other || leads_to_https(x))
        return true;
    if (endpoint && endpoint->body.wanted)
        return false;
    if (request->expects_continue) /* the client waits, and need not send it */
        return true;
    return !endpoint && !is_read_only(request) && request->method != HTTP_OPTIONS;
}

void answer_request(struct exchange *x)
{
    if (x->request->expects_other)
        exchange_answer_plain(x, 417, STR(""));
    else if (leads_to_https(x))
        answer_https(x);
    else if (!x->h->file && handle_request(x) && !x->h->file)
        return;
    else if (x->h->file)
        answer_named(x);
    else if (is_read_only(x->request))
        answer_path(x);
    else if (x->request->method == HTTP_OPTIONS)
        answer_options(x);
    else
        exchange_answer_plain(x, 405, STR(ALLOW));
}

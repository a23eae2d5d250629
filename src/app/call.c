#include "app/call.h"

#include "app/kept.h"
#include "app/query.h"
#include "base/cold.h"
#include "http/chars.h"
#include "http/field.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The fields that say where a message ends and what becomes of the connection. */
static const struct str servers_fields[] = {
    STR_INIT("Connection"), STR_INIT("Content-Length"),    STR_INIT("Date"),
    STR_INIT("Keep-Alive"), STR_INIT("Transfer-Encoding"), STR_INIT("Trailer"),
    STR_INIT("Upgrade"),
};

static struct ringlet_slice slice(struct str s)
{
    return (struct ringlet_slice){ s.at, s.len };
}

/* --- the request --- */

struct ringlet_slice ringlet_method(const struct ringlet_request *request)
{
    return slice(http_request_method_name(request->head));
}

struct ringlet_slice ringlet_path(const struct ringlet_request *request)
{
    return slice(request->path);
}

struct ringlet_slice ringlet_param(const struct ringlet_request *request, const char *name)
{
    const struct endpoint_match *match = request->match;
    struct str wanted = str_from(name ? name : "");

    for (unsigned i = 0; i < match->count; i++)
        if (str_equal(match->names[i], wanted))
            return slice(match->values[i]);
    return slice(str_of(NULL, 0));
}

struct ringlet_slice ringlet_query(const struct ringlet_request *request)
{
    return slice(request->head->query);
}

static COLD char *take_heap(struct ringlet_request *request, size_t len)
{
    struct call_decoded *more = malloc(sizeof *more + len);

    if (!more)
        return NULL;
    more->next = request->more;
    request->more = more;
    return more->bytes;
}

/* What the text stands for; it borrows from the text where that is the same. */
static bool decode(struct ringlet_request *request, struct str text, struct ringlet_slice *out)
{
    struct text *decoded = &request->decoded;

    *out = slice(text);
    if (!query_is_encoded(text))
        return true;
    bool fits = text.len <= text_room(decoded);
    char *at = fits ? decoded->at + decoded->len : take_heap(request, text.len);
    if (!at)
        return false;
    *out = (struct ringlet_slice){ at, query_decode(text, at) };
    if (fits)
        decoded->len += out->len;
    return true;
}

bool ringlet_query_next(struct ringlet_request *request, size_t *at, struct ringlet_slice *name,
                        struct ringlet_slice *value)
{
    struct str raw_name, raw_value;

    return at && name && value && query_next(request->head->query, at, &raw_name, &raw_value) &&
           decode(request, raw_name, name) && decode(request, raw_value, value);
}

/* Names that are not decoded are compared where they lie. */
struct ringlet_slice ringlet_query_value(struct ringlet_request *request, const char *name)
{
    struct str wanted = str_from(name ? name : ""), raw_name, raw_value;
    struct ringlet_slice found, none = { NULL, 0 };
    size_t at = 0;

    while (name && query_next(request->head->query, &at, &raw_name, &raw_value)) {
        if (raw_name.len < wanted.len || !decode(request, raw_name, &found) ||
            !str_equal(str_of(found.at, found.len), wanted))
            continue;
        return decode(request, raw_value, &found) ? found : none;
    }
    return none;
}

struct ringlet_slice ringlet_header(const struct ringlet_request *request, const char *name)
{
    struct str value = str_of(NULL, 0);
    unsigned at = 0;

    http_field_next(request->head, str_from(name ? name : ""), &at, &value);
    return slice(value);
}

bool ringlet_header_next(const struct ringlet_request *request, size_t *at,
                         struct ringlet_slice *name, struct ringlet_slice *value)
{
    if (!at || !name || !value || *at >= request->head->field_count)
        return false;

    struct http_field field = http_field_at(request->head, (unsigned)(*at)++);
    *name = slice(field.name);
    *value = slice(field.value);
    return true;
}

struct ringlet_slice ringlet_body(const struct ringlet_request *request)
{
    return slice(request->body);
}

void *ringlet_body_state(struct ringlet_request *request)
{
    void *state = request->body_state ? *request->body_state : NULL;

    if (state)
        *request->body_state = NULL;
    return state;
}

bool ringlet_secure(const struct ringlet_request *request)
{
    return request->secure;
}

struct ringlet_slice ringlet_peer(const struct ringlet_request *request)
{
    return slice(request->peer);
}

void *ringlet_state(const struct ringlet_request *request)
{
    return request->state;
}

void call_free_decoded(struct ringlet_request *request)
{
    struct call_decoded *next;

    for (struct call_decoded *more = request->more; more; more = next) {
        next = more->next;
        free(more);
    }
    request->more = NULL;
}

/* --- the reply --- */

int ringlet_reply_status(struct ringlet_reply *reply, int status)
{
    if (!reply)
        return -EINVAL;
    if (reply->done)
        return -EALREADY;
    if (status < 200 || status > 599)
        return -EINVAL;
    reply->status = status;
    return 0;
}

static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!http_char_is(name.at[i], HTTP_CHAR_TOKEN))
            return false;
    return name.len > 0;
}

bool call_is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!http_char_is(value.at[i], HTTP_CHAR_VALUE))
            return false;
    return true;
}

static bool is_servers(struct str name)
{
    for (size_t i = 0; i < sizeof servers_fields / sizeof servers_fields[0]; i++)
        if (str_equal_nocase(name, servers_fields[i]))
            return true;
    return false;
}

static int add_field(struct ringlet_reply *reply, struct str name, struct str value)
{
    if (name.len + value.len + sizeof ": \r\n" - 1 > text_room(&reply->fields))
        return -ENOSPC;
    text_add(&reply->fields, name);
    text_add(&reply->fields, STR(": "));
    text_add(&reply->fields, value);
    text_add(&reply->fields, STR("\r\n"));
    return 0;
}

int ringlet_reply_header(struct ringlet_reply *reply, const char *name_text, const char *value_text)
{
    if (!reply || !name_text || !value_text)
        return -EINVAL;

    struct str name = str_from(name_text);
    struct str value = str_trim(str_from(value_text));
    if (reply->done)
        return -EALREADY;
    if (!is_token(name) || !call_is_value(value) || is_servers(name))
        return -EINVAL;
    int error = add_field(reply, name, value);
    if (!error && str_equal_nocase(name, STR("Content-Type")))
        reply->typed = true;
    return error;
}

static COLD int refuse_again(struct ringlet_reply *reply)
{
    reply->again = true;
    return -EALREADY;
}

void call_note(struct ringlet_reply *reply)
{
    wait_note(&reply->kept->wait);
}

static int finish(struct ringlet_reply *reply, struct str content, void (*release)(void *owner),
                  void *owner)
{
    reply->done = true;
    reply->content = content;
    reply->release = release;
    reply->owner = owner;
    if (reply->kept)
        call_note(reply);
    return 0;
}

static COLD int send_large(struct ringlet_reply *reply, const void *bytes, size_t len)
{
    char *copy = malloc(len);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, bytes, len);
    return finish(reply, str_of(copy, len), free, copy);
}

int ringlet_reply_send(struct ringlet_reply *reply, const void *bytes, size_t len)
{
    if (!reply || (!bytes && len > 0))
        return -EINVAL;
    if (reply->done)
        return refuse_again(reply);
    if (len > text_room(&reply->copied))
        return send_large(reply, bytes, len);
    text_add(&reply->copied, str_of(bytes, len));
    return finish(reply, text_str(&reply->copied), NULL, NULL);
}

int ringlet_reply_give(struct ringlet_reply *reply, const void *bytes, size_t len,
                       void (*release)(void *owner), void *owner)
{
    bool wrong = !reply || (!bytes && len > 0);

    if (!wrong && !reply->done)
        return finish(reply, str_of(bytes, len), release, owner);
    if (release)
        release(owner);
    return wrong ? -EINVAL : refuse_again(reply);
}

int ringlet_reply_printf(struct ringlet_reply *reply, const char *format, ...)
{
    va_list args, again;

    if (!reply || !format)
        return -EINVAL;

    struct text *copied = &reply->copied;
    if (reply->done)
        return refuse_again(reply);
    va_start(args, format);
    va_copy(again, args);
    char *whole = NULL;
    int len = vsnprintf(copied->at, copied->cap, format, args);
    if (len >= 0 && (size_t)len >= copied->cap && vasprintf(&whole, format, again) < 0)
        whole = NULL;
    va_end(again);
    va_end(args);
    if (len < 0)
        return -EINVAL;
    if ((size_t)len < copied->cap)
        return finish(reply, str_of(copied->at, (size_t)len), NULL, NULL);
    return whole ? finish(reply, str_of(whole, (size_t)len), free, whole) : -ENOMEM;
}

int ringlet_reply_file(struct ringlet_reply *reply, const char *path)
{
    if (!reply || !path)
        return -EINVAL;

    size_t len = strlen(path);
    if (reply->done)
        return refuse_again(reply);
    if (!reply->reads || reply->status != 200 || reply->fields.len > 0 || path[0] != '/')
        return -EINVAL;
    if (len > RINGLET_FILE_PATH_MAX || len + 1 > text_room(&reply->copied))
        return -ENOSPC;
    text_add(&reply->copied, str_of(path, len + 1));
    reply->file = true;
    return finish(reply, str_of(reply->copied.at, len), NULL, NULL);
}

int call_reply_mounted(struct ringlet_reply *reply, const char *path)
{
    reply->mounted = true;
    return ringlet_reply_file(reply, path);
}

bool call_is_redirect(int status)
{
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

int ringlet_reply_redirect(struct ringlet_reply *reply, int status, const char *location)
{
    if (!reply || !location)
        return -EINVAL;

    struct str value = str_from(location);
    if (reply->done)
        return refuse_again(reply);
    if (!call_is_redirect(status) || value.len == 0 || !call_is_value(value))
        return -EINVAL;
    int error = add_field(reply, STR("Location"), value);
    if (error)
        return error;
    reply->status = status;
    return finish(reply, STR(""), NULL, NULL);
}

#include "http/request.h"

#include "base/check.h"
#include "base/cold.h"
#include "http/chars.h"
#include "scan.h"

#include <arpa/inet.h>

/* The functions that read on take a place in the bytes and return the place behind what they
 * read, or NULL and in *why a negated status, or 0 when the bytes ended too early. */

/* What the fields say about where the message ends, until all of them have been seen. */
struct framing {
    bool has_host;
    bool closes; /* Connection: close */
    bool keeps;  /* Connection: keep-alive */
    bool expects_100;
    bool expects_other;
};

static inline const char *stop(int *why, int status)
{
    *why = status;
    return NULL;
}

/* The first byte that is in none of the classes, or end. */
static const char *skip(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* Behind the CR LF that must be next. */
COLD static const char *read_line_end(const char *at, const char *end, int *why)
{
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
        return at + 2;
    return stop(why, at == end || (end - at == 1 && *at == '\r') ? 0 : -400);
}

/* --- The request line --- */

COLD static const char *read_any_method(struct http_request *r, const char *at, const char *end,
                                        int *why)
{
    const char *space = skip(at, end, HTTP_CHAR_TOKEN);

    if (space == end)
        return stop(why, 0);
    if (*space != ' ' || space == at)
        return stop(why, -400);
    r->method_name = str_of(at, (size_t)(space - at));
    r->method = http_method_of(r->method_name);
    return space + 1;
}

static inline const char *read_method(struct http_request *r, const char *at, const char *end,
                                      int *why)
{
    if (end - at < 4 || memcmp(at, "GET ", 4) != 0)
        return read_any_method(r, at, end, why);
    r->method_name = str_of(at, 3);
    r->method = HTTP_GET;
    return at + 4;
}

/* Set target; and path and query as they are in origin-form. */
static inline void take_target(struct http_request *r, const char *at, const char *path_end,
                               const char *end)
{
    r->target = str_of(at, (size_t)(end - at));
    r->path = str_of(at, (size_t)(path_end - at));
    r->query = str_of(NULL, 0);
    if (path_end < end)
        r->query = str_of(path_end + 1, (size_t)(end - path_end) - 1);
}

COLD static const char *read_any_target(struct http_request *r, const char *at, const char *end,
                                        int *why)
{
    const char *space = skip(at, end, HTTP_CHAR_TARGET);

    if (space == end)
        return stop(why, 0);
    if (*space != ' ' || space == at)
        return stop(why, -400);
    const char *mark = memchr(at, '?', (size_t)(space - at));
    take_target(r, at, mark ? mark : space, space);
    return space + 1;
}

static inline const char *read_target(struct http_request *r, const char *at, const char *end,
                                      int *why)
{
    const char *path_end = scan_target(at, end);
    const char *space = path_end;

    if (space < end && *space == '?')
        space = scan_target(space + 1, end);
    if (space == end || *space != ' ' || space == at)
        return read_any_target(r, at, end, why);
    take_target(r, at, path_end, space);
    return space + 1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.2 CR LF" and the like, a byte at a time, and prefixes of it. */
COLD static const char *read_any_version(struct http_request *r, const char *at, const char *end,
                                         int *why)
{
    const char form[] = "HTTP/d.d\r\n";
    const size_t len = sizeof form - 1;

    for (size_t i = 0; i < len; i++) {
        if (at + i == end)
            return stop(why, 0);
        if (form[i] == 'd' ? !is_digit(at[i]) : at[i] != form[i])
            return stop(why, -400);
    }
    if (at[5] != '1')
        return stop(why, -505);
    r->minor = at[7] == '0' ? 0 : 1;
    return at + len;
}

static inline const char *read_version(struct http_request *r, const char *at, const char *end,
                                       int *why)
{
    if (end - at < 10 || memcmp(at, "HTTP/1.1", 8) != 0 || memcmp(at + 8, "\r\n", 2) != 0)
        return read_any_version(r, at, end, why);
    r->minor = 1;
    return at + 10;
}

/* --- Hosts (RFC 3986 3.2.2) --- */

/* The length of the reg-name that `s` begins with. */
static size_t name_len(struct str s)
{
    size_t i = 0;

    while (i < s.len) {
        if (http_char_is(s.at[i], HTTP_CHAR_NAME))
            i++;
        else if (s.at[i] == '%' && s.len - i >= 3 && http_hex_digit(s.at[i + 1]) >= 0 &&
                 http_hex_digit(s.at[i + 2]) >= 0)
            i += 3;
        else
            break;
    }
    return i;
}

static bool is_future_address(struct str s)
{
    size_t i = 1;

    if (s.len == 0 || (s.at[0] | 0x20) != 'v')
        return false;
    while (i < s.len && http_hex_digit(s.at[i]) >= 0)
        i++;
    if (i == 1 || i + 1 >= s.len || s.at[i] != '.')
        return false;
    for (i++; i < s.len; i++)
        if (s.at[i] != ':' && !http_char_is(s.at[i], HTTP_CHAR_NAME))
            return false;
    return true;
}

static bool is_v6_address(struct str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* The length of the address in brackets that `s` begins with; 0 when there is none. */
static size_t literal_len(struct str s)
{
    const char *close = memchr(s.at, ']', s.len);

    if (!close)
        return 0;
    struct str inside = str_of(s.at + 1, (size_t)(close - s.at) - 1);
    return is_v6_address(inside) || is_future_address(inside) ? inside.len + 2 : 0;
}

/* Cut `s` into host and port, "" when there is none. False when it is not uri-host [":" port]. */
COLD static bool split_authority(struct str s, struct str *host, struct str *port)
{
    size_t len = s.len > 0 && s.at[0] == '[' ? literal_len(s) : name_len(s);

    if (s.len > 0 && s.at[0] == '[' && len == 0)
        return false;
    *host = str_of(s.at, len);
    *port = str_of(s.at + len, s.len - len);
    if (port->len == 0)
        return true;
    if (port->at[0] != ':')
        return false;
    *port = str_of(port->at + 1, port->len - 1);
    for (size_t i = 0; i < port->len; i++)
        if (!is_digit(port->at[i]))
            return false;
    return true;
}

/* --- Targets that are not in origin-form (RFC 9112 3.2) --- */

static int take_authority_form(struct http_request *r)
{
    struct str host, port;
    unsigned long long number;

    r->form = HTTP_AUTHORITY_FORM;
    r->path = str_of(r->target.at, 0);
    if (!split_authority(r->target, &host, &port) || host.len == 0)
        return -400;
    return str_number(port, 65535, &number) && number > 0 ? 0 : -400;
}

/* How long the "http://" or "https://" is that `s` begins with; 0 for anything else. */
static size_t scheme_len(struct str s)
{
    if (s.len >= 7 && str_equal_nocase(str_of(s.at, 7), STR("http://")))
        return 7;
    return s.len >= 8 && str_equal_nocase(str_of(s.at, 8), STR("https://")) ? 8 : 0;
}

static int take_absolute_form(struct http_request *r)
{
    struct str host, port;
    size_t scheme = scheme_len(r->path);

    r->form = HTTP_ABSOLUTE_FORM;
    if (scheme == 0)
        return -400;
    struct str rest = str_of(r->path.at + scheme, r->path.len - scheme);
    const char *slash = memchr(rest.at, '/', rest.len);
    size_t len = slash ? (size_t)(slash - rest.at) : rest.len;
    r->host = str_of(rest.at, len);
    r->path = slash ? str_of(slash, rest.len - len) : STR("/");
    return split_authority(r->host, &host, &port) && host.len > 0 ? 0 : -400;
}

/* Returns 0 or a negated status. */
COLD static int take_other_form(struct http_request *r)
{
    if (r->method == HTTP_METHOD_UNKNOWN)
        return -501;
    if (r->method == HTTP_CONNECT)
        return take_authority_form(r);
    if (r->target.at[0] == '/')
        return 0;
    if (!str_equal(r->target, STR("*")))
        return take_absolute_form(r);
    r->form = HTTP_ASTERISK_FORM;
    return r->method == HTTP_OPTIONS ? 0 : -400;
}

COLD static const char *skip_empty_lines(const char *at, const char *end)
{
    while (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
        at += 2;
    return at;
}

static inline const char *read_request_line(struct http_request *r, const char *at, const char *end,
                                            int *why)
{
    if (at < end && *at == '\r')
        at = skip_empty_lines(at, end);
    if (end - at == 1 && *at == '\r')
        return stop(why, 0);
    if (!(at = read_method(r, at, end, why)) || !(at = read_target(r, at, end, why)) ||
        !(at = read_version(r, at, end, why)))
        return NULL;

    r->form = HTTP_ORIGIN_FORM;
    r->host = str_of(NULL, 0);
    if (r->target.at[0] != '/' || r->method >= HTTP_CONNECT) {
        int status = take_other_form(r);
        if (status < 0)
            return stop(why, status);
    }
    return at;
}

/* --- Fields --- */

static inline uint64_t load64(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t load32(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Does `name`, which is as long as `known`, equal it without case? `known` is a literal in lower
 * case, so all of this but a few loads and compares is settled by the compiler. Setting 0x20
 * turns no tchar but an upper-case letter into a letter or '-'. The words overlap where the
 * length is no multiple of theirs. */
static inline bool is_called(const char *name, const char *known, size_t len)
{
    const uint64_t fold = 0x2020202020202020;
    const uint32_t half = 0x20202020;

    if (len < 8)
        return (load32(name) | half) == load32(known) &&
               (load32(name + len - 4) | half) == load32(known + len - 4);
    for (size_t i = 0; i + 8 < len; i += 8)
        if ((load64(name + i) | fold) != load64(known + i))
            return false;
    return (load64(name + len - 8) | fold) == load64(known + len - 8);
}

#define IS_CALLED(name, known) is_called((name), (known), sizeof(known) - 1)

/* Keep the first value of its name. */
static inline int keep(struct str *slot, struct str value)
{
    if (!slot->at)
        *slot = value;
    return 0;
}

static inline int note_accept_encoding(struct http_request *r, struct str value)
{
    r->accepts_more = r->accept_encoding.at != NULL;
    return keep(&r->accept_encoding, value);
}

/* What it says is read only if there is something that it can be about. */
static inline int note_condition(struct http_request *r)
{
    r->conditional = true;
    return 0;
}

static inline int note_host(struct http_request *r, struct framing *framing, struct str value,
                            const char *end)
{
    struct str host, port;

    if (framing->has_host)
        return -400;
    framing->has_host = true;
    /* the byte behind a value is not one that scan_host passes over */
    const char *port_at = scan_host(value.at, end);
    const char *value_end = value.at + value.len;
    if (port_at < value_end && *port_at == ':')
        for (port_at++; port_at < value_end && is_digit(*port_at);)
            port_at++;
    if (port_at != value_end && !split_authority(value, &host, &port))
        return -400;
    if (r->form != HTTP_ABSOLUTE_FORM)
        r->host = value;
    return 0;
}

COLD static int note_length(struct http_request *r, struct str value)
{
    unsigned long long length;

    if (r->has_length || r->chunked || !str_number(value, INT64_MAX, &length))
        return -400;
    r->has_length = true;
    r->length = length;
    return 0;
}

static bool is_token(struct str s)
{
    return s.len > 0 && skip(s.at, s.at + s.len, HTTP_CHAR_TOKEN) == s.at + s.len;
}

/* One transfer coding; only "chunked" is known, and nothing may follow it (RFC 9112 6.1, 7.1). */
static int note_coding(struct http_request *r, struct str coding)
{
    struct str rest = coding;
    struct str name = STR("");

    str_next(&rest, ';', &name);
    if (r->chunked || !is_token(name))
        return -400;
    if (!str_equal_nocase(name, STR("chunked")))
        return -501;
    r->chunked = true;
    return name.len == coding.len ? 0 : -400;
}

/* An empty list member is refused too: to be lenient here is to disagree with somebody on
 * framing. */
COLD static int note_transfer_encoding(struct http_request *r, struct str value)
{
    struct str member;

    if (r->minor == 0 || r->has_length || value.len == 0)
        return -400;
    if (value.at[value.len - 1] == ',')
        return -400;
    while (str_next(&value, ',', &member)) {
        int status = note_coding(r, member);
        if (status < 0)
            return status;
    }
    return 0;
}

COLD static int note_connection_list(struct framing *framing, struct str value)
{
    struct str member;

    while (str_next(&value, ',', &member)) {
        if (str_equal_nocase(member, STR("close")))
            framing->closes = true;
        if (str_equal_nocase(member, STR("keep-alive")))
            framing->keeps = true;
    }
    return 0;
}

static inline int note_connection(struct framing *framing, struct str value)
{
    if (value.len != 10 || !IS_CALLED(value.at, "keep-alive"))
        return note_connection_list(framing, value);
    framing->keeps = true;
    return 0;
}

COLD static int note_expect(struct framing *framing, struct str value)
{
    struct str member;

    while (str_next(&value, ',', &member)) {
        if (str_equal_nocase(member, STR("100-continue")))
            framing->expects_100 = true;
        else if (member.len > 0)
            framing->expects_other = true;
    }
    return 0;
}

/* Act on a field whose name is known here. Returns 0 or a negated status. */
static inline int note_field(struct http_request *r, struct framing *framing, struct str name,
                             struct str value, const char *end)
{
    switch (name.len) {
    case 0:
        return -400;
    case 4:
        return IS_CALLED(name.at, "host") ? note_host(r, framing, value, end) : 0;
    case 5:
        return IS_CALLED(name.at, "range") ? note_condition(r) : 0;
    case 6:
        return IS_CALLED(name.at, "expect") ? note_expect(framing, value) : 0;
    case 7:
        return IS_CALLED(name.at, "referer") ? keep(&r->referer, value) : 0;
    case 8:
        if (IS_CALLED(name.at, "if-match"))
            return note_condition(r);
        return IS_CALLED(name.at, "if-range") ? note_condition(r) : 0;
    case 10:
        if (IS_CALLED(name.at, "connection"))
            return note_connection(framing, value);
        return IS_CALLED(name.at, "user-agent") ? keep(&r->user_agent, value) : 0;
    case 13:
        return IS_CALLED(name.at, "if-none-match") ? note_condition(r) : 0;
    case 14:
        return IS_CALLED(name.at, "content-length") ? note_length(r, value) : 0;
    case 15:
        return IS_CALLED(name.at, "accept-encoding") ? note_accept_encoding(r, value) : 0;
    case 17:
        if (IS_CALLED(name.at, "if-modified-since"))
            return note_condition(r);
        return IS_CALLED(name.at, "transfer-encoding") ? note_transfer_encoding(r, value) : 0;
    case 19:
        return IS_CALLED(name.at, "if-unmodified-since") ? note_condition(r) : 0;
    default:
        return 0;
    }
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One field line, whatever is in it, into *field. */
COLD static const char *read_any_field(struct http_field *field, const char *at, const char *end,
                                       int *why)
{
    const char *colon = skip(at, end, HTTP_CHAR_TOKEN);

    if (colon == end)
        return stop(why, 0);
    if (*colon != ':' || colon == at)
        return stop(why, -400);

    const char *value = colon + 1;
    while (value < end && is_blank(*value))
        value++;
    const char *value_end = skip(value, end, HTTP_CHAR_VALUE);
    const char *next = read_line_end(value_end, end, why);
    while (value_end > value && is_blank(value_end[-1]))
        value_end--;
    field->name = str_of(at, (size_t)(colon - at));
    field->value = str_of(value, (size_t)(value_end - value));
    return next;
}

/* One field line into *field, acted upon. NULL at the empty line too. */
static inline const char *read_field(struct http_request *r, struct framing *framing,
                                     struct http_field *field, const char *at, const char *end,
                                     int *why)
{
    const char *colon, *value_end;
    const char *next = scan_field(at, end, &colon, &value_end);

    if (next) {
        field->name = str_of(at, (size_t)(colon - at));
        field->value = str_of(colon + 2, (size_t)(value_end - colon) - 2);
    } else {
        if (at < end && *at == '\r')
            return NULL;
        next = read_any_field(field, at, end, why);
        if (!next)
            return NULL;
    }
    int status = note_field(r, framing, field->name, field->value, end);
    return status == 0 ? next : stop(why, status);
}

/* All field lines and the empty line. */
static inline const char *read_fields(struct http_request *r, struct framing *framing,
                                      const char *at, const char *end, int *why)
{
    struct http_field *field = r->fields;
    const struct http_field *last = r->fields + HTTP_FIELDS_MAX;
    const char *next;

    while (field < last && (next = read_field(r, framing, field, at, end, why)) != NULL) {
        field++;
        at = next;
    }
    r->field_count = (unsigned)(field - r->fields);
    if (end - at >= 2 && memcmp(at, "\r\n", 2) == 0)
        return at + 2;
    if (at < end && *at == '\r')
        return read_line_end(at, end, why);
    return stop(why, field == last && at < end ? -431 : *why);
}

/* --- The whole --- */

static inline void forget_fields(struct http_request *r)
{
    const struct str none = { NULL, 0 };

    r->has_length = false;
    r->chunked = false;
    r->accepts_more = false;
    r->conditional = false;
    r->length = 0;
    r->accept_encoding = none;
    r->referer = none;
    r->user_agent = none;
}

/* What follows from the fields taken together. Returns 0 or a negated status. */
static inline int conclude(struct http_request *r, const struct framing *framing)
{
    if (r->minor > 0 && !framing->has_host)
        return -400;
    r->keep_alive = !framing->closes && (r->minor > 0 || framing->keeps);
    r->expects_continue = framing->expects_100 && r->minor > 0 && http_request_has_body(r);
    r->expects_other = framing->expects_other && r->minor > 0;
    return 0;
}

/* The status for a head of which max_head bytes are there, and no end yet. */
COLD static int over_limit(const char *bytes, const char *end, bool has_line)
{
    const char *line = skip_empty_lines(bytes, end);

    if (has_line)
        return -431;
    return line < end && *line != '\r' ? -414 : -400;
}

ssize_t http_request_parse(struct http_request *request, const char *bytes, size_t len,
                           size_t max_head)
{
    struct framing framing = { 0 };
    int why = 0;

    CHECK(max_head > 0 && max_head <= HTTP_HEAD_MAX);
    request->method = HTTP_METHOD_UNKNOWN;
    request->method_name = str_of(NULL, 0);
    request->target = str_of(NULL, 0);
    forget_fields(request);
    if (len == 0)
        return 0;

    const char *end = bytes + (len < max_head ? len : max_head);
    const char *fields = read_request_line(request, bytes, end, &why);
    const char *at = fields ? read_fields(request, &framing, fields, end, &why) : NULL;
    if (at)
        why = conclude(request, &framing);
    if (at && why == 0)
        return at - bytes;
    if (why == 0 && len >= max_head)
        return over_limit(bytes, end, fields != NULL);
    return why;
}

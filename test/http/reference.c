#include "reference.h"

#include "http/authority.h"
#include "http/chars.h"

/* The functions that read move *at behind what they read and return 1; or they return 0 when the
 * bytes end too early, or a negated status. */

/* What the fields say together. */
struct said {
    bool host, close, keep, expect_100, expect_other;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int read_char(const char **at, const char *end, char c)
{
    if (*at == end)
        return 0;
    return *(*at)++ == c ? 1 : -400;
}

static int read_line_end(const char **at, const char *end)
{
    int status = read_char(at, end, '\r');

    return status == 1 ? read_char(at, end, '\n') : status;
}

/* One byte or more of a class, and the byte that must follow. */
static int read_word(const char **at, const char *end, int class, char behind, struct str *word)
{
    const char *first = *at;

    while (*at < end && http_char_is(**at, class))
        ++*at;
    struct str found = str_of(first, (size_t)(*at - first));
    if (*at == end)
        return 0;
    if (found.len == 0 || **at != behind)
        return -400;
    ++*at;
    *word = found;
    return 1;
}

/* HTTP-version CR LF; RFC 9112 2.3. */
static int read_version(struct http_request *r, const char **at, const char *end)
{
    const char *first = *at;

    for (const char *c = "HTTP/d.d\r\n"; *c; c++, ++*at) {
        if (*at == end)
            return 0;
        if (*c == 'd' ? !is_digit(**at) : **at != *c)
            return -400;
    }
    if (first[5] != '1')
        return -505;
    r->minor = first[7] == '0' ? 0 : 1;
    return 1;
}

static int take_authority_form(struct http_request *r)
{
    struct str host, port;
    unsigned long long number;

    r->form = HTTP_AUTHORITY_FORM;
    r->path = str_of(r->target.at, 0);
    if (!http_authority_split(r->target, &host, &port) || host.len == 0)
        return -400;
    return str_number(port, 65535, &number) && number != 0 ? 1 : -400;
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal_nocase(str_of(s.at, prefix.len), prefix);
}

static int take_absolute_form(struct http_request *r)
{
    struct str host, port;
    size_t scheme = 0;

    r->form = HTTP_ABSOLUTE_FORM;
    if (starts_nocase(r->path, STR("http://")))
        scheme = 7;
    else if (starts_nocase(r->path, STR("https://")))
        scheme = 8;
    else
        return -400;
    r->host = str_of(r->path.at + scheme, 0);
    while (scheme + r->host.len < r->path.len && r->host.at[r->host.len] != '/')
        r->host.len++;
    if (!http_authority_split(r->host, &host, &port) || host.len == 0)
        return -400;
    size_t before = scheme + r->host.len;
    r->path = before < r->path.len ? str_of(r->path.at + before, r->path.len - before) : STR("/");
    return 1;
}

/* RFC 9112 3.2. */
static int take_form(struct http_request *r)
{
    if (r->method == HTTP_METHOD_UNKNOWN)
        return -501;
    if (r->method == HTTP_CONNECT)
        return take_authority_form(r);
    r->form = HTTP_ORIGIN_FORM;
    if (r->target.at[0] == '/')
        return 1;
    if (!str_equal(r->target, STR("*")))
        return take_absolute_form(r);
    r->form = HTTP_ASTERISK_FORM;
    return r->method == HTTP_OPTIONS ? 1 : -400;
}

/* Cut the target at its first '?'. */
static void take_target(struct http_request *r)
{
    r->path = r->target;
    for (size_t i = 0; i < r->target.len && !r->query.at; i++) {
        if (r->target.at[i] != '?')
            continue;
        r->path.len = i;
        r->query = str_of(r->target.at + i + 1, r->target.len - i - 1);
    }
}

static int read_request_line(struct reference *f, const char **at, const char *end)
{
    struct http_request *r = &f->request;

    while (end - *at >= 2 && (*at)[0] == '\r' && (*at)[1] == '\n')
        *at += 2;
    if (end - *at == 1 && **at == '\r')
        return 0;
    int status = read_word(at, end, HTTP_CHAR_TOKEN, ' ', &f->method_name);
    if (status != 1)
        return status;
    r->method = (uint8_t)http_method_of(f->method_name);
    status = read_word(at, end, HTTP_CHAR_TARGET, ' ', &r->target);
    if (status != 1)
        return status;
    take_target(r);
    status = read_version(r, at, end);
    return status == 1 ? take_form(r) : status;
}

/* RFC 9112 6.1 and 7.1. */
static int take_codings(struct http_request *r, struct str value)
{
    struct str coding;

    if (r->minor == 0 || r->has_length || value.len == 0 || value.at[value.len - 1] == ',')
        return -400;
    while (str_next(&value, ',', &coding)) {
        struct str rest = coding, name = STR("");
        str_next(&rest, ';', &name);
        for (size_t i = 0; i < name.len; i++)
            if (!http_char_is(name.at[i], HTTP_CHAR_TOKEN))
                return -400;
        if (r->chunked || name.len == 0)
            return -400;
        if (!str_equal_nocase(name, STR("chunked")))
            return -501;
        r->chunked = true;
        if (name.len != coding.len)
            return -400;
    }
    return 1;
}

static int take_length(struct http_request *r, struct str value)
{
    unsigned long long length;

    if (r->has_length || r->chunked || !str_number(value, INT64_MAX, &length))
        return -400;
    r->has_length = true;
    r->length = length;
    return 1;
}

static int take_host(struct http_request *r, struct said *said, struct str value)
{
    struct str host, port;

    if (said->host || !http_authority_split(value, &host, &port))
        return -400;
    said->host = true;
    if (r->form != HTTP_ABSOLUTE_FORM)
        r->host = value;
    return 1;
}

static bool has_member(struct str list, struct str wanted)
{
    struct str member;

    while (str_next(&list, ',', &member))
        if (str_equal_nocase(member, wanted))
            return true;
    return false;
}

static bool has_another_member(struct str list, struct str than)
{
    struct str member;

    while (str_next(&list, ',', &member))
        if (member.len > 0 && !str_equal_nocase(member, than))
            return true;
    return false;
}

static bool is_condition(struct str name)
{
    const struct str names[] = { STR("If-Match"),          STR("If-None-Match"),
                                 STR("If-Modified-Since"), STR("If-Unmodified-Since"),
                                 STR("If-Range"),          STR("Range") };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal_nocase(name, names[i]))
            return true;
    return false;
}

static void take_first(struct str *slot, struct str value)
{
    if (!slot->at)
        *slot = value;
}

static void take_lists(struct said *said, const struct http_field *field)
{
    if (str_equal_nocase(field->name, STR("Connection"))) {
        said->close = said->close || has_member(field->value, STR("close"));
        said->keep = said->keep || has_member(field->value, STR("keep-alive"));
    }
    if (str_equal_nocase(field->name, STR("Expect"))) {
        said->expect_100 = said->expect_100 || has_member(field->value, STR("100-continue"));
        said->expect_other =
            said->expect_other || has_another_member(field->value, STR("100-continue"));
    }
}

static int take_field(struct reference *f, struct said *said, const struct http_field *field)
{
    struct http_request *r = &f->request;

    if (str_equal_nocase(field->name, STR("Accept-Encoding")))
        take_first(&f->accept_encoding, field->value);
    if (str_equal_nocase(field->name, STR("Referer")))
        take_first(&f->referer, field->value);
    if (str_equal_nocase(field->name, STR("User-Agent")))
        take_first(&f->user_agent, field->value);
    r->conditional = r->conditional || is_condition(field->name);
    take_lists(said, field);
    if (str_equal_nocase(field->name, STR("Host")))
        return take_host(r, said, field->value);
    if (str_equal_nocase(field->name, STR("Content-Length")))
        return take_length(r, field->value);
    if (str_equal_nocase(field->name, STR("Transfer-Encoding")))
        return take_codings(r, field->value);
    return 1;
}

/* RFC 9112 5. */
static int read_field(struct http_field *field, const char **at, const char *end)
{
    int status = read_word(at, end, HTTP_CHAR_TOKEN, ':', &field->name);

    if (status != 1)
        return status;
    const char *value = *at;
    while (*at < end && http_char_is(**at, HTTP_CHAR_VALUE))
        ++*at;
    field->value = str_trim(str_of(value, (size_t)(*at - value)));
    return read_line_end(at, end);
}

static int read_fields(struct reference *f, struct said *said, const char **at, const char *end)
{
    struct http_request *r = &f->request;

    while (*at < end && **at != '\r') {
        if (r->field_count == HTTP_FIELDS_MAX)
            return -431;
        struct http_field *field = &f->fields[r->field_count];
        int status = read_field(field, at, end);
        if (status == 1)
            status = take_field(f, said, field);
        if (status != 1)
            return status;
        r->field_count++;
    }
    return read_line_end(at, end);
}

static int read_head(struct reference *f, const char **at, const char *end, bool *has_line)
{
    struct http_request *r = &f->request;
    struct said said = { 0 };
    int status = read_request_line(f, at, end);

    *has_line = status == 1;
    if (status == 1)
        status = read_fields(f, &said, at, end);
    if (status == 1 && r->minor == 1 && !said.host)
        status = -400;
    r->keep_alive = !said.close && (r->minor == 1 || said.keep);
    r->expects_continue = said.expect_100 && r->minor == 1 && (r->chunked || r->length > 0);
    r->expects_other = said.expect_other && r->minor == 1;
    return status;
}

ssize_t reference_parse(struct reference *f, const char *bytes, size_t len, size_t max_head)
{
    const char *at = bytes, *end = bytes + (len < max_head ? len : max_head);
    bool has_line;

    memset(f, 0, sizeof *f);
    f->request.method = HTTP_METHOD_UNKNOWN;
    f->request.minor = 1;
    int status = read_head(f, &at, end, &has_line);
    if (status == 1)
        return at - bytes;
    if (status < 0 || len < max_head)
        return status;
    /* all that may be has been seen, and it is no head */
    for (at = bytes; end - at >= 2 && at[0] == '\r' && at[1] == '\n'; at += 2)
        ;
    if (has_line)
        return -431;
    return at < end && *at != '\r' ? -414 : -400;
}

static bool same(struct str a, struct str b)
{
    return a.at == b.at && a.len == b.len;
}

static const char *fields_differ(const struct reference *f, const struct http_request *r)
{
    if (f->request.field_count != r->field_count)
        return "field_count";
    for (unsigned i = 0; i < r->field_count; i++) {
        struct http_field field = http_field_at(r, i);
        if (!same(f->fields[i].name, field.name) || !same(f->fields[i].value, field.value))
            return "fields";
    }
    return NULL;
}

/* Of these a refusal is logged with, too. */
static const char *seen_fields_differ(const struct reference *f, const struct http_request *r)
{
    if (!same(f->accept_encoding, http_field_first(r, STR("accept-encoding"))))
        return "accept-encoding";
    if (!same(f->referer, http_field_first(r, STR("Referer"))))
        return "referer";
    if (!same(f->user_agent, http_field_first(r, STR("User-Agent"))))
        return "user-agent";
    return NULL;
}

static bool is_everyday(const struct http_request *r)
{
    return r->method == HTTP_GET && r->form == HTTP_ORIGIN_FORM && r->minor == 1 && r->keep_alive &&
           !r->conditional && !r->has_length && !r->chunked && !r->expects_other;
}

/* The path may be a literal. */
static const char *targets_differ(const struct http_request *a, const struct http_request *b)
{
    if (a->form != b->form || a->minor != b->minor)
        return "form or version";
    if (!str_equal(a->path, b->path) || !same(a->query, b->query) || !same(a->host, b->host))
        return "path, query or host";
    return NULL;
}

static const char *bodies_differ(const struct http_request *a, const struct http_request *b)
{
    if (a->has_length != b->has_length || a->length != b->length || a->chunked != b->chunked)
        return "length or coding";
    if (a->keep_alive != b->keep_alive || a->expects_continue != b->expects_continue ||
        a->expects_other != b->expects_other)
        return "keep_alive or expectations";
    return a->conditional != b->conditional ? "conditional" : NULL;
}

const char *reference_differs(const struct reference *reference, const struct http_request *request,
                              ssize_t used)
{
    const struct http_request *a = &reference->request;

    if (a->method != request->method ||
        !str_equal(reference->method_name, http_request_method_name(request)))
        return "method";
    if (!same(a->target, request->target))
        return "target";
    if (a->minor != request->minor)
        return "version";
    const char *differs = seen_fields_differ(reference, request);
    if (differs || used <= 0)
        return differs;
    if (is_everyday(a) != http_request_is_everyday(request))
        return "everyday";
    differs = targets_differ(a, request);
    if (!differs)
        differs = bodies_differ(a, request);
    return differs ? differs : fields_differ(reference, request);
}

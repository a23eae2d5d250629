#include "http/request.h"

#include "base/check.h"
#include "base/cold.h"
#include "base/words.h"
#include "http/authority.h"
#include "http/chars.h"
#include "scan.h"

/* What the functions that read on give back, in two registers. */
struct reached {
    const char *at; /* behind what was read, or NULL */
    int note;       /* with a place, what was SEEN; without, a negated status, or 0 when the bytes
                       ended too early */
};

/* What the fields say about where the message ends, until all of them have been seen. */
enum {
    SEEN_HOST = 1,
    SEEN_CLOSE = 2, /* Connection: close */
    SEEN_KEEP = 4,  /* Connection: keep-alive */
    SEEN_EXPECT_100 = 8,
    SEEN_EXPECT_OTHER = 16,
};

static inline struct reached go_on(const char *at)
{
    return (struct reached){ at, 0 };
}

static inline struct reached stop(int status)
{
    return (struct reached){ NULL, status };
}

/* The first byte that is in none of the classes, or end. */
static const char *skip(const char *at, const char *end, int classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* Behind the CR LF that must be next. */
COLD static struct reached read_line_end(const char *at, const char *end)
{
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
        return go_on(at + 2);
    return stop(at == end || (end - at == 1 && *at == '\r') ? 0 : -400);
}

/* --- The request line --- */

static struct reached read_any_method(struct http_request *r, const char *at, const char *end)
{
    const char *space = skip(at, end, HTTP_CHAR_TOKEN);

    if (space == end)
        return stop(0);
    if (*space != ' ' || space == at)
        return stop(-400);
    r->unknown_method = str_of(at, (size_t)(space - at));
    r->method = (uint8_t)http_method_of(r->unknown_method);
    return go_on(space + 1);
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

static struct reached read_any_target(struct http_request *r, const char *at, const char *end)
{
    const char *space = skip(at, end, HTTP_CHAR_TARGET);

    if (space == end)
        return stop(0);
    if (*space != ' ' || space == at)
        return stop(-400);
    const char *mark = memchr(at, '?', (size_t)(space - at));
    take_target(r, at, mark ? mark : space, space);
    return go_on(space + 1);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.2 CR LF" and the like, a byte at a time, and prefixes of it. */
static struct reached read_any_version(struct http_request *r, const char *at, const char *end)
{
    const char form[] = "HTTP/d.d\r\n";
    const size_t len = sizeof form - 1;

    for (size_t i = 0; i < len; i++) {
        if (at + i == end)
            return stop(0);
        if (form[i] == 'd' ? !is_digit(at[i]) : at[i] != form[i])
            return stop(-400);
    }
    if (at[5] != '1')
        return stop(-505);
    r->minor = at[7] == '0' ? 0 : 1;
    return go_on(at + len);
}

static int take_authority_form(struct http_request *r)
{
    struct str host, port;
    unsigned long long number;

    r->form = HTTP_AUTHORITY_FORM;
    r->path = str_of(r->target.at, 0);
    if (!http_authority_split(r->target, &host, &port) || host.len == 0)
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
    return http_authority_split(r->host, &host, &port) && host.len > 0 ? 0 : -400;
}

/* Targets that are not in origin-form (RFC 9112 3.2). Returns 0 or a negated status. */
static int take_other_form(struct http_request *r)
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

static const char *skip_empty_lines(const char *at, const char *end)
{
    while (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
        at += 2;
    return at;
}

/* Whatever is in it. */
COLD static struct reached read_any_request_line(struct http_request *r, const char *at,
                                                 const char *end)
{
    r->method = HTTP_METHOD_UNKNOWN;
    r->unknown_method = str_of(NULL, 0);
    r->target = str_of(NULL, 0);
    at = skip_empty_lines(at, end);
    if (at == end || (end - at == 1 && *at == '\r'))
        return stop(0);

    struct reached reached = read_any_method(r, at, end);
    if (reached.at)
        reached = read_any_target(r, reached.at, end);
    if (reached.at)
        reached = read_any_version(r, reached.at, end);
    int status = reached.at ? take_other_form(r) : 0;
    return status < 0 ? stop(status) : reached;
}

/* Most of them: GET, origin-form, HTTP/1.1. */
static inline struct reached read_request_line(struct http_request *r, const char *at,
                                               const char *end)
{
    enum { LINE_MIN = 16, METHOD_LEN = 4, VERSION_LEN = 11 };
    const char *target = at + METHOD_LEN;

    if (end - at < LINE_MIN || memcmp(at, "GET /", METHOD_LEN + 1) != 0)
        return read_any_request_line(r, at, end);
    const char *path_end = scan_target(target, end);
    const char *space = path_end;
    if (space < end && *space == '?')
        space = scan_target(space + 1, end);
    if (end - space < VERSION_LEN || memcmp(space, " HTTP/1.1\r\n", VERSION_LEN) != 0)
        return read_any_request_line(r, at, end);
    take_target(r, target, path_end, space);
    return go_on(space + VERSION_LEN);
}

/* --- Fields --- */

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

/* The note_ functions return what was SEEN, or a negated status. */

/* What it says is read only if there is something that it can be about. */
static inline int note_condition(struct http_request *r)
{
    r->conditional = true;
    return 0;
}

COLD static bool is_any_host(struct str value)
{
    struct str host, port;

    return http_authority_split(value, &host, &port);
}

static int note_host(struct http_request *r, int seen, struct str value, const char *end)
{
    if (seen & SEEN_HOST)
        return -400;
    /* the byte behind a value is not one that scan_host passes over */
    if (scan_host(value.at, end) != value.at + value.len && !is_any_host(value))
        return -400;
    if (r->form != HTTP_ABSOLUTE_FORM)
        r->host = value;
    return SEEN_HOST;
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

static int note_connection(struct str value)
{
    struct str member;
    int seen = 0;

    while (str_next(&value, ',', &member)) {
        if (str_equal_nocase(member, STR("close")))
            seen |= SEEN_CLOSE;
        if (str_equal_nocase(member, STR("keep-alive")))
            seen |= SEEN_KEEP;
    }
    return seen;
}

COLD static int note_expect(struct str value)
{
    struct str member;
    int seen = 0;

    while (str_next(&value, ',', &member)) {
        if (str_equal_nocase(member, STR("100-continue")))
            seen |= SEEN_EXPECT_100;
        else if (member.len > 0)
            seen |= SEEN_EXPECT_OTHER;
    }
    return seen;
}

static inline struct str value_between(const char *at, const char *end)
{
    if (at[0] == ' ' && at[1] > ' ' && end[-1] > ' ')
        return str_of(at + 1, (size_t)(end - at) - 1);
    return str_trim(str_of(at, (size_t)(end - at)));
}

/* Act on field number `i`, if its name is known here. */
APART static int note_field(struct http_request *r, int seen, size_t i, const char *end)
{
    const char *name = r->lines[i];
    size_t name_len = r->name_lens[i];
    struct str value = value_between(name + name_len + 1, r->lines[i + 1] - 2);

    switch (name_len) {
    case 0:
        return -400;
    case 4:
        return IS_CALLED(name, "host") ? note_host(r, seen, value, end) : 0;
    case 5:
        return IS_CALLED(name, "range") ? note_condition(r) : 0;
    case 6:
        return IS_CALLED(name, "expect") ? note_expect(value) : 0;
    case 8:
        if (IS_CALLED(name, "if-match"))
            return note_condition(r);
        return IS_CALLED(name, "if-range") ? note_condition(r) : 0;
    case 10:
        return IS_CALLED(name, "connection") ? note_connection(value) : 0;
    case 13:
        return IS_CALLED(name, "if-none-match") ? note_condition(r) : 0;
    case 14:
        return IS_CALLED(name, "content-length") ? note_length(r, value) : 0;
    case 17:
        if (IS_CALLED(name, "if-modified-since"))
            return note_condition(r);
        return IS_CALLED(name, "transfer-encoding") ? note_transfer_encoding(r, value) : 0;
    case 19:
        return IS_CALLED(name, "if-unmodified-since") ? note_condition(r) : 0;
    default:
        return 0;
    }
}

/* By the first letter of a name, a bit for each length that a name known here has with it. */
#define LETTER(c) ((c)&31)
static const uint32_t known_lengths[32] = {
    [LETTER(':')] = 1U << 0, /* no name: refused */
    [LETTER('c')] = 1U << 10 | 1U << 14,
    [LETTER('e')] = 1U << 6,
    [LETTER('h')] = 1U << 4,
    [LETTER('i')] = 1U << 8 | 1U << 13 | 1U << 17 | 1U << 19,
    [LETTER('r')] = 1U << 5,
    [LETTER('t')] = 1U << 17,
};

/* Is it to the letter the line that browsers send? Any other is read as all are. */
static inline bool says_keep_alive(const char *line, const char *next)
{
    enum { LEN = sizeof "Connection: keep-alive\r\n" - 1 };

    return next - line == LEN && memcmp(line, "Connection: keep-alive\r\n", LEN) == 0;
}

/* Act on the fields that may be known: of those from number `from` on, a bit each. Returns all that
 * was SEEN, or a negated status, and then only the fields before the refused one are left. */
static inline int note_fields(struct http_request *r, int seen, size_t from, uint64_t known,
                              const char *end)
{
    for (; known != 0; known &= known - 1) {
        size_t i = from + (size_t)__builtin_ctzll(known);
        int note = SEEN_KEEP;
        if (!says_keep_alive(r->lines[i], r->lines[i + 1]))
            note = note_field(r, seen, i, end);
        if (note < 0) {
            r->field_count = (unsigned)i;
            return note;
        }
        seen |= note;
    }
    return seen;
}

/* The field lines that are as nearly all are. Their number is added to field_count; a bit for each
 * of them that may be known is returned. */
static inline uint64_t read_lines(struct http_request *r, const char *first, const char *end)
{
    size_t room = HTTP_FIELDS_MAX - r->field_count;
    size_t max = room < SCAN_LINES_MAX ? room : SCAN_LINES_MAX;
    struct scan_lines taken = scan_lines(r->lines + r->field_count, r->name_lens + r->field_count,
                                         max, first, end, known_lengths);

    r->field_count += (unsigned)taken.count;
    return taken.listed;
}

/* One field line, whatever is in it. */
COLD static struct reached read_any_line(struct http_request *r, const char *at, const char *end)
{
    const char *colon = skip(at, end, HTTP_CHAR_TOKEN);

    if (colon == end)
        return stop(0);
    if (*colon != ':' || colon == at)
        return stop(-400);
    struct reached next = read_line_end(skip(colon + 1, end, HTTP_CHAR_VALUE), end);
    if (!next.at)
        return next;
    r->name_lens[r->field_count++] = (uint16_t)(colon - at);
    r->lines[r->field_count] = next.at;
    return next;
}

/* What is neither the empty line nor what read_lines took. */
COLD static struct reached read_odd_line(struct http_request *r, const char *at, const char *end)
{
    if (at < end && *at == '\r')
        return stop(end - at == 1 ? 0 : -400);
    if (r->field_count == HTTP_FIELDS_MAX)
        return stop(at < end ? -431 : 0);
    return read_any_line(r, at, end);
}

/* The field lines behind those that have been read, and the empty line. */
static inline struct reached read_fields(struct http_request *r, int seen, const char *first,
                                         const char *end)
{
    const char *at = r->lines[r->field_count];

    while (end - at >= 2 && memcmp(at, "\r\n", 2) != 0) {
        unsigned from = r->field_count;
        uint64_t known = read_lines(r, first, end);
        if (r->field_count == from) {
            struct reached odd = read_odd_line(r, at, end);
            if (!odd.at)
                return odd;
            known = 1;
        }
        at = r->lines[r->field_count];
        seen = note_fields(r, seen, from, known, end);
        if (seen < 0)
            return stop(seen);
    }
    return end - at >= 2 ? (struct reached){ at + 2, seen } : read_odd_line(r, at, end);
}

/* --- The whole --- */

COLD static void take_expectations(struct http_request *r, int seen)
{
    r->expects_continue = (seen & SEEN_EXPECT_100) && http_request_has_body(r);
    r->expects_other = (seen & SEEN_EXPECT_OTHER) != 0;
}

/* What follows from the fields taken together. Returns 0 or a negated status. */
static inline int conclude(struct http_request *r, int seen)
{
    if (r->minor == 0) {
        r->keep_alive = (seen & (SEEN_CLOSE | SEEN_KEEP)) == SEEN_KEEP;
        return 0;
    }
    if (!(seen & SEEN_HOST))
        return -400;
    if (seen & (SEEN_CLOSE | SEEN_EXPECT_100 | SEEN_EXPECT_OTHER)) {
        r->keep_alive = !(seen & SEEN_CLOSE);
        take_expectations(r, seen);
    }
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

/* How a head is looked at before anything in it is: as the most common one, without any fields. */
static inline void begin(struct http_request *r)
{
    r->traits = http_request_everyday();
    r->length = 0;
    r->expects_continue = false;
    r->field_count = 0;
}

/* The rest of a head, behind the lines that have been read. */
APART static ssize_t parse_fields(struct http_request *r, int seen, const char *bytes, size_t len,
                                  size_t max_head)
{
    const char *end = bytes + (len < max_head ? len : max_head);
    struct reached head = read_fields(r, seen, bytes, end);
    int status = head.at ? conclude(r, head.note) : head.note;

    if (head.at && status == 0)
        return head.at - bytes;
    return status == 0 && len >= max_head ? over_limit(bytes, end, true) : status;
}

/* Any head. A limit that nobody may set is found here, and not at each head of a browser. */
APART static ssize_t parse_any(struct http_request *r, const char *bytes, size_t len,
                               size_t max_head)
{
    CHECK(max_head > 0 && max_head <= HTTP_HEAD_MAX);
    const char *end = bytes + (len < max_head ? len : max_head);

    begin(r);
    r->host = str_of(NULL, 0);
    struct reached line = read_request_line(r, bytes, end);
    if (!line.at)
        return line.note == 0 && len >= max_head ? over_limit(bytes, end, false) : line.note;
    r->lines[0] = line.at;
    return parse_fields(r, 0, bytes, len, max_head);
}

/* Behind the first two lines, if they are as nearly all clients send them: a GET in origin-form of
 * HTTP/1.1, and Host. NULL when they are not, or not short enough to be seen at once. */
static inline const char *read_first_lines(struct http_request *r, const char *at, const char *end)
{
    enum { METHOD_LEN = 4, BETWEEN_LEN = 17, HOST_NAME_LEN = 6, LINE_END_LEN = 2 };
    const char *target = at + METHOD_LEN;

    if (end - target < SCAN_SHORT || memcmp(at, "GET /", METHOD_LEN + 1) != 0)
        return NULL;
    const char *space = scan_short_target(target);
    if (end - space < BETWEEN_LEN + SCAN_SHORT ||
        memcmp(space, " HTTP/1.1\r\nHost: ", BETWEEN_LEN) != 0)
        return NULL;
    const char *host = space + BETWEEN_LEN;
    const char *host_end = scan_short_host(host);
    if (end - host_end < 2 * LINE_END_LEN || memcmp(host_end, "\r\n", LINE_END_LEN) != 0)
        return NULL;

    begin(r);
    take_target(r, target, space, space);
    r->host = str_of(host, (size_t)(host_end - host));
    r->lines[0] = host - HOST_NAME_LEN;
    r->name_lens[0] = 4;
    r->lines[1] = host_end + LINE_END_LEN;
    r->field_count = 1;
    return host_end + LINE_END_LEN;
}

ssize_t http_request_parse(struct http_request *request, const char *bytes, size_t len,
                           size_t max_head)
{
    const char *end = bytes + (len < max_head ? len : max_head);
    const char *at = read_first_lines(request, bytes, end);

    if (!at)
        return parse_any(request, bytes, len, max_head);
    if (memcmp(at, "\r\n", 2) != 0)
        return parse_fields(request, SEEN_HOST, bytes, len, max_head);
    return at + 2 - bytes;
}

#include "load/answer.h"

#include "base/check.h"
#include "base/str.h"

#include <string.h>

enum { STATUS_LINE_MIN = 12 /* "HTTP/1.1 200" */ };

/* What the fields of a head say about where the answer ends. */
struct framing {
    bool has_length, chunked, coded;
    bool close, keep_alive;
    unsigned long long length;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cut a line off, without its CR LF. 1, 0 when it is not whole, -1 for a bare line feed. */
static int cut_line(struct str *rest, struct str *line)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;

    if (!end)
        return 0;
    *line = str_of(rest->at, (size_t)(end - rest->at));
    *rest = str_of(end + 1, rest->len - line->len - 1);
    if (line->len == 0 || line->at[line->len - 1] != '\r')
        return -1;
    line->len--;
    return 1;
}

/* "HTTP/1.x NNN reason"; the reason may be left out. */
static bool read_status(struct str line, struct answer *a, bool *old)
{
    const char *s = line.at;

    if (line.len < STATUS_LINE_MIN || memcmp(s, "HTTP/1.", 7) != 0 || !is_digit(s[7]) ||
        s[8] != ' ')
        return false;
    if (s[9] < '1' || s[9] > '5' || !is_digit(s[10]) || !is_digit(s[11]))
        return false;
    if (line.len > STATUS_LINE_MIN && s[12] != ' ')
        return false;
    a->status = (uint16_t)((s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0'));
    *old = s[7] == '0';
    return true;
}

static bool read_length(struct str value, struct framing *f)
{
    unsigned long long length;

    if (!str_number(value, INT64_MAX, &length) || (f->has_length && f->length != length))
        return false;
    f->has_length = true;
    f->length = length;
    return true;
}

static void read_codings(struct str value, struct framing *f)
{
    struct str coding;

    while (str_next(&value, ',', &coding)) {
        f->coded = true;
        f->chunked = str_equal_nocase(coding, STR("chunked"));
    }
}

static void read_connection(struct str value, struct framing *f)
{
    struct str option;

    while (str_next(&value, ',', &option)) {
        f->close |= str_equal_nocase(option, STR("close"));
        f->keep_alive |= str_equal_nocase(option, STR("keep-alive"));
    }
}

static bool read_field(struct str line, struct framing *f)
{
    const char *colon = memchr(line.at, ':', line.len);

    if (!colon || colon == line.at)
        return false;
    struct str name = str_of(line.at, (size_t)(colon - line.at));
    struct str value = str_trim(str_of(colon + 1, line.len - name.len - 1));

    if (str_equal_nocase(name, STR("Content-Length")))
        return read_length(value, f);
    if (str_equal_nocase(name, STR("Transfer-Encoding")))
        read_codings(value, f);
    else if (str_equal_nocase(name, STR("Connection")))
        read_connection(value, f);
    return true;
}

/* RFC 9112 6.3. */
static bool frame(struct answer *a, const struct framing *f, bool old)
{
    a->close = f->close || (old && !f->keep_alive);
    if (f->has_length && f->coded)
        return false;
    if (a->status / 100 == 1) {
        a->state = ANSWER_HEAD;
    } else if (a->to_head || a->status == 204 || a->status == 304) {
        a->state = ANSWER_DONE;
    } else if (f->chunked) {
        a->state = ANSWER_CHUNK_SIZE;
    } else if (f->has_length) {
        a->left = f->length;
        a->state = a->left > 0 ? ANSWER_CONTENT : ANSWER_DONE;
    } else {
        a->left = UINT64_MAX;
        a->close = true;
        a->state = ANSWER_UNTIL_CLOSE;
    }
    return true;
}

static ssize_t parse_head(struct answer *a, const char *bytes, size_t len)
{
    struct str rest = str_of(bytes, len), line;
    struct framing f = { 0 };
    bool old = false;
    int got = cut_line(&rest, &line);

    if (got <= 0)
        return got;
    if (!read_status(line, a, &old))
        return -1;
    while ((got = cut_line(&rest, &line)) > 0 && line.len > 0)
        if (!read_field(line, &f))
            return -1;
    if (got <= 0)
        return got;
    return frame(a, &f, old) ? rest.at - bytes : -1;
}

static void remember(struct answer_memory *m, const struct answer *a, const char *head, size_t len)
{
    if (len > ANSWER_MEMORY_MAX || a->state == ANSWER_HEAD)
        return;
    memcpy(m->head, head, len);
    m->len = len;
    m->parsed = *a;
}

/* The content that came with its head, if all of it did. */
static size_t take_content(struct answer *a, size_t len)
{
    if (a->state != ANSWER_CONTENT || a->left > len)
        return 0;
    a->length = a->left;
    a->left = 0;
    a->state = ANSWER_DONE;
    return (size_t)a->length;
}

static ssize_t read_head(struct answer *a, struct answer_memory *m, const char *bytes, size_t len)
{
    if (m && m->len > 0 && m->len <= len && memcmp(m->head, bytes, m->len) == 0) {
        *a = m->parsed;
        return (ssize_t)(m->len + take_content(a, len - m->len));
    }
    ssize_t used = parse_head(a, bytes, len);

    if (used > 0 && m)
        remember(m, a, bytes, (size_t)used);
    return used;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A line of the chunked framing; what is longer than any sane one is an error. */
static ssize_t chunk_line(const char *bytes, size_t len, struct str *line)
{
    struct str rest = str_of(bytes, len);
    int got = cut_line(&rest, line);

    if (got == 0)
        return len > ANSWER_CHUNK_LINE_MAX ? -1 : 0;
    return got < 0 ? -1 : rest.at - bytes;
}

static ssize_t read_chunk_size(struct answer *a, const char *bytes, size_t len)
{
    struct str line;
    ssize_t used = chunk_line(bytes, len, &line);
    uint64_t size = 0;
    size_t at = 0;

    if (used <= 0)
        return used;
    for (; at < line.len && hex_value(line.at[at]) >= 0; at++) {
        if (size >> 58)
            return -1;
        size = size * 16 + (uint64_t)hex_value(line.at[at]);
    }
    if (at == 0 || (at < line.len && !strchr("; \t", line.at[at])))
        return -1;
    a->left = size;
    a->state = size > 0 ? ANSWER_CHUNK_CONTENT : ANSWER_TRAILER;
    return used;
}

static ssize_t read_chunk_end(struct answer *a, const char *bytes, size_t len)
{
    if (bytes[0] != '\r' || (len > 1 && bytes[1] != '\n'))
        return -1;
    if (len < 2)
        return 0;
    a->state = ANSWER_CHUNK_SIZE;
    return 2;
}

static ssize_t read_trailer(struct answer *a, const char *bytes, size_t len)
{
    struct str line;
    ssize_t used = chunk_line(bytes, len, &line);

    if (used > 0 && line.len == 0)
        a->state = ANSWER_DONE;
    return used;
}

static ssize_t read_content(struct answer *a, size_t len)
{
    uint64_t bytes = len < a->left ? len : a->left;

    answer_skip(a, bytes);
    return (ssize_t)bytes;
}

static ssize_t read_piece(struct answer *a, struct answer_memory *m, const char *bytes, size_t len)
{
    switch ((enum answer_state)a->state) {
    case ANSWER_HEAD:
        return read_head(a, m, bytes, len);
    case ANSWER_CONTENT:
    case ANSWER_UNTIL_CLOSE:
    case ANSWER_CHUNK_CONTENT:
        return read_content(a, len);
    case ANSWER_CHUNK_SIZE:
        return read_chunk_size(a, bytes, len);
    case ANSWER_CHUNK_END:
        return read_chunk_end(a, bytes, len);
    case ANSWER_TRAILER:
        return read_trailer(a, bytes, len);
    case ANSWER_DONE:
        break;
    }
    return 0;
}

ssize_t answer_read(struct answer *a, struct answer_memory *memory, const char *bytes, size_t len)
{
    size_t used = 0;

    while (used < len && a->state != ANSWER_DONE) {
        ssize_t piece = read_piece(a, memory, bytes + used, len - used);

        if (piece < 0)
            return -1;
        if (piece == 0)
            break;
        used += (size_t)piece;
    }
    return (ssize_t)used;
}

void answer_skip(struct answer *a, uint64_t bytes)
{
    CHECK(bytes <= answer_skippable(a));
    a->length += bytes;
    if (a->state == ANSWER_UNTIL_CLOSE)
        return;
    a->left -= bytes;
    if (a->left == 0)
        a->state = a->state == ANSWER_CONTENT ? ANSWER_DONE : ANSWER_CHUNK_END;
}

bool answer_close(struct answer *a)
{
    if (a->state != ANSWER_UNTIL_CLOSE)
        return false;
    a->state = ANSWER_DONE;
    return true;
}

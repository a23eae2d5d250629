#include "http/chunked.h"

#include "http/chars.h"

/* What the next byte must be. */
enum state {
    SIZE_START, /* the first digit of a size */
    SIZE,       /* a digit, an extension, or CR */
    BLANK,      /* white space before an extension */
    EXTENSION,  /* any of it, or CR */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE_START, /* of a trailer field, or the CR of the empty line */
    NAME,
    VALUE,
    VALUE_LF,
    END_LF,
};

void http_chunked_start(struct http_chunked *body)
{
    *body = (struct http_chunked){ .state = SIZE_START };
}

static int go(struct http_chunked *body, enum state state)
{
    body->state = (int)state;
    return 0;
}

static int expect(struct http_chunked *body, char c, char expected, enum state state)
{
    return c == expected ? go(body, state) : -400;
}

static int add_digit(struct http_chunked *body, int digit)
{
    if (digit < 0 || body->left > INT64_MAX / 16)
        return -400;
    body->left = body->left * 16 + (uint64_t)digit;
    return go(body, SIZE);
}

/* A byte behind the size's first digit, up to and with its CR (RFC 9112 7.1.1). A quoted string
 * needs no telling apart: it cannot hold CR or LF. */
static int read_size(struct http_chunked *body, char c)
{
    if (c == '\r')
        return body->state != BLANK ? go(body, SIZE_LF) : -400;
    if (body->state == SIZE && http_hex_digit(c) >= 0)
        return add_digit(body, http_hex_digit(c));
    if (++body->extensions > HTTP_CHUNK_EXTENSIONS_MAX || !http_char_is(c, HTTP_CHAR_VALUE))
        return -400;
    if (body->state == EXTENSION || c == ';')
        return go(body, EXTENSION);
    return c == ' ' || c == '\t' ? go(body, BLANK) : -400;
}

static int read_trailer(struct http_chunked *body, char c)
{
    if (body->state == LINE_START && c == '\r')
        return go(body, END_LF);
    if (body->state == VALUE && c == '\r')
        return go(body, VALUE_LF);
    if (body->state == VALUE)
        return http_char_is(c, HTTP_CHAR_VALUE) ? 0 : -400;
    if (body->state == NAME && c == ':')
        return go(body, VALUE);
    return http_char_is(c, HTTP_CHAR_TOKEN) ? go(body, NAME) : -400;
}

/* Read one byte that is not content. Returns 0 or a negated status. */
static int read_byte(struct http_chunked *body, char c)
{
    switch ((enum state)body->state) {
    case SIZE_START:
        return add_digit(body, http_hex_digit(c));
    case SIZE:
    case BLANK:
    case EXTENSION:
        return read_size(body, c);
    case SIZE_LF:
        body->line_len = 0;
        return expect(body, c, '\n', body->left > 0 ? DATA : LINE_START);
    case DATA_CR:
        return expect(body, c, '\r', DATA_LF);
    case DATA_LF:
        body->line_len = 0;
        return expect(body, c, '\n', SIZE_START);
    case LINE_START:
    case NAME:
    case VALUE:
        return read_trailer(body, c);
    case VALUE_LF:
        return expect(body, c, '\n', LINE_START);
    case END_LF:
        body->done = c == '\n';
        return body->done ? 0 : -400;
    case DATA:
    default:
        return -400;
    }
}

/* Count the byte towards the limit of the size line or of the trailers. */
static int count_byte(struct http_chunked *body)
{
    body->line_len++;
    if (body->state < DATA)
        return body->line_len <= HTTP_CHUNK_LINE_MAX ? 0 : -400;
    return body->line_len <= HTTP_TRAILERS_MAX ? 0 : -431;
}

ssize_t http_chunked_read(struct http_chunked *body, const char *bytes, size_t len,
                          struct str *data)
{
    size_t used = 0;

    *data = str_of(bytes, 0);
    while (used < len && !body->done && body->state != DATA) {
        int status = count_byte(body);
        if (status == 0)
            status = read_byte(body, bytes[used]);
        if (status < 0)
            return status;
        used++;
    }
    if (body->state != DATA || used == len)
        return (ssize_t)used;

    size_t take = body->left < len - used ? (size_t)body->left : len - used;
    *data = str_of(bytes + used, take);
    body->left -= take;
    if (body->left == 0)
        body->state = DATA_CR;
    return (ssize_t)(used + take);
}

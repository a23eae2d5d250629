#include "server/access_line.h"

#include "base/cold.h"
#include "tail.h"

#include <stdbool.h>

enum {
    BLOCK = 16,
    DIGITS = 20, /* of 2^64, in decimal */
};

/* Compared and copied together; both compilers make it a vector register where there are any. */
typedef unsigned char block __attribute__((vector_size(BLOCK)));

typedef signed char signed_block __attribute__((vector_size(BLOCK)));

static bool needs_escape(char c)
{
    return (signed char)c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

/* Two words as a block. */
typedef uint64_t words __attribute__((vector_size(BLOCK)));

/* All bits of the bytes that need no escaping. Moved up by one, those of 0x20 to 0x7e alone are
 * more than 0x20 as signed bytes. */
static inline block plain_in(block bytes)
{
    const block text = (block)((signed_block)(bytes + 1) > 0x20);

    return text & ~((block)(bytes == '"') | (block)(bytes == '\\'));
}

static inline block copy_block(char *to, const char *from)
{
    block bytes;

    memcpy(&bytes, from, BLOCK);
    memcpy(to, &bytes, BLOCK);
    return plain_in(bytes);
}

/* Eight bytes or more, and less than a block: two words, which overlap. */
static inline block copy_words(char *to, struct str s)
{
    uint64_t first, last;

    memcpy(&first, s.at, sizeof first);
    memcpy(&last, s.at + s.len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + s.len - sizeof last, &last, sizeof last);
    return plain_in((block)(words){ first, last });
}

/* Less than eight, and more than none: the same with halves, or byte by byte. */
static inline block copy_few(char *to, struct str s)
{
    uint32_t first, last;

    if (s.len < sizeof first) {
        unsigned char ends[] = { (unsigned char)s.at[0], (unsigned char)s.at[s.len / 2],
                                 (unsigned char)s.at[s.len - 1] };
        to[0] = s.at[0];
        to[s.len / 2] = s.at[s.len / 2];
        to[s.len - 1] = s.at[s.len - 1];
        first = (uint32_t)(ends[0] | ends[1] << 8 | ends[2] << 16 | 'a' << 24);
        return plain_in(
            (block)(words){ first | (uint64_t)first << 32, first | (uint64_t)first << 32 });
    }
    memcpy(&first, s.at, sizeof first);
    memcpy(&last, s.at + s.len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + s.len - sizeof last, &last, sizeof last);
    uint64_t both = first | (uint64_t)last << 32;
    return plain_in((block)(words){ both, both });
}

/* Whole blocks; the last one lies over the one before it. */
static inline block copy_long(char *to, struct str s)
{
    block plain = (block){ 0 } - 1;

    for (size_t at = 0; at < s.len - BLOCK; at += BLOCK)
        plain &= copy_block(to + at, s.at + at);
    return plain & copy_block(to + s.len - BLOCK, s.at + s.len - BLOCK);
}

/* Any number but none. */
static inline block copy(char *to, struct str s)
{
    if (s.len >= BLOCK)
        return copy_long(to, s);
    return s.len >= sizeof(uint64_t) ? copy_words(to, s) : copy_few(to, s);
}

static inline bool are_all(block plain)
{
    uint64_t halves[2];

    memcpy(halves, &plain, sizeof halves);
    return (halves[0] & halves[1]) == UINT64_MAX;
}

static char *add_escaped(char *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (!needs_escape(s.at[i])) {
            *out++ = s.at[i];
            continue;
        }
        *out++ = '\\';
        *out++ = 'x';
        *out++ = "0123456789ABCDEF"[c >> 4];
        *out++ = "0123456789ABCDEF"[c & 15];
    }
    return out;
}

/* Of a literal of at most 16 bytes, and zeros behind it up to what is one store. What is added
 * next, or nothing, lies where they are. */
#define PADDED(literal) (sizeof(literal) <= 5 ? 4 : sizeof(literal) <= 9 ? 8 : 16)
#define ADD(out, literal)                                                                          \
    do {                                                                                           \
        memcpy(out, (const char[PADDED(literal)]){ literal }, PADDED(literal));                    \
        (out) += sizeof(literal) - 1;                                                              \
    } while (0)

/* Two digits for one division. */
static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* From 10000 on: from the last digit to the first, and then as many bytes as there can be digits: a
 * copy of known size is cheaper than one of the right size. */
APART static char *add_long_number(char *out, uint64_t number)
{
    char digits[2 * DIGITS] = { 0 };
    char *const end = digits + DIGITS;
    char *first = end;

    for (; number >= 10; number /= 100) {
        first -= 2;
        memcpy(first, pairs + 2 * (number % 100), 2);
    }
    if (number > 0)
        *--first = (char)('0' + number);
    memcpy(out, first, DIGITS);
    return out + (end - first);
}

/* Of one or two digits. */
static inline char *add_short_number(char *out, unsigned number)
{
    if (number < 10) {
        *out = (char)('0' + number);
        return out + 1;
    }
    memcpy(out, pairs + (size_t)2 * number, 2);
    return out + 2;
}

static inline char *add_number(char *out, uint64_t number)
{
    if (number >= 10000)
        return add_long_number(out, number);
    if (number >= 100) {
        out = add_short_number(out, (unsigned)number / 100);
        memcpy(out, pairs + 2 * (number % 100), 2);
        return out + 2;
    }
    return add_short_number(out, (unsigned)number);
}

static inline char *add_date(char *out, const char date[HTTP_LOG_DATE_LEN])
{
    ADD(out, " - - [");
    memcpy(out, date, HTTP_LOG_DATE_LEN);
    out += HTTP_LOG_DATE_LEN;
    ADD(out, "] \"");
    return out;
}

static inline char *add_version(char *out, const struct access_line *line)
{
    ADD(out, " HTTP/1.");
    *out++ = (char)('0' + line->minor % 10);
    return out;
}

static inline char *add_status(char *out, const struct access_line *line)
{
    ADD(out, "\" ");
    out = add_number(out, (unsigned)line->status);
    ADD(out, " ");
    return out;
}

static inline char *add_bytes(char *out, const struct access_line *line)
{
    out = add_number(out, line->bytes);
    ADD(out, " \"");
    return out;
}

/* --- Any line --- */

static char *add_field(char *out, struct str field, size_t max)
{
    if (field.len == 0)
        ADD(out, "-");
    out = add_escaped(out, str_of(field.at, field.len < max ? field.len : max));
    if (field.len > max)
        ADD(out, "...");
    return out;
}

static char *add_request(char *out, const struct access_line *line)
{
    out = add_field(out, line->method, ACCESS_METHOD_MAX);
    if (line->method.len == 0)
        return out;
    ADD(out, " ");
    out = add_field(out, line->target, ACCESS_TARGET_MAX);
    return add_version(out, line);
}

/* By value, so that the everyday path need not put the line into memory. */
COLD static size_t write_any(char *out, struct access_line any_line,
                             const char date[HTTP_LOG_DATE_LEN])
{
    const struct access_line *line = &any_line;
    char *at = add_date(add_field(out, line->peer, ACCESS_PEER_MAX), date);

    at = add_bytes(add_status(add_request(at, line), line), line);
    at = add_field(at, line->referer, ACCESS_FIELD_MAX);
    ADD(at, "\" \"");
    at = add_field(at, line->user_agent, ACCESS_FIELD_MAX);
    ADD(at, "\"\n");
    return (size_t)(at - out);
}

/* --- Nearly every line: nothing in it is missing that seldom is, to be cut or to be escaped --- */

/* With less than the limits allow, where fewer comparisons find out. */
static inline bool fits(const struct access_line *line)
{
    const size_t scale = ACCESS_FIELD_MAX / ACCESS_PEER_MAX;
    const size_t len =
        line->peer.len * scale | line->target.len | line->referer.len | line->user_agent.len;

    return len < ACCESS_FIELD_MAX && line->method.len - 1 < ACCESS_METHOD_MAX;
}

/* What needs escaping is taken out of *plain. */
static inline char *copy_field(char *out, struct str field, block *plain)
{
    if (field.len == 0) {
        ADD(out, "-");
        return out;
    }
    *plain &= copy(out, field);
    return out + field.len;
}

static inline char *copy_method(char *out, struct str method, block *plain)
{
    if (!str_equal(method, STR("GET")))
        return copy_field(out, method, plain);
    ADD(out, "GET");
    return out;
}

/* " HTTP/1.1" and the status; nearly always these two. */
static inline char *add_outcome(char *out, const struct access_line *line)
{
    if (line->minor == 1 && line->status == 200) {
        ADD(out, " HTTP/1.1\" 200 ");
        return out;
    }
    return add_status(add_version(out, line), line);
}

static inline char *add_head(char *out, const struct access_line *line,
                             const char date[HTTP_LOG_DATE_LEN], block *plain)
{
    out = add_date(copy_field(out, line->peer, plain), date);
    out = copy_method(out, line->method, plain);
    ADD(out, " ");
    out = add_outcome(copy_field(out, line->target, plain), line);
    return add_bytes(out, line);
}

size_t access_line_write(char *out, const struct access_line *line,
                         const char date[HTTP_LOG_DATE_LEN])
{
    block plain = (block){ 0 } - 1;
    char *end = NULL;

    if (!fits(line))
        return write_any(out, *line, date);
    char *at = add_head(out, line, date, &plain);
    if (tail_takes(line->referer, line->user_agent)) {
        if (are_all(plain))
            end = tail_write(at, line->referer, line->user_agent);
    } else {
        at = copy_field(at, line->referer, &plain);
        ADD(at, "\" \"");
        at = copy_field(at, line->user_agent, &plain);
        ADD(at, "\"\n");
        end = are_all(plain) ? at : NULL;
    }
    return end ? (size_t)(end - out) : write_any(out, *line, date);
}

#include "server/access_line.h"

#include <stdbool.h>

enum {
    BLOCK = 16,
    DIGITS = 20, /* of 2^64, in decimal */
};

/* Compared and copied together; both compilers make it a vector register where there are any. */
typedef unsigned char block __attribute__((vector_size(BLOCK)));

static bool needs_escape(char c)
{
    return (signed char)c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

/* Two words as a block. */
typedef uint64_t words __attribute__((vector_size(BLOCK)));

/* Bytes that have their highest bit where something needs escaping: less than 0x20 (the subtraction
 * borrows), 0x7f (the addition carries), above, or one of the two. */
static inline block odd_in(block bytes)
{
    return bytes | (bytes - 0x20) | (bytes + 1) | (block)(bytes == '"') | (block)(bytes == '\\');
}

static inline block copy_block(char *to, const char *from)
{
    block bytes;

    memcpy(&bytes, from, BLOCK);
    memcpy(to, &bytes, BLOCK);
    return odd_in(bytes);
}

/* Eight bytes or more, and less than a block: two words, which overlap. */
static inline block copy_words(char *to, struct str s)
{
    uint64_t first, last;

    memcpy(&first, s.at, sizeof first);
    memcpy(&last, s.at + s.len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + s.len - sizeof last, &last, sizeof last);
    return odd_in((block)(words){ first, last });
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
        return odd_in(
            (block)(words){ first | (uint64_t)first << 32, first | (uint64_t)first << 32 });
    }
    memcpy(&first, s.at, sizeof first);
    memcpy(&last, s.at + s.len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + s.len - sizeof last, &last, sizeof last);
    uint64_t both = first | (uint64_t)last << 32;
    return odd_in((block)(words){ both, both });
}

/* Whole blocks; the last one lies over the one before it. */
static inline block copy_long(char *to, struct str s)
{
    block odd = { 0 };

    for (size_t at = 0; at < s.len - BLOCK; at += BLOCK)
        odd |= copy_block(to + at, s.at + at);
    return odd | copy_block(to + s.len - BLOCK, s.at + s.len - BLOCK);
}

/* Any number but none. */
static inline block copy(char *to, struct str s)
{
    if (s.len >= BLOCK)
        return copy_long(to, s);
    return s.len >= sizeof(uint64_t) ? copy_words(to, s) : copy_few(to, s);
}

static inline bool any(block odd)
{
    uint64_t halves[2];

    memcpy(halves, &odd, sizeof halves);
    return ((halves[0] | halves[1]) & 0x8080808080808080) != 0;
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

/* Of a literal, whose length the compiler knows. */
#define ADD(out, literal)                                                                          \
    do {                                                                                           \
        memcpy(out, "" literal, sizeof(literal) - 1);                                              \
        (out) += sizeof(literal) - 1;                                                              \
    } while (0)

static inline char *add_field(char *out, struct str field, size_t max)
{
    struct str kept = str_of(field.at, field.len < max ? field.len : max);

    if (kept.len == 0) {
        ADD(out, "-");
        return out;
    }
    if (__builtin_expect(any(copy(out, kept)), 0))
        out = add_escaped(out, kept);
    else
        out += kept.len;
    if (__builtin_expect(field.len > max, 0))
        ADD(out, "...");
    return out;
}

/* Two digits for one division. */
static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* From the last digit to the first, and then as many bytes as there can be digits: a copy of known
 * size is cheaper than one of the right size. */
static inline char *add_number(char *out, uint64_t number)
{
    char digits[2 * DIGITS] = { 0 };
    char *const end = digits + DIGITS;
    char *first = end;

    for (; number >= 10; number /= 100) {
        first -= 2;
        memcpy(first, pairs + 2 * (number % 100), 2);
    }
    if (number > 0 || first == end)
        *--first = (char)('0' + number);
    memcpy(out, first, DIGITS);
    return out + (end - first);
}

/* Three digits. */
static inline char *add_status(char *out, unsigned status)
{
    if (__builtin_expect(status < 100 || status > 999, 0))
        return add_number(out, status);
    out[0] = (char)('0' + status / 100);
    memcpy(out + 1, pairs + 2 * (status % 100), 2);
    return out + 3;
}

static inline char *add_request(char *out, const struct access_line *line)
{
    if (line->method.len == 0) {
        ADD(out, "-");
        return out;
    }
    out = add_field(out, line->method, ACCESS_METHOD_MAX);
    ADD(out, " ");
    out = add_field(out, line->target, ACCESS_TARGET_MAX);
    ADD(out, " HTTP/1.");
    *out++ = (char)('0' + line->minor % 10);
    return out;
}

size_t access_line_write(char *out, const struct access_line *line,
                         const char date[HTTP_LOG_DATE_LEN])
{
    char *at = add_field(out, line->peer, ACCESS_PEER_MAX);

    ADD(at, " - - [");
    memcpy(at, date, HTTP_LOG_DATE_LEN);
    at += HTTP_LOG_DATE_LEN;
    ADD(at, "] \"");
    at = add_request(at, line);
    ADD(at, "\" ");
    at = add_status(at, (unsigned)line->status);
    ADD(at, " ");
    at = add_number(at, line->bytes);
    ADD(at, " \"");
    at = add_field(at, line->referer, ACCESS_FIELD_MAX);
    ADD(at, "\" \"");
    at = add_field(at, line->user_agent, ACCESS_FIELD_MAX);
    ADD(at, "\"\n");
    return (size_t)(at - out);
}

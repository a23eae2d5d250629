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

/* Copies a block; returns one whose bytes have their highest bit where something needs escaping:
 * less than 0x20 (the subtraction borrows), 0x7f (the addition carries), above, or one of the
 * two. */
static inline block copy_block(char *to, const char *from)
{
    block bytes;

    memcpy(&bytes, from, BLOCK);
    memcpy(to, &bytes, BLOCK);
    return bytes | (bytes - 0x20) | (bytes + 1) | (block)(bytes == '"') | (block)(bytes == '\\');
}

/* Less than a block: made one by padding, because nothing behind a slice's end may be read. */
static inline block copy_short(char *to, struct str s)
{
    const char *from = s.at;
    char *end = to;

    memset(to, 'a', BLOCK);
    if (s.len & 8) {
        memcpy(end, from, 8);
        from += 8;
        end += 8;
    }
    if (s.len & 4) {
        memcpy(end, from, 4);
        from += 4;
        end += 4;
    }
    if (s.len & 2) {
        memcpy(end, from, 2);
        from += 2;
        end += 2;
    }
    if (s.len & 1)
        *end = *from;
    return copy_block(to, to);
}

/* Whole blocks; the last one lies over the one before it. */
static inline block copy_long(char *to, struct str s)
{
    block odd = { 0 };

    for (size_t at = 0; at < s.len - BLOCK; at += BLOCK)
        odd |= copy_block(to + at, s.at + at);
    return odd | copy_block(to + s.len - BLOCK, s.at + s.len - BLOCK);
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
    if (__builtin_expect(any(kept.len < BLOCK ? copy_short(out, kept) : copy_long(out, kept)), 0))
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
    at = add_number(at, (unsigned)line->status);
    ADD(at, " ");
    at = add_number(at, line->bytes);
    ADD(at, " \"");
    at = add_field(at, line->referer, ACCESS_FIELD_MAX);
    ADD(at, "\" \"");
    at = add_field(at, line->user_agent, ACCESS_FIELD_MAX);
    ADD(at, "\"\n");
    return (size_t)(at - out);
}

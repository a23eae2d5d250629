/* str.h - a slice of bytes that somebody else owns.
 *
 * A slice is passed by value and borrows its bytes; it is not terminated by a NUL. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *at; /* may be NULL only when len is 0 */
    size_t len;
};

/* A slice of a string literal, without its NUL. */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })

/* The same for the initialiser of a static object, where C17 wants constants. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static inline struct str str_of(const char *at, size_t len)
{
    return (struct str){ at, len };
}

/* A slice of a C string, without its NUL. */
static inline struct str str_from(const char *text)
{
    return (struct str){ text, strlen(text) };
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Equal when the ASCII letters of both are taken as lower case. */
bool str_equal_nocase(struct str a, struct str b);

/* Does `s` begin, or end, with these bytes? */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Without the spaces and tabs at either end (OWS of RFC 9110 5.6.3). */
struct str str_trim(struct str s);

/* Cut the first member off a list separated by `separator`, into *member, trimmed; *list keeps the
 * rest. False, and *member untouched, when nothing is left of the list. */
bool str_next(struct str *list, char separator, struct str *member);

/* Cut the next word off *line and return it: words are what stands between spaces, tabs and CRs.
 * Empty when there is none left. */
struct str str_next_word(struct str *line);

/* The decimal number that `s` is, all of it digits, into *number. False when it is empty, holds
 * anything else, or is greater than `max`. */
bool str_number(struct str s, unsigned long long max, unsigned long long *number);

#endif

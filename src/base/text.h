/* text.h - write text into memory of a fixed size.
 *
 * The caller owns the memory. What does not fit is left out whole and `cut` says so, so that a
 * writer checks once, at the end. Nothing here ends the text with a NUL. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/str.h"

struct text {
    char *at;
    size_t len;
    size_t cap;
    bool cut; /* something did not fit; stays true */
};

static inline struct text text_in(char *at, size_t cap)
{
    return (struct text){ at, 0, cap, false };
}

static inline size_t text_room(const struct text *t)
{
    return t->cap - t->len;
}

static inline void text_add(struct text *t, struct str s)
{
    if (s.len > text_room(t)) {
        t->cut = true;
        return;
    }
    if (s.len > 0)
        memcpy(t->at + t->len, s.at, s.len);
    t->len += s.len;
}

/* In decimal. */
void text_add_number(struct text *t, unsigned long long number);

/* In lower-case hexadecimal, without leading zeros. */
void text_add_hex(struct text *t, unsigned long long number);

/* What has been written. Borrows from t's memory. */
static inline struct str text_str(const struct text *t)
{
    return str_of(t->at, t->len);
}

#endif

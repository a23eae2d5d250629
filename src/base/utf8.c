#include "base/utf8.h"

/* How many bytes a first byte says there are, and the least that so many may stand for; 0 bytes: it
 * is no first byte. */
struct form {
    size_t len;
    uint32_t bits, least;
};

static struct form form_of(unsigned char first)
{
    if (first < 0x80)
        return (struct form){ 1, first, 0 };
    if (first >= 0xc0 && first < 0xe0)
        return (struct form){ 2, first & 0x1fu, 0x80 };
    if (first >= 0xe0 && first < 0xf0)
        return (struct form){ 3, first & 0x0fu, 0x800 };
    if (first >= 0xf0 && first < 0xf8)
        return (struct form){ 4, first & 0x07u, 0x10000 };
    return (struct form){ 0, 0, 0 };
}

static bool is_character(uint32_t point)
{
    return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

uint32_t utf8_next(struct str *s, bool *valid)
{
    struct form form = form_of((unsigned char)s->at[0]);
    uint32_t point = form.bits;
    size_t used = 1;

    while (used < form.len && used < s->len && ((unsigned char)s->at[used] & 0xc0) == 0x80)
        point = point << 6 | ((unsigned char)s->at[used++] & 0x3f);
    *valid = used == form.len && point >= form.least && is_character(point);
    if (!*valid)
        used = 1;
    *s = str_of(s->at + used, s->len - used);
    return *valid ? point : UTF8_INVALID;
}

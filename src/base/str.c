#include "base/str.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_of(s.at, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_equal(str_of(s.at + (s.len - suffix.len), suffix.len), suffix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.at[0]))
        s = str_of(s.at + 1, s.len - 1);
    while (s.len > 0 && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool str_next(struct str *list, char separator, struct str *member)
{
    if (list->len == 0)
        return false;

    const char *end = memchr(list->at, separator, list->len);
    size_t len = end ? (size_t)(end - list->at) : list->len;
    *member = str_trim(str_of(list->at, len));

    size_t used = end ? len + 1 : len;
    *list = str_of(list->at + used, list->len - used);
    return true;
}

static bool is_gap(char c)
{
    return is_blank(c) || c == '\r';
}

struct str str_next_word(struct str *line)
{
    size_t from = 0;

    while (from < line->len && is_gap(line->at[from]))
        from++;
    size_t to = from;
    while (to < line->len && !is_gap(line->at[to]))
        to++;
    struct str word = str_of(line->at + from, to - from);
    *line = str_of(line->at + to, line->len - to);
    return word;
}

bool str_number(struct str s, unsigned long long max, unsigned long long *number)
{
    unsigned long long value = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        unsigned digit = (unsigned)(s.at[i] - '0');
        if (value > max / 10 || digit > max - value * 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

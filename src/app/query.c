#include "app/query.h"

#include "http/chars.h"

static size_t find(struct str text, char wanted)
{
    const char *found = text.len > 0 ? memchr(text.at, wanted, text.len) : NULL;

    return found ? (size_t)(found - text.at) : text.len;
}

bool query_next(struct str query, size_t *at, struct str *name, struct str *value)
{
    while (*at < query.len && query.at[*at] == '&')
        ++*at;
    if (*at >= query.len)
        return false;

    struct str rest = str_of(query.at + *at, query.len - *at);
    struct str pair = str_of(rest.at, find(rest, '&'));
    *at += pair.len;
    *name = str_of(pair.at, find(pair, '='));
    *value = str_of(pair.at + pair.len, 0);
    if (name->len < pair.len)
        *value = str_of(pair.at + name->len + 1, pair.len - name->len - 1);
    return true;
}

bool query_is_encoded(struct str text)
{
    return find(text, '%') < text.len || find(text, '+') < text.len;
}

size_t query_decode(struct str text, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool escaped = c == '%' && text.len - i > 2;
        int high = escaped ? http_hex_digit(text.at[i + 1]) : -1;
        int low = escaped ? http_hex_digit(text.at[i + 2]) : -1;
        if (c == '+') {
            c = ' ';
        } else if (high >= 0 && low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[len++] = c;
    }
    return len;
}

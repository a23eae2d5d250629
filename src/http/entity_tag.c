#include "http/entity_tag.h"

static struct str behind(struct str s, size_t len)
{
    return str_of(s.at + len, s.len - len);
}

/* etagc: visible but for '"', or obs-text. */
static bool is_etagc(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/* The length of the opaque tag that `s` begins with; 0 when there is none. */
static size_t opaque_len(struct str s)
{
    size_t i = 1;

    if (s.len == 0 || s.at[0] != '"')
        return 0;
    while (i < s.len && is_etagc(s.at[i]))
        i++;
    return i < s.len && s.at[i] == '"' ? i + 1 : 0;
}

/* The length of the tag that `s` begins with; 0, and *tag untouched, when there is none. */
static size_t take_tag(struct str s, struct http_entity_tag *tag)
{
    size_t mark = str_starts(s, STR("W/")) ? 2 : 0; /* case-sensitive */
    size_t len = opaque_len(behind(s, mark));

    if (len == 0)
        return 0;
    *tag = (struct http_entity_tag){ mark > 0, str_of(s.at + mark, len) };
    return mark + len;
}

bool http_entity_tag_read(struct str s, struct http_entity_tag *tag)
{
    struct http_entity_tag found;

    if (s.len == 0 || take_tag(s, &found) != s.len)
        return false;
    *tag = found;
    return true;
}

/* Without the white space and the commas at its start. */
static struct str skip_empty(struct str list)
{
    size_t i = 0;

    while (i < list.len && (list.at[i] == ',' || list.at[i] == ' ' || list.at[i] == '\t'))
        i++;
    return behind(list, i);
}

bool http_entity_tag_next(struct str *list, struct http_entity_tag *tag)
{
    struct str rest = skip_empty(*list);
    struct http_entity_tag found;
    size_t len = take_tag(rest, &found);

    if (len == 0)
        return false;
    rest = str_trim(behind(rest, len));
    if (rest.len > 0 && rest.at[0] != ',')
        return false;
    *list = rest;
    *tag = found;
    return true;
}

bool http_entity_tag_same_strong(struct http_entity_tag a, struct http_entity_tag b)
{
    return !a.weak && !b.weak && str_equal(a.opaque, b.opaque);
}

bool http_entity_tag_same_weak(struct http_entity_tag a, struct http_entity_tag b)
{
    return str_equal(a.opaque, b.opaque);
}

#include "app/pattern.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t pattern_name_len(struct str text)
{
    size_t len = 0;

    if (text.len == 0 || !is_letter(text.at[0]))
        return 0;
    while (len < text.len &&
           (is_letter(text.at[len]) || is_digit(text.at[len]) || text.at[len] == '_'))
        len++;
    return len;
}

bool pattern_names(const struct pattern *pattern, struct str name)
{
    for (unsigned i = 0; i < pattern->count; i++)
        if (pattern->pieces[i].kind != PATTERN_LITERAL && str_equal(pattern->pieces[i].text, name))
            return true;
    return false;
}

static unsigned holes(const struct pattern *pattern)
{
    unsigned count = 0;

    for (unsigned i = 0; i < pattern->count; i++)
        count += pattern->pieces[i].kind != PATTERN_LITERAL;
    return count;
}

/* The hole that `text` starts with, if there is one: how many bytes it takes. A ':' that does not
 * open a whole segment stands for itself, as in "/a:b". */
static size_t hole_at(struct str text, bool opens_segment, struct pattern_piece *hole)
{
    if (text.at[0] == '*') {
        *hole = (struct pattern_piece){ PATTERN_SPLAT, STR("splat") };
        return 1;
    }
    if (text.at[0] != ':' || !opens_segment)
        return 0;
    size_t len = pattern_name_len(str_of(text.at + 1, text.len - 1));
    if (len == 0 || (1 + len < text.len && text.at[1 + len] != '/'))
        return 0;
    *hole = (struct pattern_piece){ PATTERN_SEGMENT, str_of(text.at + 1, len) };
    return 1 + len;
}

/* From the start of `text` to its first hole or its end. */
static size_t literal_len(struct str text)
{
    struct pattern_piece hole;
    size_t len = 0;

    while (len < text.len && !hole_at(str_of(text.at + len, text.len - len),
                                      len > 0 && text.at[len - 1] == '/', &hole))
        len++;
    return len;
}

static const char *add_hole(struct pattern *pattern, struct pattern_piece hole)
{
    if (pattern_names(pattern, hole.text))
        return hole.kind == PATTERN_SPLAT ? "more than one '*'" : "two placeholders of one name";
    if (pattern_names(pattern, STR("splat")))
        return "a placeholder behind '*'";
    if (holes(pattern) == PATTERN_HOLES_MAX)
        return "more than 8 placeholders";
    pattern->pieces[pattern->count++] = hole;
    return NULL;
}

/* Holes never touch: a literal piece, with a '/' at least, stands before each but the splat. */
const char *pattern_parse(struct pattern *pattern, struct str text)
{
    const char *why = NULL;

    pattern->count = 0;
    if (text.len == 0 || text.at[0] != '/')
        return "a path that does not start with '/'";
    while (text.len > 0 && !why) {
        struct pattern_piece hole = { 0 };
        size_t len = literal_len(text);
        if (len > 0)
            pattern->pieces[pattern->count++] =
                (struct pattern_piece){ PATTERN_LITERAL, str_of(text.at, len) };
        text = str_of(text.at + len, text.len - len);
        if (text.len == 0)
            break;
        len = hole_at(text, true, &hole);
        text = str_of(text.at + len, text.len - len);
        why = add_hole(pattern, hole);
    }
    return why;
}

static size_t segment_len(struct str path)
{
    const char *slash = path.len > 0 ? memchr(path.at, '/', path.len) : NULL;

    return slash ? (size_t)(slash - path.at) : path.len;
}

static void note(struct pattern_match *match, struct str name, struct str value)
{
    match->names[match->count] = name;
    match->values[match->count++] = value;
}

/* Cuts off *path what the piece takes; false when it does not fit. */
static bool fits_piece(const struct pattern_piece *piece, struct str *path,
                       struct pattern_match *match)
{
    bool literal = piece->kind == PATTERN_LITERAL;
    size_t len = literal ? piece->text.len : segment_len(*path);

    if (literal ? !str_starts(*path, piece->text) : len == 0)
        return false;
    if (!literal)
        note(match, piece->text, str_of(path->at, len));
    *path = str_of(path->at + len, path->len - len);
    return true;
}

/* What stands behind the splat, if anything, is one literal. */
static bool fits_splat(const struct pattern *pattern, unsigned splat, struct str path,
                       struct pattern_match *match)
{
    struct str end = splat + 1 < pattern->count ? pattern->pieces[splat + 1].text : STR("");

    if (!str_ends(path, end))
        return false;
    note(match, pattern->pieces[splat].text, str_of(path.at, path.len - end.len));
    return true;
}

bool pattern_fits(const struct pattern *pattern, struct str path, struct pattern_match *match)
{
    match->count = 0;
    for (unsigned i = 0; i < pattern->count; i++) {
        if (pattern->pieces[i].kind == PATTERN_SPLAT)
            return fits_splat(pattern, i, path, match);
        if (!fits_piece(&pattern->pieces[i], &path, match))
            return false;
    }
    return path.len == 0;
}

bool pattern_value(const struct pattern_match *match, struct str name, struct str *value)
{
    for (unsigned i = 0; i < match->count; i++)
        if (str_equal(match->names[i], name)) {
            *value = match->values[i];
            return true;
        }
    return false;
}

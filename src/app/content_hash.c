#include "app/content_hash.h"

enum {
    HEX_MIN = 8,
    HEX_MAX = 64, /* SHA-256 */
    SHORT_LEN = 8,
    CHANGES_CODE = 3, /* of kind, in a name that only a program gives */
    CHANGES_ANY = 5,  /* likewise where people name things, as in "MacBook2" */
};

enum kind { KIND_NONE, KIND_UPPER, KIND_LOWER, KIND_DIGIT };

static enum kind kind_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return KIND_UPPER;
    if (c >= 'a' && c <= 'z')
        return KIND_LOWER;
    return c >= '0' && c <= '9' ? KIND_DIGIT : KIND_NONE;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Figures alone are a date, letters alone may be a word. */
static bool is_hex_hash(struct str token)
{
    bool letter = false, digit = false;

    if (token.len < HEX_MIN || token.len > HEX_MAX)
        return false;
    for (size_t i = 0; i < token.len; i++) {
        if (!is_hex(token.at[i]))
            return false;
        letter = letter || kind_of(token.at[i]) == KIND_LOWER;
        digit = digit || kind_of(token.at[i]) == KIND_DIGIT;
    }
    return letter && digit;
}

/* The end of a UUID names a thing, not its bytes: "-xxxx" stands before it. */
static bool ends_uuid(struct str before)
{
    if (before.len < 6 || before.at[before.len - 6] != '-')
        return false;
    for (size_t i = before.len - 5; i < before.len - 1; i++)
        if (!is_hex(before.at[i]))
            return false;
    return true;
}

/* Between letters of either case and figures; '-' and '_' tell nothing. */
static bool is_short_hash(struct str token, bool code)
{
    enum kind last = KIND_NONE;
    bool digit = false;
    int changes = 0;

    for (size_t i = 0; i < token.len; i++) {
        enum kind kind = kind_of(token.at[i]);
        if (kind == KIND_NONE && token.at[i] != '-' && token.at[i] != '_')
            return false;
        if (kind == KIND_NONE)
            continue;
        changes += last != KIND_NONE && kind != last;
        digit = digit || kind == KIND_DIGIT;
        last = kind;
    }
    return changes >= CHANGES_ANY || (code && digit && changes >= CHANGES_CODE);
}

/* What stands between two dots; with `follows`, something stands before it. */
static bool holds_hash(struct str part, bool follows, bool code)
{
    size_t at = part.len;

    while (at > 0 && part.at[at - 1] != '-')
        at--;
    struct str token = str_of(part.at + at, part.len - at);
    if ((at > 0 || follows) && is_hex_hash(token) && !ends_uuid(str_of(part.at, at)))
        return true;
    if (part.len < SHORT_LEN || (part.len == SHORT_LEN && !follows))
        return false;
    at = part.len - SHORT_LEN;
    return (at == 0 || part.at[at - 1] == '-') &&
           is_short_hash(str_of(part.at + at, SHORT_LEN), code);
}

static struct str last_segment(struct str path)
{
    size_t at = path.len;

    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return str_of(path.at + at, path.len - at);
}

/* Kinds of files that bundlers write and people seldom name by hand. */
static const struct str code_endings[] = {
    STR_INIT(".js"),   STR_INIT(".mjs"),   STR_INIT(".css"), STR_INIT(".map"),
    STR_INIT(".woff"), STR_INIT(".woff2"), STR_INIT(".ttf"),
};

static bool is_code(struct str name)
{
    for (size_t i = 0; i < sizeof code_endings / sizeof code_endings[0]; i++)
        if (str_ends(name, code_endings[i]))
            return true;
    return false;
}

bool content_hash_in(struct str path)
{
    struct str name = last_segment(path);
    bool code = is_code(name);
    size_t from = 0;

    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] != '.')
            continue;
        if (holds_hash(str_of(name.at + from, i - from), from > 0, code))
            return true;
        from = i + 1;
    }
    return false;
}

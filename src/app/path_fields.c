#include "app/path_fields.h"

#include "app/content_hash.h"

/* The next line of `lines`, with its CRLF, cut off. */
static struct str next_line(struct str *lines)
{
    const char *end = memchr(lines->at, '\n', lines->len);
    size_t len = end ? (size_t)(end - lines->at) + 1 : lines->len;
    struct str line = str_of(lines->at, len);

    *lines = str_of(lines->at + len, lines->len - len);
    return line;
}

static struct str name_of(struct str line)
{
    const char *colon = memchr(line.at, ':', line.len);

    return str_of(line.at, colon ? (size_t)(colon - line.at) : 0);
}

static struct str value_of(struct str line)
{
    size_t used = name_of(line).len + 1;

    return str_trim(str_of(line.at + used, line.len - used - strlen("\r\n")));
}

static bool has_name(struct str lines, struct str name)
{
    while (lines.len > 0)
        if (str_equal_nocase(name_of(next_line(&lines)), name))
            return true;
    return false;
}

static bool is_cache_control(struct str name)
{
    return str_equal_nocase(name, STR("Cache-Control"));
}

/* A type can be had once only: the first one counts. */
static void add_line(struct path_fields *fields, struct str line)
{
    struct str name = name_of(line);

    if (is_cache_control(name))
        text_add(&fields->cache, line);
    else if (!str_equal_nocase(name, STR("Content-Type")))
        text_add(&fields->lines, line);
    else if (fields->type.len == 0)
        fields->type = value_of(line);
}

/* What has been set before this source was looked at stays. */
struct before {
    size_t lines, cache;
    bool type;
};

static bool is_set(const struct path_fields *fields, const struct before *before, struct str name)
{
    if (is_cache_control(name))
        return before->cache > 0;
    if (str_equal_nocase(name, STR("Content-Type")))
        return before->type;
    return has_name(str_of(fields->lines.at, before->lines), name);
}

static void add_rules(struct path_fields *fields, const struct field_rules *rules, struct str path)
{
    const struct before before = { fields->lines.len, fields->cache.len, fields->type.len > 0 };
    struct pattern_match match;

    for (unsigned i = 0; rules && i < rules->count; i++) {
        struct str lines = rules->rules[i].lines;
        if (!pattern_fits(&rules->rules[i].pattern, path, &match))
            continue;
        while (lines.len > 0) {
            struct str line = next_line(&lines);
            if (!is_set(fields, &before, name_of(line)))
                add_line(fields, line);
        }
    }
}

static bool ends_nocase(struct str path, struct str end)
{
    return path.len >= end.len &&
           str_equal_nocase(str_of(path.at + path.len - end.len, end.len), end);
}

static bool is_page(struct str path)
{
    return ends_nocase(path, STR("/")) || ends_nocase(path, STR(".html")) ||
           ends_nocase(path, STR(".htm")) || ends_nocase(path, STR(".xhtml"));
}

/* A page names the files that belong to it, so an old one would ask for what is gone: it is asked
 * for again each time, which costs a 304. */
static void add_max_age(struct text *out, uint32_t max_age, struct str path)
{
    bool hashed = content_hash_in(path);

    text_add(out, STR("Cache-Control: "));
    if (is_page(path)) {
        text_add(out, STR("no-cache\r\n"));
        return;
    }
    text_add(out, STR("public, max-age="));
    text_add_number(out, hashed ? PATH_FIELDS_HASHED_MAX_AGE : max_age);
    if (hashed)
        text_add(out, STR(", immutable"));
    text_add(out, STR("\r\n"));
}

void path_fields_collect(struct path_fields *fields, const struct field_sources *sources,
                         struct str path)
{
    const struct str origin = STR("Access-Control-Allow-Origin");

    fields->lines = text_in(fields->space, sizeof fields->space);
    fields->cache = text_in(fields->cache_space, sizeof fields->cache_space);
    fields->type = STR("");
    add_rules(fields, sources->given, path);
    add_rules(fields, sources->file, path);
    if (sources->has_max_age && fields->cache.len == 0)
        add_max_age(&fields->cache, sources->max_age, path);
    if (sources->cors && !has_name(text_str(&fields->lines), origin))
        text_add(&fields->lines, STR("Access-Control-Allow-Origin: *\r\n"));
    fields->cut = fields->lines.cut || fields->cache.cut;
}

#include "app/redirects.h"

#include "app/rule_lines.h"
#include "http/path.h"

#include <stdlib.h>

enum { STATUS_DEFAULT = 301 };

/* A file being parsed. */
struct reading {
    struct redirects *into;
    struct text memory;
    struct rule_error *error;
    unsigned line;
};

static bool wrong(struct reading *r, const char *why)
{
    *r->error = (struct rule_error){ r->line, why };
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A '#' begins a comment where a word could begin: a URL may hold one. */
static struct str without_comment(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '#' && (i == 0 || is_blank(line.at[i - 1])))
            return str_of(line.at, i);
    return line;
}

static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= ' ' || text.at[i] == 0x7f)
            return false;
    return true;
}

static struct str keep(struct reading *r, struct str text)
{
    size_t at = r->memory.len;

    text_add(&r->memory, text);
    return str_of(r->memory.at + at, text.len);
}

static bool read_from(struct reading *r, struct redirect *rule, struct str word)
{
    char normal[HTTP_PATH_MAX];
    ssize_t len = http_path_normalise(word, normal);

    if (len < 0)
        return wrong(r, "FROM is no path: it must start with '/', without a query");
    if (memchr(word.at, '?', word.len))
        return wrong(r, "FROM has a query; only paths are looked at");
    const char *why = pattern_parse(&rule->from, keep(r, str_of(normal, (size_t)len)));
    return why ? wrong(r, why) : true;
}

static bool is_path(struct str to)
{
    return to.len > 0 && to.at[0] == '/' && !(to.len > 1 && (to.at[1] == '/' || to.at[1] == '\\'));
}

static bool is_url(struct str to)
{
    return str_starts(to, STR("http://")) || str_starts(to, STR("https://"));
}

/* From the start of `text` to its first ":name" or its end; *name is "" at the end. */
static size_t until_hole(struct str text, struct str *name)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t left = text.len - i - 1;
        size_t len = text.at[i] == ':' ? pattern_name_len(str_of(text.at + i + 1, left)) : 0;
        if (len > 0) {
            *name = str_of(text.at + i + 1, len);
            return i;
        }
    }
    *name = STR("");
    return text.len;
}

static struct str skip(struct str text, size_t len)
{
    return str_of(text.at + len, text.len - len);
}

static bool holes_are_known(const struct redirect *rule)
{
    struct str rest = rule->to, name;

    while (rest.len > 0) {
        size_t len = until_hole(rest, &name);
        if (name.len == 0)
            return true;
        if (!pattern_names(&rule->from, name))
            return false;
        rest = skip(rest, len + 1 + name.len);
    }
    return true;
}

/* "https://example.com:splat" would let whoever asks name another host. */
static bool hole_is_in_host(struct str to)
{
    struct str host, name;

    if (!is_url(to))
        return false;
    host = skip(to, str_starts(to, STR("https://")) ? strlen("https://") : strlen("http://"));
    for (size_t i = 0; i < host.len; i++)
        if (strchr("/?#\\", host.at[i]))
            host.len = i;
    until_hole(host, &name);
    return name.len > 0;
}

static bool read_to(struct reading *r, struct redirect *rule, struct str word)
{
    if (!is_visible(word))
        return wrong(r, "TO holds a control character");
    if (!is_path(word) && !is_url(word))
        return wrong(r, "TO is neither a path that starts with one '/' nor an http(s) URL");
    if (word.len > REDIRECTS_TO_MAX)
        return wrong(r, "TO has more than 4096 bytes");
    if (hole_is_in_host(word))
        return wrong(r, "TO has a placeholder in its host; a '/' must stand before it");
    rule->to = keep(r, word);
    if (!holes_are_known(rule))
        return wrong(r, "TO names a placeholder that FROM does not have");
    return true;
}

static const int known[] = { 200, 301, 302, 303, 307, 308, 404 };

static bool read_status(struct reading *r, struct redirect *rule, struct str word)
{
    unsigned long long status = STATUS_DEFAULT;

    rule->forced = str_ends(word, STR("!"));
    if (rule->forced)
        word.len--;
    if ((word.len > 0 || rule->forced) && !str_number(word, 999, &status))
        return wrong(r, "the status is no number; it is one of 200, 301, 302, 303, 307, 308, 404");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == (int)status)
            rule->status = known[i];
    if (rule->status == 0)
        return wrong(r, "the status must be one of 200, 301, 302, 303, 307, 308, 404");
    if ((rule->status == 200 || rule->status == 404) && !is_path(rule->to))
        return wrong(r, "with status 200 or 404, TO must be a path of this site");
    return true;
}

/* Only what can be seen without following rules: a longer circle is the client's to notice. */
static bool leads_to_itself(const struct redirect *rule)
{
    return rule->status != 200 && rule->status != 404 && rule->from.count == 1 &&
           rule->from.pieces[0].kind == PATTERN_LITERAL &&
           str_equal(rule->from.pieces[0].text, rule->to);
}

static bool read_rule(struct reading *r, struct str line)
{
    struct redirect *rule = &r->into->rules[r->into->count];

    line = rule_lines_trim(line);
    if (rule_lines_are_run_together(line))
        return wrong(r, RULE_LINES_CR);
    line = without_comment(line);
    struct str from = str_next_word(&line), to = str_next_word(&line),
               status = str_next_word(&line);
    *rule = (struct redirect){ .line = r->line };
    if (from.len == 0)
        return true;
    if (r->into->count == REDIRECTS_MAX)
        return wrong(r, "more than 4096 rules");
    if (to.len == 0)
        return wrong(r, "TO is missing; a rule is FROM TO [STATUS]");
    if (str_next_word(&line).len > 0)
        return wrong(r, "more than FROM TO [STATUS]; conditions are not known here");
    if (!read_from(r, rule, from) || !read_to(r, rule, to) || !read_status(r, rule, status))
        return false;
    if (leads_to_itself(rule))
        return wrong(r, "FROM is sent to itself");
    r->into->count++;
    r->into->any_forced = r->into->any_forced || rule->forced;
    return true;
}

static unsigned count_lines(struct str text)
{
    unsigned lines = 1;

    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    return lines;
}

/* A rule for each line that could be one, and one more to read a line into before it counts.
 * Normalising makes no pattern longer. */
static bool take_memory(struct reading *r, struct str text)
{
    unsigned lines = count_lines(text);
    size_t most = lines < REDIRECTS_MAX ? lines : REDIRECTS_MAX;

    *r->into = (struct redirects){
        .rules = malloc((most + 1) * sizeof(struct redirect)),
        .memory = malloc(text.len + 1),
    };
    r->memory = text_in(r->into->memory, text.len + 1);
    return r->into->rules && r->into->memory;
}

bool redirects_parse(struct redirects *redirects, struct str text, struct rule_error *error)
{
    struct reading r = { .into = redirects, .error = error };
    struct str line;

    *redirects = (struct redirects){ 0 };
    if (text.len > REDIRECTS_FILE_MAX)
        return wrong(&r, "more than 1 MiB");
    text = rule_lines_begin(text);
    bool fine = take_memory(&r, text) || wrong(&r, "out of memory");
    for (r.line = 1; fine && str_next(&text, '\n', &line); r.line++)
        fine = read_rule(&r, line);
    if (!fine)
        redirects_release(redirects);
    return fine;
}

void redirects_release(struct redirects *redirects)
{
    free(redirects->rules);
    free(redirects->memory);
    *redirects = (struct redirects){ 0 };
}

const struct redirect *redirects_find(const struct redirects *redirects, struct str path,
                                      bool forced, struct pattern_match *match)
{
    if (forced && !redirects->any_forced)
        return NULL;
    for (unsigned i = 0; i < redirects->count; i++) {
        const struct redirect *rule = &redirects->rules[i];
        if ((rule->forced || !forced) && pattern_fits(&rule->from, path, match))
            return rule;
    }
    return NULL;
}

/* What is put behind a '/' begins with none: two would name another host. */
static struct str joined(const struct text *out, struct str s)
{
    while (s.len > 0 && s.at[0] == '/' && out->len > 0 && out->at[out->len - 1] == '/')
        s = skip(s, 1);
    return s;
}

/* As the value of a parameter: nothing in it begins another one. */
static void add_query_value(struct text *out, struct str value)
{
    const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        char escaped[] = { '%', hex[c >> 4], hex[c & 15] };
        if (c == '&' || c == '=' || c == '+' || c == ';')
            text_add(out, str_of(escaped, sizeof escaped));
        else
            http_path_encode_part(out, str_of(value.at + i, 1));
    }
}

static void add_value(struct text *out, const struct pattern_match *match, struct str name,
                      bool in_query)
{
    struct str value = { 0 };

    pattern_value(match, name, &value);
    if (in_query)
        add_query_value(out, value);
    else
        http_path_encode_part(out, joined(out, value));
}

void redirect_write(struct text *out, const struct redirect *rule,
                    const struct pattern_match *match)
{
    struct str rest = rule->to, name;
    bool behind_value = false; /* which may be empty */
    bool in_query = false;

    while (rest.len > 0) {
        size_t len = until_hole(rest, &name);
        struct str between = str_of(rest.at, len);
        text_add(out, behind_value ? joined(out, between) : between);
        if (name.len == 0)
            return;
        in_query = in_query || memchr(between.at, '?', between.len);
        add_value(out, match, name, in_query);
        behind_value = true;
        rest = skip(rest, len + 1 + name.len);
    }
}

#include "app/field_rules.h"

#include "app/rule_lines.h"
#include "http/chars.h"
#include "http/path.h"

#include <stdlib.h>

/* A file being parsed. */
struct reading {
    struct field_rules *into;
    struct text memory;
    struct rule_error *error;
    unsigned line;
};

static bool wrong(struct reading *r, const char *why)
{
    *r->error = (struct rule_error){ r->line, why };
    return false;
}

static bool all_of(struct str text, int class)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_char_is(text.at[i], class))
            return false;
    return true;
}

/* What frames a message or describes what is sent. */
static const struct str ours[] = {
    STR_INIT("Accept-Ranges"),  STR_INIT("Connection"),        STR_INIT("Content-Encoding"),
    STR_INIT("Content-Length"), STR_INIT("Content-Range"),     STR_INIT("Date"),
    STR_INIT("ETag"),           STR_INIT("Keep-Alive"),        STR_INIT("Last-Modified"),
    STR_INIT("Trailer"),        STR_INIT("Transfer-Encoding"), STR_INIT("Upgrade"),
};

static bool is_ours(struct str name)
{
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (str_equal_nocase(name, ours[i]))
            return true;
    return false;
}

const char *field_rule_check(struct str name, struct str value)
{
    if (name.len == 0 || !all_of(name, HTTP_CHAR_TOKEN))
        return "a field's name is letters, digits and '-', followed by ':' at once";
    if (is_ours(name))
        return "this field is the server's own to set";
    if (!all_of(value, HTTP_CHAR_VALUE))
        return "the field's value holds a control character";
    if (str_equal_nocase(name, STR("Content-Type")) &&
        (value.len == 0 || value.len > FIELD_TYPE_MAX))
        return "a Content-Type has 1 to 128 bytes";
    return NULL;
}

static bool start_rule(struct reading *r, struct str line)
{
    char normal[HTTP_PATH_MAX];
    struct field_rule *rule = &r->into->rules[r->into->count];

    if (r->into->count == FIELD_RULES_MAX)
        return wrong(r, "more than 1024 patterns");
    ssize_t len = http_path_normalise(line, normal);
    if (len < 0)
        return wrong(r, "a pattern is a path that starts with '/'");
    struct str text = str_of(r->memory.at + r->memory.len, (size_t)len);
    text_add(&r->memory, str_of(normal, (size_t)len));
    const char *why = pattern_parse(&rule->pattern, text);
    if (why)
        return wrong(r, why);
    rule->lines = str_of(r->memory.at + r->memory.len, 0);
    r->into->count++;
    return true;
}

static bool add_field(struct reading *r, struct str line)
{
    struct str value = line, name = STR("");

    if (r->into->count == 0)
        return wrong(r, "a field before the first pattern");
    if (line.at[0] == '!')
        return wrong(r, "a field can't be taken away; only \"Name: value\" is known here");
    const char *colon = memchr(line.at, ':', line.len);
    if (colon) {
        name = str_of(line.at, (size_t)(colon - line.at));
        value = str_trim(str_of(colon + 1, line.len - name.len - 1));
    }
    const char *why = field_rule_check(name, value);
    if (why)
        return wrong(r, why);
    size_t before = r->memory.len;
    text_add(&r->memory, name);
    text_add(&r->memory, STR(": "));
    text_add(&r->memory, value);
    text_add(&r->memory, STR("\r\n"));
    r->into->rules[r->into->count - 1].lines.len += r->memory.len - before;
    return true;
}

/* Whether a line is indented tells what it is, so it has not been trimmed. */
static bool read_line(struct reading *r, struct str line)
{
    struct str trimmed;

    line = rule_lines_trim(line);
    if (rule_lines_are_run_together(line))
        return wrong(r, RULE_LINES_CR);
    trimmed = str_trim(line);
    if (trimmed.len == 0 || trimmed.at[0] == '#')
        return true;
    if (trimmed.at == line.at)
        return start_rule(r, trimmed);
    return add_field(r, trimmed);
}

/* A field line grows by its space and CR LF at most. */
static bool take_memory(struct reading *r, struct str text)
{
    unsigned lines = 1;

    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    size_t room = text.len + 3 * (size_t)lines;
    size_t most = lines < FIELD_RULES_MAX ? lines : FIELD_RULES_MAX;
    *r->into = (struct field_rules){
        .rules = malloc((most + 1) * sizeof(struct field_rule)),
        .memory = malloc(room),
    };
    r->memory = text_in(r->into->memory, room);
    return r->into->rules && r->into->memory;
}

static struct str next_line(struct str *text)
{
    const char *end = memchr(text->at, '\n', text->len);
    size_t len = end ? (size_t)(end - text->at) : text->len;
    size_t used = end ? len + 1 : len;
    struct str line = str_of(text->at, len);

    *text = str_of(text->at + used, text->len - used);
    return line;
}

bool field_rules_parse(struct field_rules *rules, struct str text, struct rule_error *error)
{
    struct reading r = { .into = rules, .error = error };

    *rules = (struct field_rules){ 0 };
    if (text.len > FIELD_RULES_FILE_MAX)
        return wrong(&r, "more than 1 MiB");
    text = rule_lines_begin(text);
    bool fine = take_memory(&r, text) || wrong(&r, "out of memory");
    for (r.line = 1; fine && text.len > 0; r.line++)
        fine = read_line(&r, next_line(&text));
    if (!fine)
        field_rules_release(rules);
    return fine;
}

void field_rules_release(struct field_rules *rules)
{
    free(rules->rules);
    free(rules->memory);
    *rules = (struct field_rules){ 0 };
}

#include "server/rules.h"

#include "base/cold.h"
#include "http/path.h"
#include "server/watcher.h"

#include <assert.h>
#include <stdio.h>

static_assert((int)PATH_FIELDS_MAX + (int)PATH_FIELDS_CACHE_MAX <= (int)ENTRY_RULES_MAX,
              "an entry takes all that a path may have");

void rules_init(struct rules *rules, const struct config *config, const struct rule_book *book)
{
    *rules = (struct rules){ .config = config, .book = book };
}

void rules_load(struct rules *rules, int root)
{
    struct rule_look *look = &rules->watch.look;

    if (rules->config->no_files)
        return;
    rule_look_begin(look, &rules->files);
    rule_look_run(look, root);
    rules_take(rules, look);
}

bool rules_take(struct rules *rules, struct rule_look *look)
{
    struct sentence why;
    uint64_t version;

    for (enum rule_file file = 0; rules->notices && file < RULE_FILES; file++)
        if (rule_look_complaint(look, file, &why, &version) &&
            atomic_exchange(&rules->notices->bad_rules[file], version) != version)
            fprintf(stderr, "ringlet: %s; the rules that it held before stay in force\n", why.text);
    return rule_files_take(&rules->files, look);
}

void rules_release(struct rules *rules)
{
    rule_files_release(&rules->files);
}

static struct str without_form(struct str key)
{
    const char *end = memchr(key.at, '\0', key.len);

    return end ? str_of(key.at, (size_t)(end - key.at)) : key;
}

bool rules_are_in(struct str path)
{
    for (enum rule_file file = 0; file < RULE_FILES; file++)
        if (str_equal(path, rule_file_paths[file]))
            return true;
    return false;
}

const struct redirect *rules_redirect(const struct rules *rules, struct str path, bool forced,
                                      struct pattern_match *match)
{
    const struct redirect *found = NULL;

    if (rules->book)
        found = redirects_find(&rules->book->redirects, path, forced, match);
    return found ? found : redirects_find(&rules->files.redirects, path, forced, match);
}

/* Once for each version of the rules. The path may be anything that a client can ask for. */
static COLD void tell_long_fields(const struct rules *rules, struct str path)
{
    char space[256];
    struct text shown = text_in(space, sizeof space);
    uint64_t version;

    memcpy(&version, rules->files.stamps[RULE_HEADERS].digest, sizeof version);
    if (!rules->notices ||
        atomic_exchange(&rules->notices->long_fields, version | 1) == (version | 1))
        return;
    http_path_encode(&shown, path);
    fprintf(stderr,
            "ringlet: %.*s: rules give it over %d bytes of header fields, or %d of Cache-Control; "
            "what does not fit is left out\n",
            (int)shown.len, shown.at, PATH_FIELDS_MAX, PATH_FIELDS_CACHE_MAX);
}

struct entry_rules rules_of_path(const struct rules *rules, struct str path,
                                 struct path_fields *space)
{
    const struct field_sources sources = {
        .given = rules->book ? &rules->book->headers : NULL,
        .file = &rules->files.headers,
        .has_max_age = rules->config->has_max_age,
        .max_age = rules->config->max_age,
        .cors = rules->config->cors,
    };

    struct pattern_match match;

    path = without_form(path);
    path_fields_collect(space, &sources, path);
    if (space->cut)
        tell_long_fields(rules, path);
    return (struct entry_rules){
        .type = space->type,
        .lines = text_str(&space->lines),
        .cache = text_str(&space->cache),
        .indirect = rules_are_in(path) || rules_redirect(rules, path, true, &match),
    };
}

#include "server/rules.h"

#include <assert.h>

static_assert((int)PATH_FIELDS_MAX + (int)PATH_FIELDS_CACHE_MAX <= (int)ENTRY_RULES_MAX,
              "an entry takes all that a path may have");

void rules_init(struct rules *rules, const struct config *config, const struct rule_book *book)
{
    *rules = (struct rules){ .config = config, .book = book };
}

static struct str without_form(struct str key)
{
    const char *end = memchr(key.at, '\0', key.len);

    return end ? str_of(key.at, (size_t)(end - key.at)) : key;
}

bool rules_are_in(struct str path)
{
    return str_equal(path, STR("/_headers")) || str_equal(path, STR("/_redirects"));
}

const struct redirect *rules_redirect(const struct rules *rules, struct str path, bool forced,
                                      struct pattern_match *match)
{
    return rules->book ? redirects_find(&rules->book->redirects, path, forced, match) : NULL;
}

struct entry_rules rules_of_path(const struct rules *rules, struct str path,
                                 struct path_fields *space)
{
    const struct field_sources sources = {
        .given = rules->book ? &rules->book->headers : NULL,
        .has_max_age = rules->config->has_max_age,
        .max_age = rules->config->max_age,
        .cors = rules->config->cors,
    };

    struct pattern_match match;

    path = without_form(path);
    path_fields_collect(space, &sources, path);
    return (struct entry_rules){
        .type = space->type,
        .lines = text_str(&space->lines),
        .cache = text_str(&space->cache),
        .indirect = rules_are_in(path) || rules_redirect(rules, path, true, &match),
    };
}

/* rules.h - what the operator's rules say of a path, for one core. */
#ifndef SERVER_RULES_H
#define SERVER_RULES_H

#include "app/path_fields.h"
#include "server/rule_book.h"
#include "site/entry.h"

struct rules {
    const struct config *config;
    const struct rule_book *book; /* borrowed; or NULL: no rules were named */
};

/* No rules but those that were named. */
void rules_init(struct rules *rules, const struct config *config, const struct rule_book *book);

/* What an entry for `path` is to be made with. It points into the rules and into *space. A path is
 * normalised; a key of the site that goes on behind a NUL is a form of the path before it. */
struct entry_rules rules_of_path(const struct rules *rules, struct str path,
                                 struct path_fields *space);

/* The redirect or rewrite that fits a normalised path, or NULL: with `forced` one that goes before
 * files, otherwise any. The match borrows from the rules and the path. */
const struct redirect *rules_redirect(const struct rules *rules, struct str path, bool forced,
                                      struct pattern_match *match);

/* Is this one of the files that hold rules, which are not served? */
bool rules_are_in(struct str path);

#endif

/* redirects.h - the rules of a `_redirects` file, as static hosts have made them a convention.
 *
 * A line is "FROM TO [STATUS][!]"; '#' begins a comment. FROM is a pattern; TO is a path or an
 * http(s) URL that may name FROM's holes as ":name" and ":splat", but not in a URL's host, which is
 * the operator's to name; behind a '?' what is filled in is the value of a parameter. The status is
 * 301 unless given: 301, 302, 303, 307, 308 send the client elsewhere, 200 answers with what stands
 * at TO, 404 does so with that status. The first rule that fits counts; with '!' also where a file
 * stands at FROM.
 *
 * Read-only once parsed, so every core may use the same. */
#ifndef APP_REDIRECTS_H
#define APP_REDIRECTS_H

#include "app/pattern.h"
#include "app/rule_error.h"
#include "base/text.h"

enum {
    REDIRECTS_MAX = 4096,             /* rules; more are an error */
    REDIRECTS_FILE_MAX = 1024 * 1024, /* bytes; likewise */
    REDIRECTS_TO_MAX = 4096,          /* bytes of TO; a longer Location is never sent */
};

struct redirect {
    struct pattern from;
    struct str to;
    int status;
    bool forced;
    unsigned line; /* in the file, from 1 */
};

struct redirects {
    struct redirect *rules;
    unsigned count;
    bool any_forced;
    char *memory; /* the rules' texts */
};

/* Parse a whole file. False when a line is wrong, with the first such in *error, or when memory is
 * short (line 0); nothing is kept then. Otherwise to be released. */
bool redirects_parse(struct redirects *redirects, struct str text, struct rule_error *error);
void redirects_release(struct redirects *redirects);

/* The first rule that fits a normalised path, or NULL; `forced` looks only at those with '!'. The
 * match borrows from the rules and the path. */
const struct redirect *redirects_find(const struct redirects *redirects, struct str path,
                                      bool forced, struct pattern_match *match);

/* Where the rule leads: TO with its holes filled in, percent-encoded, fit for Location or, when it
 * is a path, for http_path_normalise. What begins with one '/' in the file still does. */
void redirect_write(struct text *out, const struct redirect *rule,
                    const struct pattern_match *match);

#endif

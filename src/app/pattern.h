/* pattern.h - a path with holes, and what a path puts into them. Pure.
 *
 * The dialect of the `_redirects` and `_headers` files of static hosts: ":name" as a whole segment
 * takes one segment that is not empty, and one "*" behind them takes all there is, slashes too, but
 * for what stands behind it, which must end the path. Everything else stands for itself. So a path
 * is looked at once, however it was made up. */
#ifndef APP_PATTERN_H
#define APP_PATTERN_H

#include "base/str.h"

enum {
    PATTERN_PIECES_MAX = 17, /* more, and the pattern is refused */
    PATTERN_HOLES_MAX = 8,   /* likewise */
};

enum pattern_kind { PATTERN_LITERAL, PATTERN_SEGMENT, PATTERN_SPLAT };

struct pattern_piece {
    enum pattern_kind kind;
    struct str text; /* the literal, or the hole's name; a splat's is "splat" */
};

struct pattern {
    struct pattern_piece pieces[PATTERN_PIECES_MAX];
    unsigned count;
};

/* What a path put into the holes, in their order. Borrows from the pattern and the path. */
struct pattern_match {
    struct str names[PATTERN_HOLES_MAX];
    struct str values[PATTERN_HOLES_MAX];
    unsigned count;
};

/* Read a pattern, which borrows from `text`: a normalised path but for its holes. NULL, or what is
 * wrong with it. */
const char *pattern_parse(struct pattern *pattern, struct str text);

/* Does a normalised path fit? Then `match` is filled in. */
bool pattern_fits(const struct pattern *pattern, struct str path, struct pattern_match *match);

/* The value of a hole, into *value; false when there is none of that name. */
bool pattern_value(const struct pattern_match *match, struct str name, struct str *value);

/* Has the pattern a hole of that name? */
bool pattern_names(const struct pattern *pattern, struct str name);

/* How long a hole's name is that begins at `text`, behind its ':'; 0 when none does. Letters,
 * digits and '_', a letter first: so the port of a URL is none. */
size_t pattern_name_len(struct str text);

#endif

/* field_rules.h - response fields by path: the rules of a `_headers` file.
 *
 * A line that starts with '/' is a pattern; the indented lines under it are fields, "Name: value",
 * for every path that it fits. '#' at a line's start makes it a comment. All rules that fit count,
 * in the order of the file (path_fields.h).
 *
 * Read-only once parsed, so every core may use the same. */
#ifndef APP_FIELD_RULES_H
#define APP_FIELD_RULES_H

#include "app/pattern.h"
#include "app/rule_error.h"
#include "base/text.h"

enum {
    FIELD_RULES_MAX = 1024,             /* patterns; more are an error */
    FIELD_RULES_FILE_MAX = 1024 * 1024, /* bytes; likewise */
    FIELD_TYPE_MAX = 128,               /* of a media type; likewise */
};

struct field_rule {
    struct pattern pattern;
    struct str lines; /* "Name: value\r\n" each */
};

struct field_rules {
    struct field_rule *rules;
    unsigned count;
    char *memory; /* the rules' texts */
};

/* Is this a field that an operator may add, spelled as RFC 9110 5.1 and 5.5 want it? NULL, or why
 * not: the fields that frame a message, or that the server alone knows, are not for rules. */
const char *field_rule_check(struct str name, struct str value);

/* Parse a whole file. False when a line is wrong, with the first such in *error, or when memory is
 * short (line 0); nothing is kept then. Otherwise to be released. */
bool field_rules_parse(struct field_rules *rules, struct str text, struct rule_error *error);
void field_rules_release(struct field_rules *rules);

#endif

/* rule_lines.h - the lines of a file of rules, which people write with whatever editor they have.
 */
#ifndef APP_RULE_LINES_H
#define APP_RULE_LINES_H

#include "base/str.h"

/* What an editor may put before a text in UTF-8. */
#define RULE_LINES_MARK "\xef\xbb\xbf"

#define RULE_LINES_CR "a CR within a line; lines end with LF or CR LF"

/* The lines begin behind the mark, if there is one. */
static inline struct str rule_lines_begin(struct str text)
{
    size_t len = str_starts(text, STR(RULE_LINES_MARK)) ? sizeof RULE_LINES_MARK - 1 : 0;

    return str_of(text.at + len, text.len - len);
}

/* A line without its CR, if it has one. */
static inline struct str rule_lines_trim(struct str line)
{
    return str_ends(line, STR("\r")) ? str_of(line.at, line.len - 1) : line;
}

/* Does it hold another one? Then it is several lines of a file whose lines end with CR alone. */
static inline bool rule_lines_are_run_together(struct str line)
{
    return line.len > 0 && memchr(line.at, '\r', line.len);
}

#endif

/* rule_book.h - the rules that were named when the server was started: --header, --redirect and
 * --error-page, parsed.
 *
 * Made once, on the main thread; read by every core. */
#ifndef SERVER_RULE_BOOK_H
#define SERVER_RULE_BOOK_H

#include "app/field_rules.h"
#include "app/redirects.h"
#include "server/config.h"
#include "server/sentence.h"

struct error_page {
    int status;
    struct str path; /* normalised; borrowed from the config */
};

struct rule_book {
    struct field_rules headers;
    struct redirects redirects;
    struct error_page pages[CONFIG_LIST_MAX];
    unsigned page_count;
};

/* Parse the items of one option, each "PATTERN: Name: value", "FROM=TO[:STATUS]" or "STATUS=PATH".
 * False when one is wrong: *bad is its number from 0, and *why says what. Nothing is kept then. */
bool rule_book_read_headers(struct rule_book *book, const struct config_list *list, unsigned *bad,
                            struct sentence *why);
bool rule_book_read_redirects(struct rule_book *book, const struct config_list *list, unsigned *bad,
                              struct sentence *why);
bool rule_book_read_pages(struct rule_book *book, const struct config_list *list, unsigned *bad,
                          struct sentence *why);

/* All of them, from a config that options has checked. False when memory is short. */
bool rule_book_make(struct rule_book *book, const struct config *config);
void rule_book_release(struct rule_book *book);

/* The page for a status; empty when there is none. */
struct str rule_book_page(const struct rule_book *book, int status);

/* Is this the path of a file as it is written on disk: from the root, with nothing in it that
 * normalising would change? */
bool rule_book_is_path(struct str path);

#endif

/* rules.h - what the operator's rules say of a path, for one core. */
#ifndef SERVER_RULES_H
#define SERVER_RULES_H

#include "app/path_fields.h"
#include "io/io.h"
#include "server/rule_book.h"
#include "server/rule_files.h"
#include "site/entry.h"

struct notices;

/* How the files are followed (rule_watch.h). */
struct rule_watch {
    struct io_job job; /* a look, while `looking` */
    struct rule_look look;
    int root; /* descriptor of the directory that is looked into; the job's */
    bool looking;
    bool pending;     /* the files are not held by the site as they were at the last look */
    unsigned tries;   /* to have them held, since they were last seen after by the clock */
    uint64_t next_ms; /* when to see after them though nothing is told */
    uint64_t news;    /* of the site, and */
    uint32_t epoch;   /* when they were last seen after */
};

struct rules {
    const struct config *config;
    const struct rule_book *book; /* borrowed; or NULL: no rules were named */
    struct notices *notices;      /* borrowed; or NULL: what is wrong with a file is not said */
    struct rule_files files;
    struct rule_watch watch;
};

/* No rules but those that were named. */
void rules_init(struct rules *rules, const struct config *config, const struct rule_book *book);

/* Read the files below the directory `root`, before anything is served. */
void rules_load(struct rules *rules, int root);

/* Use what a look has found. Returns whether other rules are in force now; says on standard error
 * what is wrong. */
bool rules_take(struct rules *rules, struct rule_look *look);

/* No look is under way. */
void rules_release(struct rules *rules);

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

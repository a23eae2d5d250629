/* rule_files.h - the `_headers` and `_redirects` files of the directory that is served.
 *
 * Looking at them opens, reads and parses, all of which may take long: it is for the start and for
 * helper threads. What a look has found is then taken over where the rules are used. A file that is
 * wrong changes nothing: the last good one stays in force. */
#ifndef SERVER_RULE_FILES_H
#define SERVER_RULE_FILES_H

#include "app/field_rules.h"
#include "app/redirects.h"
#include "server/sentence.h"
#include "site/digest.h"

#include <time.h>

enum rule_file { RULE_HEADERS, RULE_REDIRECTS, RULE_FILES };

/* As paths of the site. */
extern const struct str rule_file_paths[RULE_FILES];

/* What a file was when it was looked at. */
struct rule_stamp {
    bool there;
    bool settled; /* unchanged for so long that its times tell a change */
    int error; /* why it can't be read, an errno value; what follows is of the time before then */
    uint64_t device, inode, size;
    struct timespec modified, changed;
    char digest[DIGEST_LEN];
};

/* The rules in force. All zero: there are none. */
struct rule_files {
    struct field_rules headers;
    struct redirects redirects;
    struct rule_stamp stamps[RULE_FILES];
};

/* One look. */
struct rule_look {
    struct rule_stamp stamps[RULE_FILES]; /* as they were known; and then as they are */
    bool changed[RULE_FILES];             /* the bytes are others, or there are none any more */
    bool wrong[RULE_FILES];               /* and for this reason they are not to be used: */
    struct rule_error errors[RULE_FILES];
    struct field_rules headers; /* parsed, where changed and not wrong */
    struct redirects redirects;
};

/* Start from what is known, then look at the files below the directory `root`. */
void rule_look_begin(struct rule_look *look, const struct rule_files *known);
void rule_look_run(struct rule_look *look, int root);

/* Take over what it has found. Returns whether other rules are in force now. */
bool rule_files_take(struct rule_files *files, struct rule_look *look);

/* Why a file is wrong: "_redirects line 3: ...". False when it is not, or was so before. *version
 * is never 0, and the same for all who have seen the same. */
bool rule_look_complaint(const struct rule_look *look, enum rule_file file, struct sentence *why,
                         uint64_t *version);

/* There are none in force then. */
void rule_files_release(struct rule_files *files);

#endif

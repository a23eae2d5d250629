/* folder.h - a directory read, and made into the entry of one form of its listing.
 *
 * Like survey_run and digest_run, folder_run makes system calls and is for a helper thread: a
 * directory may be long, and a disk may not answer. What could not be asked for is left out: hidden
 * names, what is neither file nor directory, links that lead nowhere or out of the root, and in the
 * root itself the files of rules. */
#ifndef SITE_FOLDER_H
#define SITE_FOLDER_H

#include "site/entry.h"

enum {
    FOLDER_AGAIN_MAX = 64,         /* to follow a link while others rename; then it is left out */
    FOLDER_READ_BYTES = 32 * 1024, /* of the directory at a time */
};

struct folder {
    int root, fd;   /* borrowed: the root, and the directory, open for reading */
    struct str key; /* of the entry, as listing_key makes it; borrowed */
    bool dotfiles;  /* list names that start with a dot, too */
    struct entry_form form;
    int64_t now_unix;
    int error;               /* out: 0 or -errno */
    struct site_entry *made; /* out: pinned once, the caller's; or NULL */
};

/* Read it and make the entry. */
void folder_run(struct folder *folder);

#endif

/* survey.h - walk the way to a place on disk, and watch every directory on it.
 *
 * A directory is watched before a name is looked up in it, so whatever happens to the name later is
 * told. Beside digest_run, folder_run and variants_run, survey_run is all of this room that makes
 * system calls: on a helper thread, because a disk may not answer. Everything else about a survey
 * belongs to the core. */
#ifndef SITE_SURVEY_H
#define SITE_SURVEY_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* A way with more of these is not watched: what lies there is looked at again and again. */
    SURVEY_STEPS_MAX = 128,
    SURVEY_NAMES_MAX = 8192, /* bytes of all names together */
    SURVEY_LINKS_MAX = 40,   /* as path_resolution(7); with more there is nothing */
    SURVEY_PATH_MAX = 4096,
};

/* In the directory of this watch, this name was looked up. Without a name: what is watched is
 * itself a part of the way. */
struct survey_step {
    int watch;
    uint16_t name_at, name_len; /* in `names` */
};

struct survey {
    /* Asked. */
    int inotify; /* borrowed */
    int root;    /* where the path starts and what it must not leave; borrowed. -1: any directory */
    struct str path; /* borrowed; relative to the root. With a slash at its end: of a directory */

    /* Found. */
    bool watched;   /* all of it; otherwise the steps are worth nothing, and the reason is here: */
    int error;      /* an errno value, or */
    const char *fs; /* the name of a file system that does not tell what changes, or NULL */
    int end;        /* watch of the directory, when that is there and below a root, or -1 */
    int fd;         /* the directory, when there was no root to start from and it is there, or -1 */
    uint64_t device; /* of `fd` */
    uint64_t inode;
    unsigned step_count;
    unsigned names_len;
    struct survey_step steps[SURVEY_STEPS_MAX];
    char names[SURVEY_NAMES_MAX];
};

/* NULL when memory is short. */
struct survey *survey_make(int inotify, int root, struct str path);

/* Its descriptor must have been taken. */
void survey_free(struct survey *survey);

/* On a helper thread. Without a root only what happens to the way itself is watched, not what else
 * happens in its directories: they may be busy ones. */
void survey_run(struct survey *survey);

static inline struct str survey_name(const struct survey *survey, unsigned step)
{
    return str_of(survey->names + survey->steps[step].name_at, survey->steps[step].name_len);
}

#endif

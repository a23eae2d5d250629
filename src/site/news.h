/* news.h - what inotify(7) told of late, for surveys that were under way meanwhile.
 *
 * A survey watches a directory and then looks a name up in it. What is told between that and the
 * survey's end finds no route to kill yet, so it is remembered here. */
#ifndef SITE_NEWS_H
#define SITE_NEWS_H

#include "site/survey.h"

enum { NEWS_MAX = 256 }; /* a survey that more than this happens to is done again; a power of two */

struct news {
    uint64_t count; /* told so far */
    struct {
        int watch;     /* or -1: anything may have happened */
        uint64_t hash; /* of the name; 0 for the directory itself */
    } last[NEWS_MAX];
};

/* Something happened to the name in the directory of a watch; with an empty one, to the directory.
 */
void news_add(struct news *news, int watch, struct str name);

/* Anything may have happened. */
void news_add_anything(struct news *news);

/* Was anything told since `count` was what it is in `since` that concerns the way of a survey? */
bool news_concern(const struct news *news, uint64_t since, const struct survey *survey);

#endif

/* spares.h - descriptors a core holds back, so that a file can be opened when connections have
 * taken all others: one is closed for each file that finds none, and taken again when the file is
 * done. */
#ifndef SERVER_SPARES_H
#define SERVER_SPARES_H

#include <stdbool.h>

enum { SPARES_MAX = 4 }; /* filling one file takes two at a time */

struct spares {
    int fds[SPARES_MAX];
    unsigned count;
};

/* Take as many as there may be, as duplicates of `fd`. */
void spares_fill(struct spares *spares, int fd);

/* Let one go. False when there is none. */
bool spares_spend(struct spares *spares);

/* Let all of them go. */
void spares_release(struct spares *spares);

#endif

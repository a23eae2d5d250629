/* makings.h - the making of compressed variants for files that are held, for one core.
 *
 * A client that wants a coding that a file does not have yet gets another form of it, and the
 * making of that one is put on a list. One at a time is made, on a thread of the lowest priority:
 * it takes what is left over of the CPU. */
#ifndef SERVER_MAKINGS_H
#define SERVER_MAKINGS_H

#include "base/list.h"
#include "http/coding.h"
#include "io/io.h"

struct core;
struct site_entry;
struct making;

/* On the list of one core. What finds no place is asked for again with the next request for it. */
enum { MAKINGS_MAX = 32 };

struct makings {
    struct list todo;
    unsigned count;         /* of them */
    struct making *running; /* or NULL */
};

/* With nothing on its list. */
void makings_init(struct makings *makings);

/* Have a variant of a file made, unless that is under way. */
void makings_want(struct core *core, struct site_entry *entry, enum http_coding coding);

/* For IO_WORKED. False when it is not of what was started here. */
bool makings_worked(struct core *core, const struct io_event *event);

/* Forget what has not been begun. Nothing is under way. */
void makings_drop(struct core *core);

#endif

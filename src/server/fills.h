/* fills.h - carries what the site asks of the file system to the engine, and the outcome back. */
#ifndef SERVER_FILLS_H
#define SERVER_FILLS_H

#include "server/core.h"

enum { FILLS_PATIENCE_MS = 5000 }; /* how long a file may wait for a descriptor; then it is a 503 */

/* The fill under way for a normalised path, started if there was none. NULL when memory is short.
 */
struct site_fill *fills_join(struct core *core, struct str path);

/* For IO_FILE_DONE. Returns the fill that is over by it, for the caller to tell those who wait and
 * then to site_fill_end; or NULL. */
struct site_fill *fills_done(struct core *core, const struct io_event *event);

/* The same for IO_WORKED of what was started here. */
struct site_fill *fills_worked(struct core *core, const struct io_event *event);

/* Once a turn: see to it that the root is still the directory that its path names. */
void fills_look_at_root(struct core *core);

/* Try again to open what found no descriptor, with those held back. Accepting must have stopped: it
 * would take what is let go here. */
void fills_retry(struct core *core);

/* Give up what was put off before `before_ms`. Returns a fill that is over by it, to be treated
 * like that of fills_done; or NULL when there is none left. */
struct site_fill *fills_give_up(struct core *core, uint64_t before_ms);

/* Can every file be opened that may be asked for? A connection more would only wait for one. */
static inline bool fills_have_spares(const struct core *core)
{
    return core->spares.count == SPARES_MAX && list_empty(&core->put_off);
}

/* Hand the descriptors that the site no longer needs to the engine to be closed. */
void fills_close_dead(struct core *core);

#endif

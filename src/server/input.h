/* input.h - what a connection has received and not used yet.
 *
 * Bytes are read where they lie, in buffers that the engine lends. Only what must be in one piece
 * but came in several, or what would keep a buffer away from others for long, is copied into memory
 * of the connection's own. Bytes kept come before bytes lent. */
#ifndef SERVER_INPUT_H
#define SERVER_INPUT_H

#include "base/str.h"
#include "io/io.h"

#include <stdint.h>

/* One buffer lent by the engine; a core has a table of them, by lease. */
struct lent {
    const char *bytes;
    uint32_t len;
    int next; /* lease of the buffer that came after this one on the same connection, or -1 */
};

/* What a core's connections take their input from. */
struct input_source {
    const struct io_engine *engine;
    struct io *io;
    struct lent *lent; /* by lease, and behind them one more */
    int shown; /* the number of that: for bytes of the core's own, no lease of the engine's */
};

struct input {
    int first, last;                      /* leases, or -1 */
    uint32_t used;                        /* bytes of the first that are used */
    uint32_t kept_cap, kept_at, kept_len; /* kept[kept_at .. kept_len) is not used yet */
    char *kept;                           /* heap, or NULL */
};

/* Nothing received yet. */
void input_init(struct input *in);

/* Take a buffer over from the engine; it is given back when its bytes are used or copied. */
void input_add(struct input *in, const struct input_source *source, const struct io_event *event);

/* Show it bytes that are the core's own, until its connection lets others have their turn: by then
 * they must be used up or kept. Nothing else is shown. */
void input_show(struct input *in, const struct input_source *source, struct str bytes);

static inline bool input_is_empty(const struct input *in)
{
    return in->kept_at == in->kept_len && in->first < 0;
}

static inline bool input_holds_lease(const struct input *in)
{
    return in->first >= 0;
}

/* The first bytes, as many as lie in one piece; empty only when there are none. Valid until the
 * next call. */
struct str input_peek(const struct input *in, const struct input_source *source);

/* The first `count` of the bytes peeked at are done with. */
void input_use(struct input *in, const struct input_source *source, size_t count);

/* Put more into the first piece, which is shorter than `max`, so that the next peek gives more, up
 * to `max` bytes in one piece. 1 when it does, 0 when there is nothing to add (then the piece has
 * been copied: no buffer is held for it), -ENOMEM. */
int input_join(struct input *in, const struct input_source *source, size_t max);

/* Copy all that is lent and give the buffers back. 0 or -ENOMEM. */
int input_keep(struct input *in, const struct input_source *source);

/* Forget everything. */
void input_drop(struct input *in, const struct input_source *source);

#endif

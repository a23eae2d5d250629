#include "server/input.h"

#include "base/check.h"
#include "base/cold.h"

#include <errno.h>
#include <stdlib.h>

enum { KEPT_MIN = 1024 };

void input_init(struct input *in)
{
    *in = (struct input){ .first = -1, .last = -1 };
}

static inline void add(struct input *in, const struct input_source *source, int lease,
                       struct str bytes)
{
    source->lent[lease] = (struct lent){ bytes.at, (uint32_t)bytes.len, -1 };
    if (in->first < 0)
        in->first = lease;
    else
        source->lent[in->last].next = lease;
    in->last = lease;
}

void input_add(struct input *in, const struct input_source *source, const struct io_event *event)
{
    add(in, source, event->lease, str_of(event->bytes, event->len));
}

void input_show(struct input *in, const struct input_source *source, struct str bytes)
{
    add(in, source, source->shown, bytes);
}

static struct str first_lent(const struct input *in, const struct input_source *source)
{
    const struct lent *lent = &source->lent[in->first];

    return str_of(lent->bytes + in->used, lent->len - in->used);
}

struct str input_peek(const struct input *in, const struct input_source *source)
{
    if (in->kept_at < in->kept_len)
        return str_of(in->kept + in->kept_at, in->kept_len - in->kept_at);
    if (in->first >= 0)
        return first_lent(in, source);
    return str_of(NULL, 0);
}

static COLD void use_kept(struct input *in, size_t count)
{
    CHECK(count <= in->kept_len - in->kept_at);
    in->kept_at += (uint32_t)count;
    if (in->kept_at < in->kept_len)
        return;
    free(in->kept);
    in->kept = NULL;
    in->kept_cap = in->kept_at = in->kept_len = 0;
}

static void use_lent(struct input *in, const struct input_source *source, size_t count)
{
    const struct lent *lent = &source->lent[in->first];
    int lease = in->first;

    CHECK(count <= lent->len - in->used);
    in->used += (uint32_t)count;
    if (in->used < lent->len)
        return;
    in->first = lent->next;
    in->used = 0;
    if (lease != source->shown)
        source->engine->give_back(source->io, lease);
}

void input_use(struct input *in, const struct input_source *source, size_t count)
{
    if (count == 0)
        return;
    if (in->kept_at < in->kept_len)
        use_kept(in, count);
    else
        use_lent(in, source, count);
}

/* Make room for `more` bytes behind what is kept. */
static int reserve(struct input *in, size_t more)
{
    size_t len = in->kept_len - in->kept_at;

    if (in->kept_cap - in->kept_len >= more)
        return 0;
    if (in->kept_at > 0) {
        memmove(in->kept, in->kept + in->kept_at, len);
        in->kept_at = 0;
        in->kept_len = (uint32_t)len;
    }
    size_t cap = in->kept_cap ? in->kept_cap : KEPT_MIN;
    while (cap - len < more)
        cap *= 2;
    if (cap == in->kept_cap)
        return 0;
    char *kept = realloc(in->kept, cap);
    if (!kept)
        return -ENOMEM;
    in->kept = kept;
    in->kept_cap = (uint32_t)cap;
    return 0;
}

/* Move up to `max` bytes from the first buffer lent to what is kept. */
static int keep_some(struct input *in, const struct input_source *source, size_t max)
{
    struct str lent = first_lent(in, source);
    size_t count = lent.len < max ? lent.len : max;
    int error = reserve(in, count);

    if (error)
        return error;
    memcpy(in->kept + in->kept_len, lent.at, count);
    in->kept_len += (uint32_t)count;
    use_lent(in, source, count);
    return 0;
}

int input_join(struct input *in, const struct input_source *source, size_t max)
{
    size_t before = input_peek(in, source).len;

    while (in->first >= 0 && in->kept_len - in->kept_at < max) {
        int error = keep_some(in, source, max - (in->kept_len - in->kept_at));
        if (error)
            return error;
    }
    return in->kept_len - in->kept_at > before;
}

int input_keep(struct input *in, const struct input_source *source)
{
    while (in->first >= 0) {
        int error = keep_some(in, source, SIZE_MAX);
        if (error)
            return error;
    }
    return 0;
}

void input_drop(struct input *in, const struct input_source *source)
{
    while (in->first >= 0)
        use_lent(in, source, source->lent[in->first].len - in->used);
    free(in->kept);
    input_init(in);
}

#include "app/kept.h"

#include <errno.h>
#include <stdlib.h>

struct ringlet_reply *ringlet_reply_later(struct ringlet_reply *reply, ringlet_gone *gone,
                                          void *state)
{
    struct kept *kept = !reply || reply->done || reply->kept ? NULL : malloc(sizeof *kept);

    if (!kept)
        return NULL;
    kept->reply = *reply;
    kept->reply.fields = text_in(kept->fields, sizeof kept->fields);
    kept->reply.copied = text_in(kept->copied, sizeof kept->copied);
    text_add(&kept->reply.fields, text_str(&reply->fields));
    kept->reply.kept = kept;
    kept->gone = gone;
    kept->state = state;
    kept->timer = NULL;
    list_init(&kept->changed);
    list_init(&kept->waiting);
    reply->kept = kept;
    reply->done = true; /* what is said to it now comes too late */
    return &kept->reply;
}

int ringlet_reply_timer(struct ringlet_reply *reply, uint32_t ms, ringlet_resume *resume)
{
    struct kept *kept = reply ? reply->kept : NULL;

    if (!reply || !resume)
        return -EINVAL;
    if (reply->done)
        return -EALREADY;
    if (!kept)
        return -EINVAL;
    kept->timer = resume;
    kept->timer_ms = ms;
    call_note(reply);
    return 0;
}

void kept_free(struct kept *kept)
{
    list_remove(&kept->changed);
    list_remove(&kept->waiting);
    if (kept->reply.done)
        call_release(&kept->reply);
    else if (kept->gone)
        kept->gone(kept->state);
    free(kept);
}

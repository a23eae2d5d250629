#include "app/kept.h"

#include "base/cold.h"

#include <errno.h>
#include <stdlib.h>

static struct kept *make(void)
{
    struct kept *kept = malloc(sizeof *kept);
    char *texts = kept ? malloc(CALL_FIELDS_ROOM + CALL_CONTENT_ROOM) : NULL;

    if (texts) {
        kept->texts = texts;
        return kept;
    }
    free(kept);
    return NULL;
}

void kept_drop_texts(struct kept *kept)
{
    free(kept->texts);
    kept->texts = NULL;
    kept->reply.fields = kept->reply.copied = text_in(NULL, 0);
}

struct ringlet_reply *ringlet_reply_later(struct ringlet_reply *reply, ringlet_gone *gone,
                                          void *state)
{
    struct kept *kept = !reply || reply->done || reply->kept ? NULL : make();

    if (!kept)
        return NULL;
    kept->reply = *reply;
    kept->reply.fields = text_in(kept->texts, CALL_FIELDS_ROOM);
    kept->reply.copied = text_in(kept->texts + CALL_FIELDS_ROOM, CALL_CONTENT_ROOM);
    text_add(&kept->reply.fields, text_str(&reply->fields));
    kept->reply.kept = kept;
    kept->gone = gone;
    kept->state = state;
    kept->timer = kept->descriptor = kept->room = NULL;
    kept->ended = kept->cut = kept->begun = false;
    kept->misuse = NULL;
    kept->put = 0;
    list_init(&kept->watched);
    wait_init(&kept->wait, WAIT_OF_REPLY, reply->changes);
    reply->kept = kept;
    reply->done = true; /* what is said to it now comes too late */
    return &kept->reply;
}

/* The kept reply that a call is for; or, in *error, why it can't be. */
static struct kept *find(struct ringlet_reply *reply, int *error)
{
    struct kept *kept = reply ? reply->kept : NULL;

    *error = 0;
    if (reply && reply->done && (!reply->streams || kept->ended))
        *error = -EALREADY;
    else if (!kept)
        *error = -EINVAL;
    return *error ? NULL : kept;
}

int ringlet_reply_timer(struct ringlet_reply *reply, uint32_t ms, ringlet_resume *resume)
{
    int error;
    struct kept *kept = find(reply, &error);

    if (!kept)
        return error;
    kept->timer = resume;
    wait_for_time(&kept->wait, ms, resume);
    return 0;
}

int ringlet_reply_descriptor(struct ringlet_reply *reply, int fd, unsigned events,
                             ringlet_resume *resume)
{
    int error;
    struct kept *kept = find(reply, &error);

    if (!kept)
        return error;
    error = wait_for_descriptor(&kept->wait, fd, events, resume);
    if (!error)
        kept->descriptor = resume;
    return error;
}

/* --- in pieces --- */

int ringlet_reply_begin(struct ringlet_reply *reply, uint64_t length)
{
    struct kept *kept = reply ? reply->kept : NULL;

    if (!reply)
        return -EINVAL;
    if (reply->done)
        return -EALREADY;
    if (!kept)
        return -EINVAL;
    pieces_init(&kept->pieces, length);
    reply->streams = reply->done = true;
    call_note(reply);
    return 0;
}

static struct kept *find_stream(struct ringlet_reply *reply, int *error)
{
    struct kept *kept = find(reply, error);

    if (kept && !reply->streams)
        *error = -EINVAL;
    return *error ? NULL : kept;
}

/* The client was promised something else: it must see that it did not get it. */
static COLD int break_promise(struct kept *kept, const char *misuse)
{
    kept->misuse = misuse;
    kept->cut = true;
    call_note(&kept->reply);
    return -EINVAL;
}

/* May this piece be given? */
static struct kept *find_for(struct ringlet_reply *reply, struct str bytes, int *error)
{
    struct kept *kept = find_stream(reply, error);

    if (!kept)
        return NULL;
    if (kept->cut || (!bytes.at && bytes.len > 0))
        *error = -EINVAL;
    else if (pieces_exceed(&kept->pieces, bytes.len))
        *error = break_promise(kept, "has given more pieces than the length it has promised; the "
                                     "connection is cut");
    return *error ? NULL : kept;
}

int ringlet_reply_piece(struct ringlet_reply *reply, const void *bytes, size_t len)
{
    int error;
    struct kept *kept = find_for(reply, str_of(bytes, len), &error);

    if (!kept)
        return error;
    error = pieces_copy(&kept->pieces, str_of(bytes, len));
    if (!error)
        call_note(reply);
    return error;
}

int ringlet_reply_give_piece(struct ringlet_reply *reply, const void *bytes, size_t len,
                             void (*release)(void *owner), void *owner)
{
    int error;
    struct kept *kept = find_for(reply, str_of(bytes, len), &error);

    if (!kept)
        return error;
    error = pieces_give(&kept->pieces, str_of(bytes, len), release, owner);
    if (!error)
        call_note(reply);
    return error;
}

int ringlet_reply_room(struct ringlet_reply *reply, ringlet_resume *resume)
{
    int error;
    struct kept *kept = find_stream(reply, &error);

    if (!kept)
        return error;
    kept->room = resume;
    call_note(reply);
    return 0;
}

static bool is_short(const struct kept *kept)
{
    const struct pieces *pieces = &kept->pieces;

    return pieces->length != RINGLET_LENGTH_UNKNOWN && pieces->given < pieces->length &&
           !kept->reply.head_only && call_has_content(kept->reply.status);
}

int ringlet_reply_end(struct ringlet_reply *reply)
{
    int error;
    struct kept *kept = find_stream(reply, &error);

    if (!kept)
        return error;
    kept->ended = true;
    call_note(reply);
    if (kept->cut)
        return -EINVAL;
    return is_short(kept) ? break_promise(kept, "has ended its reply before the length it has "
                                                "promised; the connection is cut")
                          : 0;
}

int ringlet_reply_abort(struct ringlet_reply *reply)
{
    int error;
    struct kept *kept = find(reply, &error);

    if (!kept)
        return error;
    reply->done = kept->ended = kept->cut = true;
    call_note(reply);
    return 0;
}

void kept_free(struct kept *kept)
{
    list_remove(&kept->watched);
    wait_drop(&kept->wait);
    if (!kept_is_finished(kept) && kept->gone)
        kept->gone(kept->state);
    if (kept->reply.streams)
        pieces_drop(&kept->pieces);
    else if (kept->reply.done)
        call_release(&kept->reply);
    free(kept->texts);
    free(kept);
}

#include "server/secure.h"

#include "base/check.h"
#include "base/cold.h"
#include "io/file_range.h"
#include "server/core.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static_assert((int)SECURE_FILE_SIZE <= (int)FILE_READ_SIZE, "a share of a file is read at once");
static_assert((int)TLS_OUT_MIN < (int)SEALED_SMALL, "the smallest buffer has room for a session");

/* --- beginning and end --- */

struct secure_core *secure_core_make(struct tls_context *context)
{
    struct secure_core *shared = malloc(sizeof *shared);

    if (!shared)
        return NULL;
    shared->context = context;
    shared->pool = (struct sealed_pool){ .large_count = 0 };
    shared->handshakes = 0;
    file_reads_init(&shared->reads);
    return shared;
}

void secure_core_free(struct secure_core *shared)
{
    CHECK(shared->handshakes == 0);
    file_reads_release(&shared->reads);
    sealed_pool_release(&shared->pool);
    tls_context_drop(shared->context);
    tls_clear(shared->plain, sizeof shared->plain);
    free(shared);
}

struct secure *secure_make(struct core *core, struct conn *conn)
{
    struct secure *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->session = tls_session_make(core->secure->context);
    if (!s->session) {
        free(s);
        return NULL;
    }
    s->conn = conn;
    input_init(&s->cipher);
    file_want_init(&s->want);
    s->handshaking = true;
    core->secure->handshakes++;
    return s;
}

static void end_handshake(struct secure *s, struct core *core)
{
    if (s->handshaking)
        core->secure->handshakes--;
    s->handshaking = false;
}

void secure_stop(struct secure *s, struct core *core)
{
    end_handshake(s, core);
    file_reads_drop(&s->want);
    input_drop(&s->cipher, &core->source);
    s->more = false;
    s->count = 0;
    s->file_left = 0;
}

void secure_free(struct secure *s, struct core *core)
{
    if (s->sealed)
        sealed_give_back(&core->secure->pool, s->sealed);
    tls_session_free(s->session);
    free(s);
}

/* --- opening --- */

bool secure_has_room(const struct secure *s)
{
    return !s->sealed || text_room(&s->sealed->text) >= TLS_OUT_MIN;
}

static enum tls_result open_piece(struct secure *s, struct core *core, struct text *plain)
{
    struct str piece = input_peek(&s->cipher, &core->source);
    size_t len = piece.len;
    enum tls_result result =
        tls_session_receive(s->session, &piece, plain, &s->sealed->text, core->now_ms);

    input_use(&s->cipher, &core->source, len - piece.len);
    s->more = result == TLS_FULL;
    return result;
}

enum tls_result secure_open(struct secure *s, struct core *core, struct input *plain)
{
    struct text opened = text_in(core->secure->plain, sizeof core->secure->plain);
    enum tls_result result = TLS_FULL;

    if (!s->sealed)
        s->sealed = sealed_take(&core->secure->pool, 0);
    if (!s->sealed)
        return TLS_FAILED;
    do
        result = secure_has_room(s) ? open_piece(s, core, &opened) : TLS_FULL;
    while (result == TLS_MORE && !input_is_empty(&s->cipher));
    if (s->sealed->text.len == 0)
        secure_sent(s, core);
    if (s->handshaking && tls_session_is_open(s->session))
        end_handshake(s, core);
    if (result == TLS_ENDED)
        input_drop(&s->cipher, &core->source);
    if (opened.len > 0)
        input_show(plain, &core->source, text_str(&opened));
    return result;
}

/* --- sealing --- */

void secure_begin(struct secure *s, struct output *out)
{
    output_link(out);
    s->count = out->count;
    for (int i = 0; i < out->count; i++)
        s->slices[i] = str_of(out->iov[i].iov_base, out->iov[i].iov_len);
    s->out = out;
    s->file_at = out->file_at;
    s->file_left = out->file ? out->file_len : 0;
}

void secure_end(struct secure *s)
{
    s->ending = !s->ended && tls_session_is_open(s->session);
}

static bool has_plain(const struct secure *s)
{
    return s->count > 0 || s->file_left > 0;
}

bool secure_has_output(const struct secure *s)
{
    return has_plain(s) || s->ending || tls_session_owes(s->session) ||
           (s->sealed && s->sealed->text.len > 0);
}

static size_t left_in_memory(const struct secure *s)
{
    size_t len = 0;

    for (int i = 0; i < s->count; i++)
        len += s->slices[i].len;
    return len;
}

/* How much of the file goes with what is in memory; records add a part. */
static size_t file_share(const struct secure *s)
{
    size_t room = text_room(&s->sealed->text);
    size_t taken = left_in_memory(s) + room / 16 + TLS_RECORD_OVERHEAD;
    size_t share = taken < room ? room - taken : 0;

    if (share > SECURE_FILE_SIZE)
        share = SECURE_FILE_SIZE;
    return share < s->file_left ? share : (size_t)s->file_left;
}

/* The slices that are used up go. */
static void forget_used(struct secure *s)
{
    int kept = 0;

    for (int i = 0; i < s->count; i++)
        if (s->slices[i].len > 0)
            s->slices[kept++] = s->slices[i];
    s->count = kept;
}

/* What is in memory, and behind it a piece of the file. */
static bool seal_with(struct secure *s, const struct core *core, struct str piece)
{
    s->slices[s->count] = piece;
    bool done =
        tls_session_send(s->session, s->slices, s->count + 1, &s->sealed->text, core->now_ms);
    uint64_t used = piece.len - s->slices[s->count].len;

    s->file_at += used;
    s->file_left -= used;
    forget_used(s);
    return done;
}

/* -EAGAIN: what comes next is in a part of the file that is not in memory. */
static int seal_plain(struct secure *s, struct core *core)
{
    struct str piece = str_of(core->secure->file, 0);
    size_t share = file_share(s);

    if (share > 0) {
        ssize_t got =
            file_range_read(s->out->file->fd, (off_t)s->file_at, share, core->secure->file);
        if (got == 0)
            return -ENODATA;
        if (got < 0 && s->count == 0)
            return (int)got;
        piece.len = got > 0 ? (size_t)got : 0;
    }
    return seal_with(s, core, piece) ? 0 : -EPROTO;
}

static enum secure_outcome read_file(struct secure *s, struct core *core)
{
    size_t len = file_share(s);
    bool begun = file_reads_begin(core, &s->want, s->out->file, s->file_at, len);

    return begun ? SECURE_READING : SECURE_BROKEN;
}

/* What is said behind the last byte. */
static void seal_end(struct secure *s)
{
    if (!s->ending || has_plain(s) || text_room(&s->sealed->text) < TLS_OUT_MIN)
        return;
    tls_session_close(s->session, &s->sealed->text);
    s->ending = false;
    s->ended = true;
}

/* Where there is something to be sealed and nothing was, the session is waiting for the rest of a
 * message that changes keys. That comes whole from everybody but those who try what happens. */
static enum secure_outcome hand_out(struct secure *s, struct core *core)
{
    if (tls_session_owes(s->session))
        tls_session_flush(s->session, &s->sealed->text);
    seal_end(s);
    if (s->sealed->text.len > 0)
        return SECURE_SEND;
    secure_sent(s, core);
    return has_plain(s) ? SECURE_BROKEN : SECURE_NOTHING;
}

/* A place for it. What the session has said already goes first. */
static bool take_place(struct secure *s, struct core *core)
{
    struct sealed *begun = s->sealed;
    bool large = left_in_memory(s) + s->file_left > SEALED_SMALL - TLS_OUT_MIN;

    if (begun && (!large || begun->text.cap == SEALED_LARGE))
        return true;
    struct sealed *place = sealed_take(&core->secure->pool, large ? SEALED_LARGE : 0);
    if (!place)
        return false;
    if (begun) {
        text_add(&place->text, text_str(&begun->text));
        sealed_give_back(&core->secure->pool, begun);
    }
    s->sealed = place;
    return true;
}

enum secure_outcome secure_seal(struct secure *s, struct core *core)
{
    int error = 0;

    if (!take_place(s, core))
        return SECURE_BROKEN;
    if (!secure_has_room(s))
        return SECURE_SEND;
    if (has_plain(s))
        error = seal_plain(s, core);
    if (error == -EAGAIN && s->sealed->text.len == 0)
        return read_file(s, core);
    if (error && error != -EAGAIN)
        return SECURE_BROKEN;
    return hand_out(s, core);
}

void secure_sent(struct secure *s, struct core *core)
{
    sealed_give_back(&core->secure->pool, s->sealed);
    s->sealed = NULL;
}

enum secure_outcome secure_filled(struct secure *s, struct core *core, struct str bytes, int error)
{
    if (error || bytes.len == 0 || !seal_with(s, core, bytes))
        return SECURE_BROKEN;
    return hand_out(s, core);
}

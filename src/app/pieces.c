#include "app/pieces.h"

#include <errno.h>
#include <stdlib.h>

enum {
    BLOCK_FIRST = 2048, /* bytes of the block of what is said after a silence */
    BLOCK_NEXT = 16384, /* and of those behind others */
};

void pieces_init(struct pieces *pieces, uint64_t length)
{
    *pieces = (struct pieces){ .length = length };
}

bool pieces_exceed(const struct pieces *pieces, size_t len)
{
    return pieces->length != RINGLET_LENGTH_UNKNOWN && len > pieces->length - pieces->given;
}

static size_t cost_of(const struct piece *piece)
{
    return piece->cap > 0 || piece->len > PIECES_COST_MIN ? piece->len : PIECES_COST_MIN;
}

/* When nothing waits there is room for any piece: it would never come to be sent otherwise. */
static bool has_room(const struct pieces *pieces, size_t len)
{
    size_t ahead = pieces->waiting + pieces->going_out;

    return ahead == 0 || (ahead < RINGLET_PIECES_SIZE && len <= RINGLET_PIECES_SIZE - ahead);
}

bool pieces_have_room(const struct pieces *pieces)
{
    return pieces->waiting + pieces->going_out <= RINGLET_PIECES_SIZE / 2;
}

static struct piece *make(size_t cap)
{
    struct piece *piece = malloc(sizeof *piece + cap);

    if (piece)
        *piece = (struct piece){ .at = piece->bytes, .cap = cap };
    return piece;
}

static void append(struct pieces *pieces, struct piece *piece)
{
    if (pieces->last)
        pieces->last->next = piece;
    else
        pieces->first = piece;
    pieces->last = piece;
}

static bool fits_last(const struct pieces *pieces, size_t len)
{
    const struct piece *last = pieces->last;

    return last && len <= last->cap && last->len <= last->cap - len;
}

/* Copies between pieces that were given share little: their memory must not outgrow what they
 * count. */
static size_t block_cap(const struct pieces *pieces)
{
    if (!pieces->last)
        return BLOCK_FIRST;
    return pieces->last->cap > 0 ? BLOCK_NEXT : PIECES_COST_MIN;
}

static bool add_block(struct pieces *pieces, size_t len)
{
    size_t cap = block_cap(pieces);
    struct piece *piece = make(len > cap ? len : cap);

    if (piece)
        append(pieces, piece);
    return piece;
}

int pieces_copy(struct pieces *pieces, struct str bytes)
{
    if (bytes.len > RINGLET_PIECES_SIZE)
        return -EMSGSIZE;
    if (bytes.len == 0)
        return 0;
    if (!has_room(pieces, bytes.len))
        return -EAGAIN;
    if (!fits_last(pieces, bytes.len) && !add_block(pieces, bytes.len))
        return -ENOMEM;
    memcpy(pieces->last->bytes + pieces->last->len, bytes.at, bytes.len);
    pieces->last->len += bytes.len;
    pieces->waiting += bytes.len;
    pieces->given += bytes.len;
    return 0;
}

int pieces_give(struct pieces *pieces, struct str bytes, pieces_release *release, void *owner)
{
    if (!has_room(pieces, bytes.len > PIECES_COST_MIN ? bytes.len : PIECES_COST_MIN))
        return -EAGAIN;
    struct piece *piece = make(0);
    if (!piece)
        return -ENOMEM;
    piece->at = bytes.at;
    piece->len = bytes.len;
    piece->release = release;
    piece->owner = owner;
    if (bytes.len == 0) {
        piece_free(piece);
        return 0;
    }
    append(pieces, piece);
    pieces->waiting += cost_of(piece);
    pieces->given += bytes.len;
    return 0;
}

struct piece *pieces_take(struct pieces *pieces)
{
    struct piece *piece = pieces->first;

    if (!piece)
        return NULL;
    pieces->first = piece->next;
    if (!pieces->first)
        pieces->last = NULL;
    pieces->waiting -= cost_of(piece);
    pieces->going_out += cost_of(piece);
    return piece;
}

void piece_free(void *argument)
{
    struct piece *piece = argument;

    if (piece->release)
        piece->release(piece->owner);
    free(piece);
}

void pieces_drop(struct pieces *pieces)
{
    struct piece *piece;

    while ((piece = pieces_take(pieces)))
        piece_free(piece);
}

#include "server/flow.h"

#include "server/handle.h"
#include "server/late.h"

static bool is_unknown(const struct kept *kept)
{
    return kept->pieces.length == RINGLET_LENGTH_UNKNOWN;
}

/* Does anybody get the content? */
static bool has_content(const struct kept *kept)
{
    return !kept->reply.head_only && call_has_content(kept->reply.status);
}

/* HTTP/1.0 knows no chunks: there the connection's end is the content's. */
bool flow_begin(struct exchange *x, struct kept *kept)
{
    kept->begun = true;
    kept->chunked = is_unknown(kept) && has_content(kept) && x->request->minor > 0;
    if (is_unknown(kept) && has_content(kept) && !kept->chunked)
        x->h->over = true;
    bool put = handle_put_head(x, &kept->reply);
    kept_drop_texts(kept);
    return put;
}

static void put_piece(struct output *out, struct kept *kept, struct piece *piece)
{
    struct str bytes = str_of(piece->at, piece->len);

    kept->put += bytes.len;
    if (kept->chunked) {
        text_add_hex(&out->text, bytes.len);
        text_add(&out->text, STR("\r\n"));
    }
    if (bytes.len <= OUTPUT_COPY_MAX) {
        text_add(&out->text, bytes);
        piece_free(piece);
    } else {
        output_lend(out, bytes, piece_free, piece);
    }
    if (kept->chunked)
        text_add(&out->text, STR("\r\n"));
}

/* The end of the chunks has room behind any piece. */
static enum flow_progress put_end(struct output *out, const struct kept *kept)
{
    if (kept->chunked)
        text_add(&out->text, STR("0\r\n\r\n"));
    return FLOW_OVER;
}

enum flow_progress flow_put(struct core *core, struct output *out, struct kept *kept)
{
    pieces_are_sent(&kept->pieces);
    if (!has_content(kept))
        return FLOW_OVER;
    late_look_for_room(core, kept);
    while (kept->pieces.first && output_has_room(out))
        put_piece(out, kept, pieces_take(&kept->pieces));
    if (kept->pieces.first)
        return FLOW_FULL;
    return kept->ended ? put_end(out, kept) : FLOW_WAITS;
}

#include "server/output.h"

#include "base/check.h"
#include "base/cold.h"

#include <stdlib.h>

static void make_empty(struct output *out)
{
    out->count = 0;
    out->linked = 0;
    out->file = NULL;
    out->pinned_count = 0;
    out->loan_count = 0;
    out->dated = -1;
    out->text = text_in(out->memory, sizeof out->memory);
}

static COLD struct output *make(void)
{
    struct output *out = malloc(sizeof *out);

    if (out)
        make_empty(out);
    return out;
}

struct output *output_take(struct output_pool *pool)
{
    struct output *out = pool->free;

    if (!out)
        return make();
    pool->free = out->next;
    return out;
}

void output_pool_release(struct output_pool *pool)
{
    struct output *next;

    for (struct output *out = pool->free; out; out = next) {
        next = out->next;
        free(out);
    }
    pool->free = NULL;
}

static COLD void give_back_loans(struct output *out)
{
    for (int i = 0; i < out->loan_count; i++)
        out->loans[i].release(out->loans[i].owner);
}

static COLD void unpin_all(struct output *out, struct site *site)
{
    for (int i = 0; i < out->pinned_count; i++)
        site_unpin(site, out->pinned[i]);
    if (out->file)
        site_unpin(site, out->file);
}

static void let_go(struct output *out, struct site *site)
{
    if (out->pinned_count > 0 || out->file)
        unpin_all(out, site);
    if (out->loan_count > 0)
        give_back_loans(out);
}

void output_clear(struct output *out, struct site *site)
{
    let_go(out, site);
    make_empty(out);
}

void output_give_back(struct output_pool *pool, struct output *out, struct site *site)
{
    if (!output_is_empty(out))
        output_clear(out, site);
    output_put(pool, out);
}

/* A reply takes at most three entries of the vector: the text before it or of its head, a head that
 * is lent, and a body that is pointed at; the text after the last one takes one more. */
bool output_has_room(const struct output *out)
{
    return !out->file && text_room(&out->text) >= OUTPUT_REPLY_ROOM && out->count + 4 <= IO_IOV_MAX;
}

static inline void link_text(struct output *out)
{
    size_t len = out->text.len - out->linked;

    if (len == 0)
        return;
    CHECK(!out->text.cut);
    CHECK(out->count < IO_IOV_MAX);
    out->iov[out->count++] = (struct iovec){ out->memory + out->linked, len };
    out->linked = out->text.len;
}

static inline void point(struct output *out, const char *bytes, size_t len)
{
    link_text(out);
    CHECK(out->count < IO_IOV_MAX);
    /* An iovec has no const: the engine only reads. */
    out->iov[out->count++] = (struct iovec){ (void *)(uintptr_t)bytes, len };
}

void output_lend(struct output *out, struct str bytes, output_release *release, void *owner)
{
    point(out, bytes.at, bytes.len);
    if (release)
        out->loans[out->loan_count++] = (struct output_loan){ release, owner };
}

void output_point(struct output *out, struct site_entry *entry, const char *bytes, size_t len)
{
    CHECK(out->pinned_count < IO_IOV_MAX);
    point(out, bytes, len);
    out->pinned[out->pinned_count++] = entry;
}

void output_end_with_file(struct output *out, struct site_entry *entry, uint64_t at, uint64_t len)
{
    CHECK(!out->file && len > 0);
    out->file = entry;
    out->file_at = at;
    out->file_len = len;
}

void output_add_content(struct output *out, struct site_entry *entry, uint64_t at, uint64_t len)
{
    CHECK(at <= entry->size && len <= entry->size - at);
    if (len == 0)
        return;
    if (entry->bytes && len <= OUTPUT_COPY_MAX) {
        text_add(&out->text, str_of(entry->bytes + at, (size_t)len));
        return;
    }
    site_pin(entry);
    if (entry->bytes)
        output_point(out, entry, entry->bytes + at, (size_t)len);
    else
        output_end_with_file(out, entry, at, len);
}

void output_link(struct output *out)
{
    link_text(out);
}

void output_send(struct output *out, const struct io_engine *engine, struct io *io,
                 struct io_sock *sock)
{
    link_text(out);
    if (out->file)
        engine->send_file(io, sock, out->iov, out->count, out->file->fd, (off_t)out->file_at,
                          out->file_len);
    else
        engine->send(io, sock, out->iov, out->count);
}

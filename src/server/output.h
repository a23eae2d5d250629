/* output.h - replies put together for one send.
 *
 * Heads and small bodies are copied one behind the other into the output's own memory; larger ones
 * are pointed at where they lie, and the entry they belong to is pinned until the send is over. An
 * output comes from its core's pool and goes back there after IO_SENT. */
#ifndef SERVER_OUTPUT_H
#define SERVER_OUTPUT_H

#include "base/text.h"
#include "io/io.h"
#include "site/site.h"

enum {
    OUTPUT_SIZE = 8192,
    OUTPUT_COPY_MAX = 2048, /* a body up to this is copied: cheaper than one more vector */
    OUTPUT_HEAD_MAX = 1024, /* of any head but a redirect's */
    OUTPUT_REPLY_ROOM = OUTPUT_HEAD_MAX + OUTPUT_COPY_MAX, /* with less, no reply is begun */
};

/* Bytes that were lent are given back by calling release(owner). */
typedef void output_release(void *owner);

struct output_loan {
    output_release *release;
    void *owner;
};

struct output {
    struct output *next; /* the pool's */
    int64_t dated;       /* the second of the reply its memory begins with, or -1 (express.c) */
    struct iovec iov[IO_IOV_MAX];
    int count;
    struct text text; /* in `memory`; what has been added to the vector ends at `linked` */
    size_t linked;
    struct site_entry *file; /* after the vector, this much of it; pinned; or NULL */
    uint64_t file_at, file_len;
    struct site_entry *pinned[IO_IOV_MAX];
    int pinned_count;
    struct output_loan loans[IO_IOV_MAX];
    int loan_count;
    char memory[OUTPUT_SIZE];
};

/* The outputs of one core that nobody uses, all of them empty. */
struct output_pool {
    struct output *free;
};

/* An empty output, or NULL when memory is short. */
struct output *output_take(struct output_pool *pool);

/* Unpin what was pinned, give back what was lent, and put the output back. */
void output_give_back(struct output_pool *pool, struct output *out, struct site *site);
/* Put an empty one back. */
static inline void output_put(struct output_pool *pool, struct output *out)
{
    out->next = pool->free;
    pool->free = out;
}

/* Free them all. None may be in use. */
void output_pool_release(struct output_pool *pool);

/* Empty it again. */
void output_clear(struct output *out, struct site *site);

/* Is there room for any reply whose head is no longer than OUTPUT_HEAD_MAX? */
bool output_has_room(const struct output *out);

/* Point at `bytes` behind the text so far. Takes over a pin on `entry`, which they belong to. */
void output_point(struct output *out, struct site_entry *entry, const char *bytes, size_t len);

/* Point at bytes, at least one, behind the text so far. They are given back with `release`, unless
 * it is NULL, when the send is over. */
void output_lend(struct output *out, struct str bytes, output_release *release, void *owner);

/* End with `len` bytes, at least one, of the file of `entry`, from `at` on. Takes over a pin on it.
 * Nothing may be added after it. */
void output_end_with_file(struct output *out, struct site_entry *entry, uint64_t at, uint64_t len);

/* Some of the bytes of `entry`, in the way that suits them. They are what room is asked for once,
 * together with the head before them. Pins the entry if that is needed. */
void output_add_content(struct output *out, struct site_entry *entry, uint64_t at, uint64_t len);

/* Put the text so far into the vector, as output_send does. */
void output_link(struct output *out);

/* Hand it to the engine. It must not be empty. */
void output_send(struct output *out, const struct io_engine *engine, struct io *io,
                 struct io_sock *sock);

static inline bool output_is_empty(const struct output *out)
{
    return out->count == 0 && out->text.len == 0 && !out->file;
}

#endif

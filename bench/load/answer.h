/* answer.h - read answers as they come, without copying and without keeping their content.
 *
 * Pure: bytes in, how many were used out. A head, a chunk's size line and a trailer line must lie
 * whole in the caller's buffer and are left there until they do; content is used as it comes. What
 * content is still to come is told, so that the caller need not look at it. */
#ifndef LOAD_ANSWER_H
#define LOAD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    ANSWER_MEMORY_MAX = 1024,   /* longer heads are parsed every time */
    ANSWER_CHUNK_LINE_MAX = 256 /* a longer size line or trailer line is an error */
};

enum answer_state {
    ANSWER_HEAD, /* the head is to come */
    ANSWER_CONTENT,
    ANSWER_UNTIL_CLOSE,
    ANSWER_CHUNK_SIZE,
    ANSWER_CHUNK_CONTENT,
    ANSWER_CHUNK_END, /* the line end behind a chunk */
    ANSWER_TRAILER,
    ANSWER_DONE,
};

struct answer {
    uint8_t state;
    bool to_head; /* the request was HEAD: no content, whatever the head says */
    bool close;   /* the server will close, or has to be closed on */
    uint16_t status;
    uint64_t left;   /* content of this run that has not come yet; for ever: UINT64_MAX */
    uint64_t length; /* content so far */
};

/* The last head read and what it said: the same bytes are not parsed twice. */
struct answer_memory {
    size_t len; /* 0: nothing yet */
    struct answer parsed;
    char head[ANSWER_MEMORY_MAX];
};

/* Before the first byte of an answer. */
static inline void answer_begin(struct answer *a, bool to_head)
{
    *a = (struct answer){ .state = ANSWER_HEAD, .to_head = to_head };
}

static inline bool answer_is_done(const struct answer *a)
{
    return a->state == ANSWER_DONE;
}

/* Read on. Returns how many of the `len` bytes it used, none of them behind the end of the answer;
 * 0 when more are needed. -1 when no server may send this. A memory serves one kind of request
 * (HEAD or not) only; NULL does without. */
ssize_t answer_read(struct answer *a, struct answer_memory *memory, const char *bytes, size_t len);

/* How many of the next bytes are content, which nobody needs to look at. */
static inline uint64_t answer_skippable(const struct answer *a)
{
    bool content = a->state == ANSWER_CONTENT || a->state == ANSWER_UNTIL_CLOSE ||
                   a->state == ANSWER_CHUNK_CONTENT;

    return content ? a->left : 0;
}

/* So many bytes of content have come, at most answer_skippable. */
void answer_skip(struct answer *a, uint64_t bytes);

/* The server has closed. Returns whether that was the end of the answer. */
bool answer_close(struct answer *a);

#endif

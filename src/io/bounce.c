#include "io/bounce.h"

#include "base/check.h"
#include "io/send.h"

#include <errno.h>
#include <sys/mman.h>

int bounces_open(struct bounces *b)
{
    void *memory = mmap(NULL, (size_t)BOUNCE_COUNT * BOUNCE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return -ENOMEM;
    *b = (struct bounces){ .memory = memory };
    list_init(&b->free);
    list_init(&b->stalled);
    list_init(&b->waiting);
    for (unsigned i = 0; i < BOUNCE_COUNT; i++) {
        b->all[i].bytes = b->memory + (size_t)i * BOUNCE_SIZE;
        list_append(&b->free, &b->all[i].link);
    }
    return 0;
}

void bounces_free(struct bounces *b)
{
    CHECK(list_count(&b->free) == BOUNCE_COUNT);
    munmap(b->memory, (size_t)BOUNCE_COUNT * BOUNCE_SIZE);
}

static void put_first(struct list *list, struct list *node)
{
    list_append(list->next, node);
}

/* Take the buffer of the socket that has been stalled longest. NULL when none is. */
static struct bounce *rob(struct bounces *b)
{
    struct list *node = list_take(&b->stalled);
    if (!node)
        return NULL;

    struct bounce *bounce = CONTAINER_OF(node, struct bounce, link);
    send_unbounce(bounce->op.sock);
    bounce->op.sock->out.bounce = NULL;
    return bounce;
}

static struct bounce *find(struct bounces *b)
{
    struct list *node = list_take(&b->free);

    return node ? CONTAINER_OF(node, struct bounce, link) : rob(b);
}

struct io_file_op *bounce_read(struct bounces *b, struct io_sock *s)
{
    if (!s->out.bounce)
        s->out.bounce = find(b);
    if (!s->out.bounce) {
        list_append(&b->waiting, &s->waiting);
        return NULL;
    }
    list_remove(&s->out.bounce->link);

    struct io_file_op *op = &s->out.bounce->op;
    *op = (struct io_file_op){
        .kind = IO_FILE_READ,
        .fd = s->out.file_fd,
        .bytes = s->out.bounce->bytes,
        .len = s->out.file_left < BOUNCE_SIZE ? s->out.file_left : BOUNCE_SIZE,
        .offset = s->out.file_at,
        .sock = s,
    };
    return op;
}

bool bounce_filled(struct io_sock *s)
{
    const struct io_file_op *op = &s->out.bounce->op;

    if (op->result <= 0) {
        s->out.result = op->result < 0 ? op->result : -ENODATA;
        return false;
    }
    send_bounced(s, s->out.bounce->bytes, (size_t)op->result);
    return true;
}

void bounce_stall(struct bounces *b, struct io_sock *s)
{
    if (!s->out.bounce)
        return;
    list_remove(&s->out.bounce->link);
    list_append(&b->stalled, &s->out.bounce->link);
}

void bounce_release(struct bounces *b, struct io_sock *s)
{
    list_remove(&s->waiting);
    if (!s->out.bounce)
        return;
    list_remove(&s->out.bounce->link);
    put_first(&b->free, &s->out.bounce->link);
    s->out.bounce = NULL;
}

struct io_sock *bounces_next(struct bounces *b)
{
    struct list *node = NULL;

    if (!list_empty(&b->free) || !list_empty(&b->stalled))
        node = list_take(&b->waiting);
    return node ? CONTAINER_OF(node, struct io_sock, waiting) : NULL;
}

#include "io/buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

int buffers_open(struct buffers *b, unsigned count, unsigned size)
{
    *b = (struct buffers){.count = count, .size = size};
    b->holder = calloc(count, sizeof *b->holder);
    b->stack = calloc(count, sizeof *b->stack);
    b->memory = mmap(NULL, (size_t)count * size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->memory == MAP_FAILED)
        b->memory = NULL;
    if (!b->holder || !b->stack || !b->memory) {
        buffers_free(b);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < count; i++)
        buffers_put(b, (int)(count - 1 - i));
    return 0;
}

void buffers_free(struct buffers *b)
{
    CHECK(b->lent == 0);
    free(b->holder);
    free(b->stack);
    if (b->memory)
        munmap(b->memory, (size_t)b->count * b->size);
}

void buffers_orphan(struct buffers *b, struct io_sock *sock)
{
    for (unsigned i = 0; i < b->count && sock->leases > 0; i++) {
        if (b->holder[i] != sock)
            continue;
        b->holder[i] = &b->nobody;
        b->nobody.leases++;
        sock->leases--;
    }
}

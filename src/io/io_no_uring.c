/* Stands where the io_uring engine would be, in a build without it. */
#include "io/io.h"

#include <errno.h>

static int open_none(struct io **io, const struct io_config *config)
{
    (void)io;
    (void)config;
    return -ENOSYS;
}

const struct io_engine io_uring_engine = {.name = "io_uring", .open = open_none};

bool io_uring_built_in(void)
{
    return false;
}

const char *io_uring_library(void)
{
    return "";
}

int io_uring_probe(char *features, size_t cap)
{
    if (cap > 0)
        features[0] = '\0';
    return -ENOSYS;
}

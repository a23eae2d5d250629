#include "server/spares.h"

#include <fcntl.h>
#include <unistd.h>

void spares_fill(struct spares *spares, int fd)
{
    while (spares->count < SPARES_MAX) {
        int spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (spare < 0)
            return;
        spares->fds[spares->count++] = spare;
    }
}

bool spares_spend(struct spares *spares)
{
    if (spares->count == 0)
        return false;
    close(spares->fds[--spares->count]);
    return true;
}

void spares_release(struct spares *spares)
{
    while (spares_spend(spares))
        continue;
}

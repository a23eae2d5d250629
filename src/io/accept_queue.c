#include "io/accept_queue.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

/* accept(2), "Error handling": network errors of the new socket are to be treated like EAGAIN. */
static const int lost_one[] = {
    ECONNABORTED, EINTR,     EPERM,        EPROTO,      ENETDOWN,
    ENOPROTOOPT,  EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENONET,
};

enum { LOST_IN_A_ROW_MAX = 64 }; /* then it is not about single connections, and a pause is due */

bool accept_queue_lost_one(int error)
{
    for (unsigned i = 0; i < sizeof lost_one / sizeof *lost_one; i++) {
        if (lost_one[i] == error)
            return true;
    }
    return false;
}

int accept_queue_take(int listener)
{
    for (int lost = 0;; lost++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            return fd;
        if (!accept_queue_lost_one(errno) || lost == LOST_IN_A_ROW_MAX)
            return -errno;
    }
}

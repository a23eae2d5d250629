#include "app/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void wait_init(struct wait *wait, enum wait_of of, struct list *changes)
{
    *wait = (struct wait){ .of = of, .changes = changes, .fd = -1 };
    list_init(&wait->changed);
    list_init(&wait->timed);
    list_init(&wait->ready);
}

void wait_note(struct wait *wait)
{
    list_remove(&wait->changed);
    list_append(wait->changes, &wait->changed);
}

void wait_for_time(struct wait *wait, uint32_t ms, bool wanted)
{
    wait->timer_asked = true;
    wait->timer = wanted;
    wait->timer_ms = ms;
    wait_note(wait);
}

static void close_fd(struct wait *wait)
{
    if (wait->fd >= 0)
        close(wait->fd);
    wait->fd = -1;
}

/* Reading a file or a directory waits for no event: poll(2) calls them ready always, and
 * epoll_ctl(2) refuses them. */
static bool can_be_watched(int fd)
{
    struct stat facts;

    return fstat(fd, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode) &&
           !S_ISBLK(facts.st_mode);
}

/* A duplicate may be closed when the wait is over, whatever the program does with its own, and two
 * may wait for the same one. */
static int take_duplicate(struct wait *wait, int fd, unsigned events)
{
    const unsigned known = RINGLET_READABLE | RINGLET_WRITABLE;

    if (events == 0 || (events & ~known) || !can_be_watched(fd))
        return -EINVAL;
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (duplicate < 0)
        return -errno;
    close_fd(wait);
    wait->fd = duplicate;
    wait->events = events;
    return 0;
}

int wait_for_descriptor(struct wait *wait, int fd, unsigned events, bool wanted)
{
    int error = wanted ? take_duplicate(wait, fd, events) : 0;

    if (error)
        return error;
    if (!wanted)
        close_fd(wait);
    wait->descriptor_asked = true;
    wait_note(wait);
    return 0;
}

void wait_drop(struct wait *wait)
{
    list_remove(&wait->changed);
    list_remove(&wait->timed);
    list_remove(&wait->ready);
    close_fd(wait);
}

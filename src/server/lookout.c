#include "server/lookout.h"

#include <stdlib.h>
#include <unistd.h>

static enum io_watch_for purpose_of(unsigned events)
{
    if (events == RINGLET_READABLE)
        return IO_FOR_READING;
    return events == RINGLET_WRITABLE ? IO_FOR_WRITING : IO_FOR_EITHER;
}

static void call_soon(struct core *core, struct wait *wait)
{
    wait->came = true;
    list_remove(&wait->ready);
    list_append(&core->late_ready, &wait->ready);
}

/* Without memory it is called at once: the program finds that it must ask again. */
void lookout_begin(struct core *core, struct wait *wait)
{
    struct lookout *lookout = calloc(1, sizeof *lookout);
    int fd = wait->fd;

    wait->fd = -1;
    if (!lookout) {
        close(fd);
        call_soon(core, wait);
        return;
    }
    lookout->watch.fd = fd;
    lookout->watch.what = purpose_of(wait->events);
    lookout->wait = wait;
    wait->lookout = lookout;
    core->errands++;
    core->source.engine->watch(core->source.io, &lookout->watch);
}

void lookout_end(struct core *core, struct wait *wait)
{
    struct lookout *lookout = wait->lookout;

    wait->came = false;
    if (!lookout)
        return;
    wait->lookout = NULL;
    lookout->wait = NULL;
    core->source.engine->unwatch(core->source.io, &lookout->watch);
}

/* What can't be watched after all is as good as ready, as poll(2) has it: reading does not wait. */
void lookout_ready(struct core *core, struct io_watch *watch)
{
    struct wait *wait = CONTAINER_OF(watch, struct lookout, watch)->wait;

    if (!wait)
        return;
    lookout_end(core, wait);
    call_soon(core, wait);
}

void lookout_over(struct core *core, struct io_watch *watch)
{
    struct lookout *lookout = CONTAINER_OF(watch, struct lookout, watch);

    close(watch->fd);
    free(lookout);
    core->errands--;
}

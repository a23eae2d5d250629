#include "app/body.h"

#include <errno.h>

void body_init(struct ringlet_body *body, const struct endpoint *endpoint, struct list *changes)
{
    *body = (struct ringlet_body){ .endpoint = endpoint };
    wait_init(&body->wait, WAIT_OF_BODY, changes);
}

int ringlet_body_pause(struct ringlet_body *body)
{
    if (!body)
        return -EINVAL;
    body->paused = true;
    return 0;
}

int ringlet_body_more(struct ringlet_body *body)
{
    if (!body)
        return -EINVAL;
    body->paused = false;
    wait_note(&body->wait);
    return 0;
}

int ringlet_body_timer(struct ringlet_body *body, uint32_t ms, ringlet_body_ready *ready)
{
    if (!body)
        return -EINVAL;
    body->timer = ready;
    wait_for_time(&body->wait, ms, ready);
    return 0;
}

int ringlet_body_descriptor(struct ringlet_body *body, int fd, unsigned events,
                            ringlet_body_ready *ready)
{
    int error = body ? wait_for_descriptor(&body->wait, fd, events, ready) : -EINVAL;

    if (!error)
        body->descriptor = ready;
    return error;
}

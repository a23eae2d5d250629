#include "server/content.h"

#include <stdlib.h>

enum { CAP_MIN = 4096 };

struct content *content_make(const struct endpoint *endpoint, struct list *changes)
{
    struct content *content = calloc(1, sizeof *content);

    if (content)
        body_init(&content->body, endpoint, changes);
    return content;
}

/* Doubling: what a client has only announced takes no memory. */
static bool make_room(struct content *content, size_t more)
{
    size_t cap = content->cap ? content->cap : CAP_MIN;

    while (cap - content->len < more)
        cap *= 2;
    if (cap == content->cap)
        return true;
    char *at = realloc(content->at, cap);
    if (!at)
        return false;
    content->at = at;
    content->cap = cap;
    return true;
}

static int add_piece(struct content *content, struct str bytes)
{
    struct ringlet_body *body = &content->body;
    const struct endpoint *endpoint = body->endpoint;
    int status = endpoint->body.piece(body, bytes.at, bytes.len, &body->state, endpoint->data);

    if (status != 0)
        body->paused = false;
    return status == 0 || (status >= 400 && status <= 599) ? status : 500;
}

int content_add(struct content *content, struct str bytes)
{
    if (bytes.len == 0)
        return 0;
    if (content->body.endpoint->body.piece)
        return add_piece(content, bytes);
    if (!make_room(content, bytes.len))
        return 503;
    memcpy(content->at + content->len, bytes.at, bytes.len);
    content->len += bytes.len;
    return 0;
}

void content_free(struct content *content)
{
    if (!content)
        return;
    struct ringlet_body *body = &content->body;
    const struct endpoint *endpoint = body->endpoint;
    wait_drop(&body->wait);
    if (body->state)
        endpoint->body.piece(body, NULL, 0, &body->state, endpoint->data);
    free(content->at);
    free(content);
}

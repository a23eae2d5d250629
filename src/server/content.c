#include "server/content.h"

#include <stdlib.h>

enum { CAP_MIN = 4096 };

struct content *content_make(const struct endpoint *endpoint)
{
    struct content *content = calloc(1, sizeof *content);

    if (content)
        content->endpoint = endpoint;
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
    const struct endpoint *endpoint = content->endpoint;
    int status = endpoint->body.piece(bytes.at, bytes.len, &content->state, endpoint->data);

    return status == 0 || (status >= 400 && status <= 599) ? status : 500;
}

int content_add(struct content *content, struct str bytes)
{
    if (bytes.len == 0)
        return 0;
    if (content->endpoint->body.piece)
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
    if (content->state)
        content->endpoint->body.piece(NULL, 0, &content->state, content->endpoint->data);
    free(content->at);
    free(content);
}

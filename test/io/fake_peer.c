#include "fake_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void fake_queue_add(struct fake_queue *queue, const void *bytes, size_t len)
{
    if (queue->at + queue->len + len > queue->cap) {
        size_t cap = 2 * (queue->len + len);
        char *grown = malloc(cap);
        CHECK(grown);
        if (queue->len > 0)
            memcpy(grown, queue->bytes + queue->at, queue->len);
        free(queue->bytes);
        *queue = (struct fake_queue){ grown, 0, queue->len, cap };
    }
    if (len > 0)
        memcpy(queue->bytes + queue->at + queue->len, bytes, len);
    queue->len += len;
}

size_t fake_queue_take(struct fake_queue *queue, void *bytes, size_t cap)
{
    size_t len = cap < queue->len ? cap : queue->len;

    if (len > 0 && bytes)
        memcpy(bytes, queue->bytes + queue->at, len);
    queue->at += len;
    queue->len -= len;
    if (queue->len == 0)
        queue->at = 0;
    return len;
}

void fake_queue_clear(struct fake_queue *queue)
{
    free(queue->bytes);
    *queue = (struct fake_queue){ 0 };
}

static struct fake_peer *peer_new(struct io *io)
{
    struct fake_peer *peer = calloc(1, sizeof *peer);

    CHECK(peer);
    CHECK(pthread_equal(io->owner, pthread_self()));
    peer->io = io;
    peer->fd = io->fd_next++;
    peer->window = FAKE_WINDOW;
    return peer;
}

struct fake_peer *fake_peer_connect(struct io *io)
{
    struct fake_peer *peer = peer_new(io);

    peer->stage = FAKE_WAITING;
    list_append(&io->waiting, &peer->link);
    return peer;
}

struct fake_peer *fake_peer_pair(struct io *io, int *fd)
{
    struct fake_peer *peer = peer_new(io);

    peer->stage = FAKE_ACCEPTED;
    list_append(&io->conns, &peer->link);
    *fd = peer->fd;
    return peer;
}

void fake_peer_set_window(struct fake_peer *peer, size_t bytes)
{
    peer->window = bytes;
}

size_t fake_peer_write(struct fake_peer *peer, const void *bytes, size_t len)
{
    CHECK(!peer->peer_fin && !peer->peer_gone);
    if (peer->engine_rst || peer->peer_rst)
        return 0;

    size_t room = peer->to_engine.len < peer->window ? peer->window - peer->to_engine.len : 0;
    size_t taken = len < room ? len : room;
    fake_queue_add(&peer->to_engine, bytes, taken);
    return taken;
}

size_t fake_peer_read(struct fake_peer *peer, void *bytes, size_t cap)
{
    CHECK(!peer->peer_gone);
    return fake_queue_take(&peer->to_peer, bytes, cap);
}

void fake_peer_shutdown(struct fake_peer *peer)
{
    peer->peer_fin = true;
}

void fake_peer_reset(struct fake_peer *peer)
{
    peer->peer_rst = true;
    fake_queue_clear(&peer->to_peer);
    if (fake_luck(peer->io, FAKE_CERTAIN / 2))
        fake_queue_clear(&peer->to_engine);
}

void fake_peer_close(struct fake_peer *peer)
{
    if (peer->to_peer.len > 0)
        fake_peer_reset(peer);
    peer->peer_fin = true;
    peer->peer_gone = true;
    fake_conn_release(peer);
}

enum fake_peer_saw fake_peer_saw(const struct fake_peer *peer)
{
    if (peer->engine_rst)
        return FAKE_SAW_RST;
    if (peer->engine_fin && peer->to_peer.len == 0)
        return FAKE_SAW_FIN;
    return FAKE_SAW_NOTHING;
}

size_t fake_peer_unsent(const struct fake_peer *peer)
{
    return peer->to_engine.len;
}

void fake_conn_release(struct fake_peer *conn)
{
    if (!conn->peer_gone || conn->stage != FAKE_DETACHED)
        return;
    list_remove(&conn->link);
    fake_queue_clear(&conn->to_engine);
    fake_queue_clear(&conn->to_peer);
    free(conn);
}

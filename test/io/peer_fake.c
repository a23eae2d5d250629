#include "fake_io.h"
#include "peer.h"

#include <errno.h>

enum { LISTENER = 3 }; /* any number will do */

static struct fake_peer *fake_of(struct peer *peer)
{
    return (struct fake_peer *)(void *)peer;
}

static int fake_listen(struct io *io)
{
    (void)io;
    return LISTENER;
}

static void fake_unlisten(struct io *io, int listener)
{
    (void)io;
    (void)listener;
}

static struct peer *fake_connect(struct io *io, int listener)
{
    (void)listener;
    return (struct peer *)(void *)fake_peer_connect(io);
}

static size_t fake_write(struct peer *peer, const void *bytes, size_t len)
{
    return fake_peer_write(fake_of(peer), bytes, len);
}

static size_t fake_read(struct peer *peer, void *bytes, size_t cap)
{
    return fake_peer_read(fake_of(peer), bytes, cap);
}

static void fake_half_close(struct peer *peer)
{
    fake_peer_shutdown(fake_of(peer));
}

static void fake_reset(struct peer *peer)
{
    fake_peer_reset(fake_of(peer));
}

static void fake_close(struct peer *peer)
{
    fake_peer_close(fake_of(peer));
}

static enum peer_saw fake_saw(struct peer *peer)
{
    switch (fake_peer_saw(fake_of(peer))) {
    case FAKE_SAW_FIN:
        return PEER_SAW_FIN;
    case FAKE_SAW_RST:
        return PEER_SAW_RST;
    case FAKE_SAW_NOTHING:
        break;
    }
    return PEER_SAW_NOTHING;
}

static void fake_take_descriptors(struct io *io)
{
    fake_io_fail_accept(io, EMFILE, 1);
}

static void fake_return_descriptors(struct io *io)
{
    (void)io;
}

static uint64_t fake_clock_ms(struct io *io)
{
    return fake_io_clock_ms(io);
}

const struct peer_ops peer_fake = {
    .listen = fake_listen,
    .unlisten = fake_unlisten,
    .connect = fake_connect,
    .write = fake_write,
    .read = fake_read,
    .half_close = fake_half_close,
    .reset = fake_reset,
    .close = fake_close,
    .saw = fake_saw,
    .take_descriptors = fake_take_descriptors,
    .return_descriptors = fake_return_descriptors,
    .clock_ms = fake_clock_ms,
};

/* peer.h - the other end of a connection, for contract tests that run against every engine.
 *
 * Two kinds: TCP over 127.0.0.1 for the real engines, and the fake engine's own. No call waits for
 * the engine but `connect`, which needs only a listening socket; the test takes turns between the
 * engine and its peers on one thread. */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include "io/io.h"

enum { DESCRIPTORS_MAX = 4096 }; /* of the test program: its limit is at most this */

enum peer_saw { PEER_SAW_NOTHING, PEER_SAW_FIN, PEER_SAW_RST };

struct peer; /* each kind has its own */

struct peer_ops {
    /* A listener to accept from; connections wait in it. */
    int (*listen)(struct io *io);
    void (*unlisten)(struct io *io, int listener);
    struct peer *(*connect)(struct io *io, int listener);

    /* How many bytes were taken now, or were there now. */
    size_t (*write)(struct peer *peer, const void *bytes, size_t len);
    size_t (*read)(struct peer *peer, void *bytes, size_t cap);
    void (*half_close)(struct peer *peer);
    void (*reset)(struct peer *peer);
    /* Also frees it. */
    void (*close)(struct peer *peer);
    /* A FIN is seen when all bytes before it are read. */
    enum peer_saw (*saw)(struct peer *peer);

    /* Make the next accept fail with EMFILE; make descriptors available again, if they are not. */
    void (*take_descriptors)(struct io *io);
    void (*return_descriptors)(struct io *io);
    /* The milliseconds by which the engine's waits are measured. */
    uint64_t (*clock_ms)(struct io *io);
};

extern const struct peer_ops peer_tcp;
extern const struct peer_ops peer_fake;

#endif

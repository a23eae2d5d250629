/* fake_io.h - a third engine: sockets in memory, for tests of what stands above io.
 *
 * It keeps the whole contract of io/io.h and holds its caller to it: a call that breaks the
 * contract (wrong thread, a second send, a lease given back twice, a socket used after close or
 * attached before IO_CLOSED, borrowed bytes changed or freed early, an empty vector, something
 * left over at free) stops the program through CHECK. Every lease is memory of its own, exactly as
 * long as what was received, so AddressSanitizer sees a byte read beyond it or after it was given
 * back.
 *
 * What can happen is up to a seed: how bytes are cut, what comes late and in which order, how a
 * send gets on, when buffers are short. Without a seed everything comes whole and at once. The
 * same seed and the same calls give the same events, unless a helper thread is stuck for longer
 * than FAKE_HELPER_MS. Time is a number: a wait in which nothing can happen adds its timeout to
 * fake_io_clock_ms and returns 0. A wait for ever in which nothing can happen fails a CHECK.
 *
 * The other end of a connection is a struct fake_peer, driven by the test between waits, on the
 * same thread. File operations and jobs are real ones, each on a thread made for it. Watches take
 * real descriptors. A socket's descriptor is only a number, far above any real one. */
#ifndef TEST_FAKE_IO_H
#define TEST_FAKE_IO_H

#include "io/io.h"

enum {
    FAKE_FD_FIRST = 1 << 24,
    FAKE_WINDOW = 64 * 1024, /* bytes a side can be ahead of its reader, unless told otherwise */
    FAKE_HELPER_MS = 1000,   /* a file operation or job that takes longer is looked after later */
    FAKE_STUCK_MS = 2000,    /* and one that takes longer than this lets time pass meanwhile */
    FAKE_CERTAIN = 256,      /* an odd that always comes true */
};

/* Chances out of 256, drawn anew whenever the thing could happen. */
struct fake_io_odds {
    unsigned fragment;  /* received bytes or a send are cut short, often to one byte */
    unsigned delay;     /* what could happen waits for a later step */
    unsigned starve;    /* no buffer is free although some are */
    unsigned interrupt; /* a wait that made progress returns 0, as after a signal */
    unsigned overshoot; /* more arrives after pause or beyond IO_SOCK_LEASES_SOFT */
    unsigned reset;     /* the network resets a connection; seeds leave this 0 */
    unsigned accept;    /* accepting stops with -EMFILE; seeds leave this 0 */
};

struct fake_peer; /* the other end of one connection */

enum fake_peer_saw { FAKE_SAW_NOTHING, FAKE_SAW_FIN, FAKE_SAW_RST };

extern const struct io_engine fake_io_engine;

/* Draw the odds and all that follows from `seed`; right after open. */
void fake_io_seed(struct io *io, uint64_t seed);
void fake_io_set_odds(struct io *io, const struct fake_io_odds *odds);
struct fake_io_odds fake_io_odds(const struct io *io);

/* A number below `below` (at least 1) out of the seed, for choices of the test itself. */
uint64_t fake_io_random(struct io *io, uint64_t below);

/* The fake world's milliseconds; starts at 1,000,000. */
uint64_t fake_io_clock_ms(const struct io *io);
void fake_io_advance(struct io *io, uint64_t ms);

/* The nth operation of this kind from now on (1 is the next) gives -error and is not done; a CLOSE
 * is done nevertheless. One fault per kind is kept. */
void fake_io_fail_file(struct io *io, enum io_file_kind kind, int error, unsigned nth);

/* Accepting stops with -error before the nth connection from now on (1 is the next). */
void fake_io_fail_accept(struct io *io, int error, unsigned nth);

/* Connect to the listener of `io`, whichever it is; the connection waits until it is accepted. All
 * peers not yet closed are freed with the engine. */
struct fake_peer *fake_peer_connect(struct io *io);

/* A connection that never went through accept; *fd is ready for attach. */
struct fake_peer *fake_peer_pair(struct io *io, int *fd);

/* How far the engine may be ahead of fake_peer_read, and fake_peer_write ahead of the engine. */
void fake_peer_set_window(struct fake_peer *peer, size_t bytes);

/* Returns how many bytes were taken: fewer than `len` when the window is full, 0 after a reset. */
size_t fake_peer_write(struct fake_peer *peer, const void *bytes, size_t len);

/* Returns how many bytes were there, 0 when none are: then see fake_peer_saw. */
size_t fake_peer_read(struct fake_peer *peer, void *bytes, size_t cap);

/* Half-close: the engine gets what was written, then the end. */
void fake_peer_shutdown(struct fake_peer *peer);

/* The engine gets -ECONNRESET, perhaps without all that was written. */
void fake_peer_reset(struct fake_peer *peer);

/* As close(2) by a client that goes away: a FIN, or a RST if something was not read; whatever is
 * sent to it from then on is answered by a RST. The peer may not be used any more. */
void fake_peer_close(struct fake_peer *peer);

/* What has come from the engine: a FIN is seen once every byte before it was read. */
enum fake_peer_saw fake_peer_saw(const struct fake_peer *peer);

/* Bytes written and not yet received, or swallowed, by the engine. */
size_t fake_peer_unsent(const struct fake_peer *peer);

#endif

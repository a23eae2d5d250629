/* rig.h - what every contract test stands on: an engine, a listener, and wires.
 *
 * A wire is one connection with both ends. Bytes in either direction are a pattern of their place
 * in the stream, so whoever takes some checks them at once. The rig keeps count of every event and
 * fails the test on one that the contract does not allow: after IO_ENDED, after close, an IO_SENT
 * too many, a lease that is lent already. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "peer.h"

enum {
    RIG_WIRES_MAX = 256,
    RIG_EVENTS = 64,
    RIG_BUFFERS = 128,
    RIG_BUFFER_SIZE = 4096,
    RIG_PATIENCE_MS = 20000, /* real time for anything to come */
};

struct wire {
    struct io_sock sock;
    struct peer *peer;
    bool attached, closing;
    bool keeps;            /* leases are held by the rig, not given back at once */
    uint64_t peer_wrote;   /* stream places, from 0 with each life */
    uint64_t received;
    uint64_t engine_sent;
    uint64_t peer_read;

    unsigned ended, sents, closed; /* events of this life */
    int end_result, sent_result;
    bool sending;
    char *out; /* borrowed by the engine */
};

/* A lease that was not given back. */
struct held {
    struct wire *wire;
    const char *bytes;
    uint64_t place;
    uint32_t len;
    int lease;
    bool alive; /* of this wire's present life */
};

struct rig {
    const struct io_engine *engine;
    const struct peer_ops *peers;
    struct io *io;
    struct io_config config;
    int listener;
    unsigned descriptors; /* open when the rig was opened */
    struct io_event events[RIG_EVENTS];
    struct wire wires[RIG_WIRES_MAX];

    int accepted[RIG_WIRES_MAX]; /* and not yet attached, oldest first */
    unsigned accepted_count;
    bool accepting;
    int accept_result;

    bool lent[4096];
    struct held held[4096];
    unsigned held_count;

    unsigned files_done, worked, became_ready, unwatched;
    uint64_t random;
};

/* Which engine and, for the fake one, which weather; for all rigs from now on. 0 is the calm. */
void rig_choose(const struct io_engine *engine, const struct peer_ops *peers, uint64_t seed);
/* For how long engines poll before they sleep; likewise. Returns what it was before, 0 at first. */
unsigned rig_choose_spin(unsigned spin_us);
bool rig_is_fake(const struct rig *rig);

/* Open the engine and a listener; nothing accepts yet. */
struct rig *rig_open(unsigned buffers);
/* As above, and accept. */
struct rig *rig_open_accepting(void);
void rig_accept(struct rig *rig);
/* Stop, reset what is left, give back what is held, and look for leaks. */
void rig_close(struct rig *rig);

/* One wait, its events taken account of. Returns how many there were. */
int rig_turn(struct rig *rig, int timeout_ms);
/* Take account of one event. */
void rig_take(struct rig *rig, const struct io_event *event);
/* Turns until nothing more comes for a while. */
void rig_settle(struct rig *rig);
/* Nothing can come now: a wait lasts as long as it was told... */
void rig_expect_timeout(struct rig *rig, int timeout_ms);
/* ...and spends it asleep. */
void rig_expect_sleep(struct rig *rig);
/* A turn; but fails the test when its patience is over: `what` did not happen. */
void rig_go_on(struct rig *rig, uint64_t start_ms, const char *what);
uint64_t rig_real_ms(void);
uint64_t rig_random(struct rig *rig, uint64_t below);
void rig_give_back(struct rig *rig, unsigned held);
void rig_give_back_all(struct rig *rig); /* in a random order */

/* Do what follows, then a turn, until the condition holds: RIG_UNTIL(rig, done) what(); */
#define RIG_UNTIL(rig, condition)                                                                  \
    for (uint64_t rig_start_ = rig_real_ms(); !(condition); rig_go_on(rig, rig_start_, #condition))

/* Connect, accept and attach. */
struct wire *wire_open(struct rig *rig);
struct wire *wire_attach(struct rig *rig, struct wire *wire, struct peer *peer, int fd);
/* The peer writes at most `len` bytes now; returns how many. */
size_t wire_write(struct rig *rig, struct wire *wire, size_t len);
/* The peer writes `len` bytes while the engine goes on. */
void wire_write_all(struct rig *rig, struct wire *wire, size_t len);
/* The peer reads, and checks, at most `len` bytes now. */
size_t wire_read(struct rig *rig, struct wire *wire, size_t len);
void wire_read_all(struct rig *rig, struct wire *wire, size_t len);
/* The engine sends `len` bytes in n pieces; the bytes are changed and freed once they are no longer
 * borrowed. */
void wire_send(struct rig *rig, struct wire *wire, size_t len, int n);
void wire_send_file(struct rig *rig, struct wire *wire, size_t head, int n, int fd, off_t offset,
                    size_t len);
void wire_close(struct rig *rig, struct wire *wire, enum io_close_how how);
/* Close what is open of it at both ends, and wait for that. */
void wire_finish(struct rig *rig, struct wire *wire);

/* What every stream holds, from a place in it on. */
void pattern_fill(char *bytes, uint64_t place, size_t len);
bool pattern_matches(const char *bytes, uint64_t place, size_t len);

#endif

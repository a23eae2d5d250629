/* loop.h - one core at work: accepts, serves, drains. Everything happens on the thread that made
 * it. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "server/entrance.h"
#include "server/watcher.h"

enum {
    LOOP_EVENTS = 256,   /* handled in one turn */
    LOOP_BUFFERS = 1024, /* receive buffers of a core */
    LOOP_BUFFER_SIZE = 4096,
    /* Operations on files of a core that may hang at once, each on a helper thread or a worker of
     * the kernel, started when needed. When all do, what is not in memory waits for one to end. */
    LOOP_HELPERS = 64,
    LOOP_DRAIN_LINGER_MS = 1000, /* for the client's FIN after ours, in a drain */
    LOOP_STOP_MS = 500,          /* for the engine to let go, once all is cut */
};

struct loop_setup {
    const struct config *config;
    const struct io_engine *engine;
    int listener;                 /* the loop's from now on, unless loop_init fails; or -1 */
    int tls_listener;             /* likewise, for TLS; -1 where `tls` is NULL */
    const struct tls_config *tls; /* borrowed until loop_init has returned; or NULL: no TLS */
    int orders;                   /* eventfd: written to when loop_drain or loop_stop may be due */
    int root;                     /* directory served; borrowed */
    const char *root_path;        /* absolute; borrowed; NULL: it stays the one it is */
    struct notices *notices;      /* borrowed; or NULL */
    const struct http_mime *mime; /* borrowed; may be NULL */
    const struct rule_book *book; /* borrowed; may be NULL */
    struct access_log *log;       /* borrowed; or NULL */
    uint64_t (*clock_ms)(void);
    uint64_t (*delay_ms)(void); /* as misuse_delay_ms; or NULL */
    void *app_state;            /* of this core; or NULL */
};

enum loop_stage {
    LOOP_SERVING,
    LOOP_DRAINING, /* no new connections; those there are finish */
    LOOP_STOPPING, /* all is cut; the engine lets go */
};

struct loop {
    struct core core;
    struct loop_setup setup;
    enum loop_stage stage;
    uint64_t stage_since_ms;
    struct entrance entrance;
    unsigned cut; /* connections that a stop cut, but for those in a queue */
    bool ordered; /* `orders` was written to since the caller last looked */
    bool watching;
    struct io_watch watch;
    struct watcher watcher;
    struct access_batch batch;
    struct io_event events[LOOP_EVENTS];
};

/* Open the engine, take memory, and begin to accept. 0 or -errno; then nothing is left behind. */
int loop_init(struct loop *loop, const struct loop_setup *setup);

/* Wait for events, and deal with them and with what time has brought. */
void loop_turn(struct loop *loop);

/* Those who come from now on get these certificates; `tls` is borrowed for the call. False when
 * memory is short: then nothing changes. Only where there was TLS from the start. */
bool loop_renew(struct loop *loop, const struct tls_config *tls);

/* Let what is in flight finish and take nothing new, for config->drain_ms at most. */
void loop_drain(struct loop *loop);

/* Cut everything. */
void loop_stop(struct loop *loop);

/* How many connections a stop has cut. */
static inline unsigned loop_cut(const struct loop *loop)
{
    return loop->cut + loop->entrance.cut;
}

/* After loop_drain or loop_stop: has everything ended, or, when stopping, has it had time enough?
 */
bool loop_is_over(const struct loop *loop);

/* Free everything, when it is over. False when the kernel still holds something (a read from a disk
 * that does not answer): then it must stay, and the process should end. */
bool loop_release(struct loop *loop);

#endif

/* stage.h - one core's loop on the fake engine, a small site on disk, and clients of it.
 *
 * Time is the fake engine's: it passes only in a wait in which nothing can happen, or when a test
 * says so. One stage at a time. */
#ifndef TEST_STAGE_H
#define TEST_STAGE_H

#include "answer.h"
#include "fake_io.h"
#include "server/conn.h"
#include "server/loop.h"

enum { STAGE_CLIENTS_MAX = 64, STAGE_TURNS_MAX = 100000 };

/* A file of the site. Its bytes are a pattern of its own. */
struct stage_file {
    const char *target;
    const char *name; /* relative to the root */
    size_t size;
    const char *type;
};

enum stage_files {
    FILE_EMPTY,
    FILE_HELLO,  /* 13 bytes */
    FILE_SMALL,  /* copied behind its head */
    FILE_MIDDLE, /* pointed at */
    FILE_WHOLE,  /* the largest that is held whole */
    FILE_LARGE,  /* the smallest that is not */
    FILE_HUGE,   /* several pieces of a send */
    FILE_INDEX,  /* of a directory */
    FILE_COUNT,
};

extern const struct stage_file stage_files[FILE_COUNT];

/* cmocka's group fixtures: make the site in a directory of its own, and take it away again. */
int stage_build_site(void **state);
int stage_remove_site(void **state);
const char *stage_site(void);

struct client;

struct stage {
    struct config config;
    struct rule_book book;
    struct loop loop;
    struct io *io;
    int root, orders;
    struct access_log log;
    bool logging;
    struct client *clients[STAGE_CLIENTS_MAX];
    unsigned client_count;
    unsigned turns;
};

/* The server's defaults, for one core with room for 64 connections. */
struct config stage_config(void);

/* A loop that serves. The stage copies `config`; config->log is opened if it is named. */
struct stage *stage_open(const struct config *config);
/* One whose connections speak TLS; `tls` is borrowed for the call. */
struct stage *stage_open_secure(const struct config *config, const struct tls_config *tls);
/* One with nothing out of the ordinary. */
struct stage *stage_calm(void);

/* One turn of the loop, after which it and all its connections must be true to their state. With
 * `busy`, or when nobody is there, no time passes. */
void stage_turn(struct stage *stage, bool busy);

/* Let happen what can happen without time passing; clients write and read what they can. */
void stage_settle(struct stage *stage);

/* Let time pass, then settle. */
void stage_pass(struct stage *stage, uint64_t ms);

/* Drain if that was not done, let all clients go, wait for the end, and look for what is left. */
void stage_close(struct stage *stage);

/* After loop_drain or loop_stop and loop_is_over: what must be true then; then free everything. */
void stage_free(struct stage *stage);

/* One client: what it has to say, and what it has heard. The stage owns it. */
struct client {
    struct stage *stage;
    struct fake_peer *peer; /* NULL once it has gone */
    char *out, *in;         /* to be written; read */
    size_t out_at, out_len, out_cap;
    size_t in_at, in_len, in_cap;
    size_t write_max; /* bytes a turn */
    size_t read_max;
    bool finishes; /* half-closes once all is written */
    bool finished;
    enum fake_peer_saw saw;
};

struct client *client_open(struct stage *stage);
void client_say(struct client *client, const char *text);
/* A new client that has said something, or an old one that has said more, and has been heard. */
struct client *client_visit(struct stage *stage, const char *says);
void client_more(struct client *client, const char *says);
/* One who asks for more than fits and reads none of it. */
struct client *client_slow(struct stage *stage);
void client_say_bytes(struct client *client, const void *bytes, size_t len);

/* Write and read what is possible now. Returns whether anything was. */
bool client_pump(struct client *client);

/* As if it had read these bytes. */
void client_heard(struct client *client, const void *bytes, size_t len);

/* As close(2). */
void client_leave(struct client *client);
/* Leave, and make room for another one. */
void client_forget(struct client *client);

/* What it has read and not looked at yet, until it reads more; and look at no more than the rest.
 */
struct str client_unread(const struct client *client);
void client_skip(struct client *client, size_t len);

/* The next answer, which must be there. What it points at is good until the client reads more. */
struct answer client_answer(struct client *client, bool head_only);

/* The next answer must be this page of the server's; returns whether it closes. */
bool client_gets_plain(struct client *client, int status);
/* The next answer must be this file, whole; or its head. */
bool client_gets_file(struct client *client, int file);
bool client_gets_head(struct client *client, int file);
/* There is nothing more, and the connection is open, finished, or broken. */
void client_gets_nothing(struct client *client, enum fake_peer_saw saw);

/* Check an answer against the file that was asked for. */
void expect_file(const struct answer *answer, int file, bool head_only);
/* The same for a 206 with these ranges, in one part if there is one and in as many as there are
 * otherwise. */
struct http_range;
void expect_ranges(const struct answer *answer, int file, const struct http_range *ranges,
                   unsigned count);

#endif

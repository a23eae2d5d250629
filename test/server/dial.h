/* dial.h - a client on a real socket, for the tests that run real engines on real threads. */
#ifndef TEST_DIAL_H
#define TEST_DIAL_H

#include "answer.h"

#include <stdint.h>

enum { DIAL_PATIENCE_MS = 10000 };

struct dial {
    int fd;
    size_t len;
    char bytes[4096];
};

/* Connect to 127.0.0.1. */
struct dial dial_open(uint16_t port);

/* Wait until somebody listens. */
void dial_await(uint16_t port);

/* Say something and read one answer to it. */
struct answer dial_ask(struct dial *dial, const char *request);

/* Say something. */
void dial_say(const struct dial *dial, const char *text);

/* The server must have closed: true at a FIN, false at a reset. */
bool dial_ends(const struct dial *dial);

/* Wait until a descriptor is readable, for as long as patience lasts. */
void dial_wait(int fd);

void dial_close(struct dial *dial);

#endif

/* wishes.h - which codings a client wants, as its field said last.
 *
 * Most of the clients of one time are of few kinds, and each says the same every time: what its
 * field was found to say is remembered until another one comes. */
#ifndef SERVER_WISHES_H
#define SERVER_WISHES_H

#include "http/coding.h"

enum { WISHES_TEXT_MAX = 128 }; /* a longer field is read anew each time */

struct wishes {
    bool known;
    size_t len;
    char text[WISHES_TEXT_MAX];
    struct http_accept_coding accepts;
};

/* What an Accept-Encoding field says. */
struct http_accept_coding wishes_of(struct wishes *wishes, struct str field);

#endif

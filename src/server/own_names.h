/* own_names.h - what this machine is called: its host name and the addresses of its interfaces.
 *
 * For a certificate of its own making. Nothing is asked of the network. */
#ifndef SERVER_OWN_NAMES_H
#define SERVER_OWN_NAMES_H

#include "base/str.h"

enum {
    OWN_NAMES_MAX = 32,  /* what is beyond is left out */
    OWN_NAME_SIZE = 256, /* bytes of a name; a longer one is left out */
};

struct own_names {
    int count;
    struct str names[OWN_NAMES_MAX]; /* in `texts` */
    char texts[OWN_NAMES_MAX][OWN_NAME_SIZE];
};

/* The host name, its first label where it has several, and addresses but for loopback and
 * link-local ones; none of them twice. The struct must stay where it is. */
void own_names_find(struct own_names *names);

#endif

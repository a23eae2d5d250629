/* newcomers.h - clients that have begun to connect, and that no accept(2) shows yet.
 *
 * With TCP_DEFER_ACCEPT a client that is connected, as it sees it, stays out of the listener's
 * queue until it has sent something, or for about a second; closing the listener resets it. Only
 * the kernel's own list of sockets tells of it (sock_diag(7)). */
#ifndef SERVER_NEWCOMERS_H
#define SERVER_NEWCOMERS_H

#include <stdbool.h>

/* Are there any on the port of this listener, or of another one that shares it? Looks through all
 * connections of the machine: a thing for a drain, not for every turn. True as well when the kernel
 * does not say (no sock_diag, or no AF_NETLINK for us); false for what is no listener. */
bool newcomers_are_there(int listener);

#endif

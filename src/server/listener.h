/* listener.h - the sockets connections arrive on: one per core, sharing one port.
 *
 * A second server of the same user could bind the same port with SO_REUSEPORT and take half of the
 * connections, so the port is first bound once without it. A dying ring may hold its listener for
 * a moment after its process is gone, so that is tried again for a second. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include "server/sentence.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    LISTENER_BACKLOG_MAX = 65535,
    LISTENER_RETRY_MS = 1000, /* how long a port in use is tried again */
    LISTENER_RETRY_STEP_MS = 20,
    /* Bytes in the kernel that are not on their way to a client. Without a bound it takes megabytes
     * for each that reads slowly, of memory that all connections of the machine share (tcp_mem in
     * tcp(7)). */
    LISTENER_UNSENT = 256 * 1024,
    /* A client comes into the queue with its request, so that it can be answered on the spot; one
     * that sends nothing comes about so much later (TCP_DEFER_ACCEPT in tcp(7): the kernel counts
     * in repetitions of its SYN-ACK, and the first is sent after a second). Less can't be asked
     * for, and with more a client that only connects would find nobody to talk to. */
    LISTENER_DEFER_S = 1,
    LISTENER_ADDRESS_MAX = 72, /* "[IPv6 address%interface]:65535" and its NUL */
};

/* Read a numeric IPv4 or IPv6 address (with %interface for a link-local one). */
bool listener_address(const char *host, uint16_t port, struct sockaddr_storage *address,
                      socklen_t *len);

/* "127.0.0.1:8080", "[::1]:8080": for the start line and for sentences. */
void listener_name(char out[LISTENER_ADDRESS_MAX], const char *host, uint16_t port);

/* Open `count` listeners: non-blocking, close-on-exec, TCP_NODELAY and TCP_NOTSENT_LOWAT (which
 * accepted sockets inherit), TCP_DEFER_ACCEPT, all of them bound before the first one listens, so
 * that no connection is queued on one of a set that can't be completed. "::" takes both families,
 * every other IPv6 address its own only. *port 0 becomes the one the kernel chose. They are the
 * caller's from then on. 0, or -errno with the reason in *why and nothing left open. */
int listener_open_all(const char *host, uint16_t *port, int *fds, unsigned count,
                      struct sentence *why);

/* Let nobody new into the queue of one listener; who is in it can be accepted, and is not kept from
 * completing a handshake that has begun. Those who have, and have sent nothing yet, come into it
 * with what they send, or a second after they connected (newcomers.h). Before a listener is emptied
 * and closed: a client that came in between the two would be reset, one whose SYN is not answered
 * asks again a second later and is refused or finds the next server. Where the kernel can't,
 * nothing changes. */
void listener_let_nobody_in(int fd);

/* Connections still in their queues are reset. */
void listener_close_all(const int *fds, unsigned count);

#endif

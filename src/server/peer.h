/* peer.h - the address of a connection's other end, as text. */
#ifndef SERVER_PEER_H
#define SERVER_PEER_H

#include <stddef.h>

enum { PEER_NAME_MAX = 46 }; /* INET6_ADDRSTRLEN */

/* Write the address, without its port, for the access log and for handlers. Returns its length, 0
 * when it has none that can be told. One that is IPv4 within IPv6 is written as IPv4. */
size_t peer_name(int fd, char name[PEER_NAME_MAX]);

#endif

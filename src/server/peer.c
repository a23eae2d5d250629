#include "server/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static_assert((int)PEER_NAME_MAX >= (int)INET6_ADDRSTRLEN, "the longest address has room");

size_t peer_name(int fd, char name[PEER_NAME_MAX])
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof address;
    const void *bytes = NULL;

    if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    if (address.ss_family == AF_INET)
        bytes = &((struct sockaddr_in *)&address)->sin_addr;
    if (address.ss_family == AF_INET6) {
        const struct in6_addr *six = &((struct sockaddr_in6 *)&address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(six);
        bytes = mapped ? (const void *)&six->s6_addr[12] : six;
        address.ss_family = mapped ? AF_INET : AF_INET6;
    }
    if (!bytes || !inet_ntop(address.ss_family, bytes, name, PEER_NAME_MAX))
        return 0;
    return strlen(name);
}

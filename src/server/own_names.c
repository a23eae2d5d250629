#include "server/own_names.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

static void add(struct own_names *names, struct str name)
{
    for (int i = 0; i < names->count; i++)
        if (str_equal_nocase(names->names[i], name))
            return;
    if (name.len == 0 || name.len > OWN_NAME_SIZE || names->count == OWN_NAMES_MAX)
        return;
    char *text = names->texts[names->count];
    memcpy(text, name.at, name.len);
    names->names[names->count++] = str_of(text, name.len);
}

static void add_host_name(struct own_names *names)
{
    char name[OWN_NAME_SIZE];

    if (gethostname(name, sizeof name) < 0 || !memchr(name, '\0', sizeof name))
        return;
    add(names, str_from(name));
    add(names, str_of(name, strcspn(name, ".")));
}

static void add_address(struct own_names *names, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in four;
    struct sockaddr_in6 six;

    if (address->sa_family == AF_INET) {
        memcpy(&four, address, sizeof four);
        inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&six, address, sizeof six);
        if (!IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr))
            inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    }
    add(names, str_from(text));
}

void own_names_find(struct own_names *names)
{
    struct ifaddrs *interfaces;

    names->count = 0;
    add_host_name(names);
    if (getifaddrs(&interfaces) < 0)
        return;
    for (const struct ifaddrs *one = interfaces; one; one = one->ifa_next)
        if (one->ifa_addr && !(one->ifa_flags & IFF_LOOPBACK))
            add_address(names, one->ifa_addr);
    freeifaddrs(interfaces);
}

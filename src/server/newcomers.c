#include "server/newcomers.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 8192 }; /* what does not fit is cut: the first message's kind is all we read */

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
};

/* False for what is no TCP listener. */
static bool put_question(int listener, struct question *q)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (getsockname(listener, (struct sockaddr *)&address, &len) < 0)
        return false;
    *q = (struct question){
        .head = { .nlmsg_len = sizeof *q,
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .what = { .sdiag_family = (uint8_t)address.ss_family,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_states = 1U << TCP_SYN_RECV,
                  .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
    };
    if (address.ss_family == AF_INET)
        q->what.id.idiag_sport = ((struct sockaddr_in *)&address)->sin_port;
    else if (address.ss_family == AF_INET6)
        q->what.id.idiag_sport = ((struct sockaddr_in6 *)&address)->sin6_port;
    return q->what.id.idiag_sport != 0;
}

/* The kernel has put its answer together before send(2) returns. */
static bool ask(int netlink, const struct question *q)
{
    char answer[ANSWER_MAX];
    struct nlmsghdr head;

    if (send(netlink, q, sizeof *q, MSG_DONTWAIT) < 0)
        return true;

    ssize_t got = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
    if (got < (ssize_t)sizeof head)
        return true;
    memcpy(&head, answer, sizeof head);
    return head.nlmsg_type != NLMSG_DONE;
}

bool newcomers_are_there(int listener)
{
    struct question q;

    if (!put_question(listener, &q))
        return false;

    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return true;
    bool there = ask(netlink, &q);
    close(netlink);
    return there;
}

#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void dial_wait(int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };

    EXPECT(poll(&poller, 1, DIAL_PATIENCE_MS) == 1);
}

static bool connects(int fd, uint16_t port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

struct dial dial_open(uint16_t port)
{
    struct dial dial = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };

    EXPECT(dial.fd >= 0);
    EXPECT(connects(dial.fd, port));
    return dial;
}

void dial_await(uint16_t port)
{
    bool connected = false;

    for (int tries = 0; !connected; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT(fd >= 0);
        EXPECT(tries < DIAL_PATIENCE_MS / 10);
        connected = connects(fd, port);
        close(fd);
        if (!connected)
            usleep(10000);
    }
}

void dial_say(const struct dial *dial, const char *text)
{
    size_t len = strlen(text);

    EXPECT(send(dial->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len);
}

struct answer dial_ask(struct dial *dial, const char *request)
{
    struct answer answer;

    dial_say(dial, request);
    dial->len = 0;
    while (dial->len == 0 || answer_read(&answer, str_of(dial->bytes, dial->len), false) == 0) {
        dial_wait(dial->fd);
        ssize_t got = recv(dial->fd, dial->bytes + dial->len, sizeof dial->bytes - dial->len, 0);
        EXPECT(got > 0);
        dial->len += (size_t)got;
    }
    return answer;
}

bool dial_ends(const struct dial *dial)
{
    char byte;

    dial_wait(dial->fd);
    ssize_t got = recv(dial->fd, &byte, 1, 0);
    EXPECT(got == 0 || (got < 0 && errno == ECONNRESET));
    return got == 0;
}

void dial_close(struct dial *dial)
{
    close(dial->fd);
    dial->fd = -1;
}

#include "load/pause.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t wanted(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    return set;
}

bool pause_is_possible(const struct options *options)
{
    return options->rate > 0 && options->threads == 1;
}

void pause_block(void)
{
    sigset_t set = wanted();

    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int pause_open(void)
{
    sigset_t set = wanted();

    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Taken before the stop, so that one which comes after it is another. */
void pause_take(int fd)
{
    struct signalfd_siginfo told;

    if (read(fd, &told, sizeof told) == (ssize_t)sizeof told)
        raise(SIGSTOP);
}

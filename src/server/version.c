#include "server/version.h"

#include "io/io.h"
#include "ringlet.h"

#include <string.h>
#include <sys/utsname.h>

static void write_features(FILE *out)
{
    char features[256] = "";
    int result = io_uring_probe(features, sizeof features);

    if (result == 0)
        fprintf(out, "io_uring here: yes; optional features: %s\n", features);
    else
        fprintf(out, "io_uring here: no (%s); epoll is used instead\n", strerror(-result));
}

void version_write(FILE *out)
{
    struct utsname kernel;

    fprintf(out, "ringlet %s\n", RINGLET_VERSION);
    fprintf(out, "engines: %s\n", io_uring_built_in() ? "io_uring, epoll" : "epoll");
    if (io_uring_built_in())
        fprintf(out, "liburing: %s\n", io_uring_library());
    if (uname(&kernel) == 0)
        fprintf(out, "kernel: %s %s\n", kernel.sysname, kernel.release);
    if (io_uring_built_in())
        write_features(out);
}

#include "server/mime_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t count = read(fd, bytes + done, len - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count == 0)
            errno = EBUSY; /* it has become shorter */
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static struct http_mime *parse_types(int fd)
{
    struct stat facts;

    if (fstat(fd, &facts) < 0)
        return NULL;
    if (facts.st_size > MIME_FILE_MAX) {
        errno = EFBIG;
        return NULL;
    }
    size_t len = (size_t)facts.st_size;
    char *bytes = malloc(len + 1);
    struct http_mime *mime = NULL;
    if (bytes && read_all(fd, bytes, len))
        mime = http_mime_parse(str_of(bytes, len));
    free(bytes);
    return mime;
}

struct http_mime *mime_file_read(const char *path)
{
    struct http_mime *mime = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        mime = parse_types(fd);
        int error = errno;
        close(fd);
        errno = error;
    }
    return mime;
}

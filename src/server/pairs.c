#include "server/pairs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN_MAX = 512 }; /* bytes of a name in a sentence, so that its end is not cut */

static int shown(struct str name)
{
    return name.len < SHOWN_MAX ? (int)name.len : SHOWN_MAX;
}

/* Names in a config do not end with a NUL. False, with errno, when it is too long. */
static bool path_of(struct str name, char path[PATH_MAX])
{
    if (name.len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(path, name.at, name.len);
    path[name.len] = '\0';
    return true;
}

/* A pipe is not waited for. -1 with errno. */
static int open_file(struct str name)
{
    char path[PATH_MAX];

    return path_of(name, path) ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
}

static bool refuse(struct sentence *why, const char *option, struct str name, const char *what)
{
    sentence_set(why, "--%s %.*s: %s", option, shown(name), name.at, what);
    return false;
}

static bool refuse_errno(struct sentence *why, const char *option, struct str name, int error)
{
    sentence_set(why, "--%s %.*s: %s; name a file that can be read", option, shown(name), name.at,
                 strerror(error));
    return false;
}

/* Up to `room` bytes; -1 with errno. */
static ssize_t read_bytes(int fd, char *bytes, size_t room)
{
    size_t len = 0;
    ssize_t count = 1;

    while (count != 0 && len < room) {
        count = read(fd, bytes + len, room - len);
        if (count < 0 && errno != EINTR)
            return -1;
        len += count > 0 ? (size_t)count : 0;
    }
    return (ssize_t)len;
}

static void drop(struct str *bytes)
{
    char *memory = (char *)(uintptr_t)bytes->at; /* the pairs' own */

    if (memory)
        tls_clear(memory, bytes->len);
    free(memory);
    *bytes = str_of(NULL, 0);
}

/* NULL, or what is wrong with it; `bytes` are the caller's either way. */
static const char *read_whole(int fd, size_t size, struct str *bytes)
{
    char *memory = malloc(size + 1); /* one more shows that it grows */

    if (!memory)
        return "out of memory";
    ssize_t len = read_bytes(fd, memory, size + 1);
    *bytes = str_of(memory, len > 0 ? (size_t)len : 0);
    if (len < 0)
        return strerrordesc_np(errno);
    return (size_t)len == size ? NULL : "it changes while it is read; put it there by renaming it";
}

static bool read_open(int fd, const char *option, struct str name, struct stat *facts,
                      struct str *bytes, struct sentence *why)
{
    if (fstat(fd, facts) < 0)
        return refuse_errno(why, option, name, errno);
    if (!S_ISREG(facts->st_mode))
        return refuse(why, option, name, "that is not a regular file; name one");
    if (facts->st_size > PAIRS_FILE_MAX)
        return refuse(why, option, name, "it has more than 1 MiB; name a file of PEM");
    if (facts->st_size == 0)
        return refuse(why, option, name, "it is empty; name a file of PEM");
    const char *wrong = read_whole(fd, (size_t)facts->st_size, bytes);
    return !wrong || refuse(why, option, name, wrong);
}

static bool read_file(const char *option, struct str name, struct stat *facts, struct str *bytes,
                      struct sentence *why)
{
    int fd = open_file(name);

    *bytes = str_of(NULL, 0);
    if (fd < 0)
        return refuse_errno(why, option, name, errno);
    bool fine = read_open(fd, option, name, facts, bytes, why);
    close(fd);
    return fine;
}

static bool read_pair(struct tls_pem *pem, struct str cert, struct str key, struct sentence *why,
                      struct sentence *warning)
{
    struct stat facts;

    *pem = (struct tls_pem){ .name = cert };
    if (!read_file("tls-cert", cert, &facts, &pem->certificates, why) ||
        !read_file("tls-key", key, &facts, &pem->key, why))
        return false;
    if ((facts.st_mode & S_IROTH) && warning->text[0] == '\0')
        sentence_set(warning,
                     "--tls-key %.*s: all users of this machine can read this key; take that from "
                     "them (chmod o= FILE)",
                     shown(key), key.at);
    return true;
}

bool pairs_read(struct pairs *pairs, const struct config *config, struct sentence *why,
                struct sentence *warning)
{
    bool fine = true;

    *pairs = (struct pairs){ .count = 0 };
    warning->text[0] = '\0';
    for (unsigned i = 0; fine && i < config->tls_certs.count; i++) {
        fine = read_pair(&pairs->pems[i], config->tls_certs.items[i], config->tls_keys.items[i],
                         why, warning);
        pairs->count++;
    }
    if (!fine)
        pairs_release(pairs);
    return fine;
}

static struct str copy(struct str bytes)
{
    char *memory = malloc(bytes.len + 1);

    if (!memory)
        return str_of(NULL, 0);
    memcpy(memory, bytes.at, bytes.len);
    return str_of(memory, bytes.len);
}

bool pairs_add(struct pairs *pairs, struct str name, struct str certificates, struct str key)
{
    if (pairs->count == CONFIG_PAIRS_MAX)
        return false;
    struct tls_pem *pem = &pairs->pems[pairs->count++];
    *pem = (struct tls_pem){ name, copy(certificates), copy(key) };
    return pem->certificates.at && pem->key.at;
}

void pairs_release(struct pairs *pairs)
{
    for (int i = 0; i < pairs->count; i++) {
        drop(&pairs->pems[i].certificates);
        drop(&pairs->pems[i].key);
    }
    pairs->count = 0;
}

static bool is_readable(const char *option, struct str name, struct sentence *why)
{
    int fd = open_file(name);

    if (fd < 0) {
        int error = errno;
        sentence_set(why,
                     "--%s %.*s: user %u, who is to read it again when it changes, can't: %s; let "
                     "that user or its group read it (chown, chmod)",
                     option, shown(name), name.at, (unsigned)geteuid(), strerror(error));
        return false;
    }
    close(fd);
    return true;
}

bool pairs_are_readable(const struct config *config, struct sentence *why)
{
    for (unsigned i = 0; i < config->tls_certs.count; i++)
        if (!is_readable("tls-cert", config->tls_certs.items[i], why) ||
            !is_readable("tls-key", config->tls_keys.items[i], why))
            return false;
    return true;
}

static struct pairs_stamp stamp_of(struct str name)
{
    char path[PATH_MAX];
    struct stat facts;

    if (!path_of(name, path) || stat(path, &facts) < 0)
        return (struct pairs_stamp){ .error = errno };
    return (struct pairs_stamp){
        .device = facts.st_dev,
        .inode = facts.st_ino,
        .size = facts.st_size,
        .modified = facts.st_mtim,
        .changed = facts.st_ctim,
    };
}

void pairs_look(struct pairs_stamps *stamps, const struct config *config)
{
    *stamps = (struct pairs_stamps){ 0 };
    for (unsigned i = 0; i < config->tls_certs.count; i++) {
        stamps->certs[i] = stamp_of(config->tls_certs.items[i]);
        stamps->keys[i] = stamp_of(config->tls_keys.items[i]);
    }
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct pairs_stamp *a, const struct pairs_stamp *b)
{
    return a->error == b->error && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && same_time(a->modified, b->modified) &&
           same_time(a->changed, b->changed);
}

bool pairs_same(const struct pairs_stamps *a, const struct pairs_stamps *b)
{
    for (size_t i = 0; i < CONFIG_PAIRS_MAX; i++)
        if (!same_stamp(&a->certs[i], &b->certs[i]) || !same_stamp(&a->keys[i], &b->keys[i]))
            return false;
    return true;
}

#include "server/rule_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FILE_MAX = FIELD_RULES_FILE_MAX, /* bytes; a longer one is wrong */
    TRIES_MAX = 3,                   /* to read a file that changes meanwhile */
    SETTLED_SECONDS = 2,             /* coarser than the time stamps of any file system */
};
static_assert((int)FILE_MAX == (int)REDIRECTS_FILE_MAX, "both files may be as long");

const struct str rule_file_paths[RULE_FILES] = {
    [RULE_HEADERS] = STR_INIT("/_headers"),
    [RULE_REDIRECTS] = STR_INIT("/_redirects"),
};

static const char *name_of(enum rule_file file)
{
    return rule_file_paths[file].at + 1;
}

/* A descriptor; -1 with errno. What is no file is not waited for. */
static int open_file(int root, enum rule_file file)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, root, name_of(file), &how, sizeof how);
}

static struct rule_stamp stamp_of(const struct stat *facts)
{
    time_t before = time(NULL) - SETTLED_SECONDS;

    return (struct rule_stamp){
        .there = true,
        .settled = facts->st_mtim.tv_sec < before && facts->st_ctim.tv_sec < before,
        .device = facts->st_dev,
        .inode = facts->st_ino,
        .size = (uint64_t)facts->st_size,
        .modified = facts->st_mtim,
        .changed = facts->st_ctim,
    };
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(const struct rule_stamp *a, const struct rule_stamp *b)
{
    return a->there && b->there && a->error == 0 && a->device == b->device &&
           a->inode == b->inode && a->size == b->size && same_time(a->modified, b->modified) &&
           same_time(a->changed, b->changed);
}

static void set_wrong(struct rule_look *look, enum rule_file file, const char *why)
{
    look->changed[file] = true;
    look->wrong[file] = true;
    look->errors[file] = (struct rule_error){ 0, why };
}

/* It is told once. What says that it is short of something may be gone at the next look. */
static void set_unreadable(struct rule_look *look, enum rule_file file, int error)
{
    if (error == EMFILE || error == ENFILE || error == EAGAIN || error == look->stamps[file].error)
        return;
    look->stamps[file].error = error;
    set_wrong(look, file, strerrordesc_np(error));
}

/* How many bytes there are, up to `room`; negative when they can't be read. */
static ssize_t read_bytes(int fd, char *bytes, size_t room)
{
    size_t len = 0;
    ssize_t count = 1;

    while (count > 0 && len < room) {
        count = pread(fd, bytes + len, room - len, (off_t)len);
        if (count < 0 && errno == EINTR)
            count = 1;
        else if (count > 0)
            len += (size_t)count;
    }
    return count < 0 ? -1 : (ssize_t)len;
}

static void parse(struct rule_look *look, enum rule_file file, struct str text)
{
    struct rule_error *error = &look->errors[file];
    bool fine = file == RULE_HEADERS ? field_rules_parse(&look->headers, text, error)
                                     : redirects_parse(&look->redirects, text, error);

    look->wrong[file] = !fine;
}

/* The same bytes written again change nothing. */
static void judge(struct rule_look *look, enum rule_file file, struct rule_stamp stamp,
                  struct str text)
{
    const struct rule_stamp *known = &look->stamps[file];

    digest_of(text, stamp.digest);
    look->changed[file] = !known->there || memcmp(known->digest, stamp.digest, DIGEST_LEN) != 0;
    if (look->changed[file])
        parse(look, file, text);
    look->stamps[file] = stamp;
}

/* Read it until it is the same before and after. False: `bytes` hold what may be half of it. */
static bool read_steadily(int fd, char *bytes, struct rule_stamp *stamp, ssize_t *len)
{
    struct stat after;

    for (int i = 0; i < TRIES_MAX; i++) {
        *len = read_bytes(fd, bytes, FILE_MAX);
        if (*len < 0 || fstat(fd, &after) < 0)
            return false;
        struct rule_stamp then = stamp_of(&after);
        bool steady = is_same(stamp, &then) && (uint64_t)*len == then.size;
        *stamp = then;
        if (steady)
            return true;
    }
    errno = EAGAIN; /* the next look will find what it has become */
    return false;
}

static void read_file(struct rule_look *look, enum rule_file file, int fd, struct rule_stamp stamp)
{
    char *bytes = malloc(FILE_MAX);
    ssize_t len = -1;

    if (!bytes)
        set_wrong(look, file, "out of memory");
    else if (read_steadily(fd, bytes, &stamp, &len))
        judge(look, file, stamp, str_of(bytes, (size_t)len));
    else
        set_unreadable(look, file, errno);
    free(bytes);
}

static void look_at_open(struct rule_look *look, enum rule_file file, int fd)
{
    struct stat facts;

    if (fstat(fd, &facts) < 0) {
        set_unreadable(look, file, errno);
        return;
    }
    struct rule_stamp stamp = stamp_of(&facts);
    if (is_same(&look->stamps[file], &stamp) && look->stamps[file].settled)
        return;
    if (S_ISREG(facts.st_mode) && facts.st_size <= FILE_MAX) {
        read_file(look, file, fd, stamp);
        return;
    }
    if (!is_same(&look->stamps[file], &stamp))
        set_wrong(look, file, S_ISREG(facts.st_mode) ? "more than 1 MiB" : "it is no file");
    look->stamps[file] = stamp;
}

static void look_at(struct rule_look *look, enum rule_file file, int root)
{
    int fd = open_file(root, file);

    if (fd >= 0) {
        look_at_open(look, file, fd);
        close(fd);
    } else if (errno == ENOENT) {
        look->changed[file] = look->stamps[file].there;
        look->stamps[file] = (struct rule_stamp){ .there = false };
    } else {
        set_unreadable(look, file, errno);
    }
}

void rule_look_begin(struct rule_look *look, const struct rule_files *known)
{
    *look = (struct rule_look){ .changed = { false } };
    memcpy(look->stamps, known->stamps, sizeof look->stamps);
}

void rule_look_run(struct rule_look *look, int root)
{
    for (enum rule_file file = 0; file < RULE_FILES; file++)
        look_at(look, file, root);
}

bool rule_files_take(struct rule_files *files, struct rule_look *look)
{
    bool other = false;

    if (look->changed[RULE_HEADERS] && !look->wrong[RULE_HEADERS]) {
        field_rules_release(&files->headers);
        files->headers = look->headers;
        other = true;
    }
    if (look->changed[RULE_REDIRECTS] && !look->wrong[RULE_REDIRECTS]) {
        redirects_release(&files->redirects);
        files->redirects = look->redirects;
        other = true;
    }
    memcpy(files->stamps, look->stamps, sizeof files->stamps);
    return other;
}

static uint64_t version_of(const struct rule_stamp *stamp)
{
    const uint64_t words[] = {
        (uint64_t)stamp->error,
        stamp->device,
        stamp->inode,
        stamp->size,
        (uint64_t)stamp->changed.tv_sec,
        (uint64_t)stamp->changed.tv_nsec,
    };
    uint64_t version = 1;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        version = (version ^ words[i]) * 0x9e3779b97f4a7c15u;
    return version | 1;
}

bool rule_look_complaint(const struct rule_look *look, enum rule_file file, struct sentence *why,
                         uint64_t *version)
{
    const struct rule_error *error = &look->errors[file];

    if (!look->wrong[file])
        return false;
    *version = version_of(&look->stamps[file]);
    if (error->line > 0)
        sentence_set(why, "%s line %u: %s", name_of(file), error->line, error->why);
    else
        sentence_set(why, "%s: %s", name_of(file), error->why);
    return true;
}

void rule_files_release(struct rule_files *files)
{
    field_rules_release(&files->headers);
    redirects_release(&files->redirects);
}

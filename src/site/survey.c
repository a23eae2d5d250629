#include "site/survey.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* What happens to names. IN_MASK_ADD: another way may watch the same directory. */
#define NAMES_MASK                                                                                 \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |         \
     IN_ONLYDIR | IN_MASK_ADD)

/* And to what they stand for. IN_CLOSE_WRITE also tells of what was written through a mapping. */
#define CONTENT_MASK (NAMES_MASK | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_EXCL_UNLINK)

/* To a directory on the way to a root, and not to what lies in it; and to a link, of which
 * IN_ATTRIB tells that its last name goes. (A link in /proc/self/fd leads to what the descriptor
 * stands for, even to a link, and no further.) */
#define ITSELF_MASK (IN_DELETE_SELF | IN_MOVE_SELF | IN_MASK_ADD)
#define LINK_MASK   (ITSELF_MASK | IN_ATTRIB)

enum { OVERLAY = 0x794c7630 };

/* Those on which somebody else, or another way to the same files, can change them unseen: f_type of
 * statfs(2). */
static const struct {
    unsigned long type;
    const char *name;
} silent[] = {
    { 0x6969, "NFS" },       { 0x517b, "SMB" },        { 0xff534d42, "CIFS" },
    { 0xfe534d42, "SMB" },   { 0x65735546, "FUSE" },   { 0x01021997, "9p" },
    { OVERLAY, "overlay" },  { 0x61756673, "aufs" },   { 0x5346414f, "AFS" },
    { 0x6b414653, "AFS" },   { 0x73757245, "Coda" },   { 0x00c36400, "Ceph" },
    { 0x01161970, "GFS2" },  { 0x7461636f, "OCFS2" },  { 0x0bd00bd0, "Lustre" },
    { 0x47504653, "GPFS" },  { 0x786f4256, "vboxsf" }, { 0x9fa0, "proc" },
    { 0x62656572, "sysfs" },
};

/* One walk: where it is, and what is left of its way. */
struct walk {
    struct survey *survey;
    int dir;                    /* O_PATH; never the survey's root itself */
    char todo[SURVEY_PATH_MAX]; /* ends with a NUL */
    char real[SURVEY_PATH_MAX]; /* the names of the directories down to `dir`, each with a slash */
    size_t real_len;
    unsigned links;
};

/* What a step comes to. */
enum outcome { GO_ON, THERE, NOT_THERE, UNWATCHED };

struct survey *survey_make(int inotify, int root, struct str path)
{
    struct survey *survey = malloc(sizeof *survey);

    if (!survey)
        return NULL;
    survey->inotify = inotify;
    survey->root = root;
    survey->path = path;
    survey->watched = false;
    survey->error = 0;
    survey->fs = NULL;
    survey->end = survey->fd = -1;
    survey->step_count = survey->names_len = 0;
    return survey;
}

void survey_free(struct survey *survey)
{
    CHECK(survey->fd < 0);
    free(survey);
}

static enum outcome unwatched(struct walk *w, int error)
{
    w->survey->error = error;
    return UNWATCHED;
}

static int open_beneath(int root, const char *path)
{
    const struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int open_start(const struct survey *survey)
{
    return survey->root < 0 ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
                            : openat(survey->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static enum outcome move_to(struct walk *w, int fd)
{
    if (fd < 0)
        return unwatched(w, errno);
    if (w->dir >= 0)
        close(w->dir);
    w->dir = fd;
    return GO_ON;
}

static enum outcome start_again(struct walk *w)
{
    w->real_len = 0;
    w->real[0] = '\0';
    return move_to(w, open_start(w->survey));
}

/* An overlay tells what happens through itself, which is enough for the names above a root. */
static bool is_silent(struct walk *w)
{
    struct statfs facts;

    if (fstatfs(w->dir, &facts) < 0)
        return false;
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        if ((unsigned long)facts.f_type == silent[i].type)
            w->survey->fs = silent[i].name;
    if ((unsigned long)facts.f_type == OVERLAY && w->survey->root < 0)
        w->survey->fs = NULL;
    return w->survey->fs;
}

/* The watch of what a descriptor stands for, or -1 with errno. */
static int watch(const struct walk *w, int fd, uint32_t mask)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return inotify_add_watch(w->survey->inotify, path, mask);
}

static int watch_here(const struct walk *w)
{
    return watch(w, w->dir, w->survey->root < 0 ? NAMES_MASK : CONTENT_MASK);
}

/* `number` is that of a watch, or -1 with errno. */
static enum outcome add_step(struct walk *w, int number, struct str name)
{
    struct survey *survey = w->survey;

    if (number < 0)
        return unwatched(w, errno);
    if (survey->step_count == SURVEY_STEPS_MAX || survey->names_len + name.len > SURVEY_NAMES_MAX)
        return unwatched(w, ENAMETOOLONG);
    survey->steps[survey->step_count++] =
        (struct survey_step){ number, (uint16_t)survey->names_len, (uint16_t)name.len };
    if (name.len > 0)
        memcpy(survey->names + survey->names_len, name.at, name.len);
    survey->names_len += (unsigned)name.len;
    return GO_ON;
}

/* Watch the name in the directory where we are. */
static enum outcome watch_name(struct walk *w, struct str name)
{
    if (is_silent(w))
        return UNWATCHED;
    return add_step(w, watch_here(w), name);
}

static enum outcome go_up(struct walk *w)
{
    if (w->real_len == 0)
        return w->survey->root < 0 ? GO_ON : NOT_THERE;
    w->real_len--;
    while (w->real_len > 0 && w->real[w->real_len - 1] != '/')
        w->real_len--;
    w->real[w->real_len] = '\0';
    if (w->real_len == 0)
        return start_again(w);

    int start = open_start(w->survey);
    if (start < 0)
        return unwatched(w, errno);
    int fd = open_beneath(start, w->real);
    int error = errno;
    close(start);
    errno = error;
    return move_to(w, fd);
}

static enum outcome go_down(struct walk *w, int fd, struct str name)
{
    if (w->real_len + name.len + 2 > sizeof w->real) {
        close(fd);
        return unwatched(w, ENAMETOOLONG);
    }
    memcpy(w->real + w->real_len, name.at, name.len);
    w->real_len += name.len;
    w->real[w->real_len++] = '/';
    w->real[w->real_len] = '\0';
    return move_to(w, fd);
}

/* Put what the link holds before what is left of the way. */
static enum outcome follow(struct walk *w, int fd, const char *rest)
{
    char target[SURVEY_PATH_MAX];
    ssize_t len = readlinkat(fd, "", target, sizeof target);
    size_t rest_len = strlen(rest);
    int error = errno;

    close(fd);
    if (len < 0)
        return unwatched(w, error);
    if (++w->links > SURVEY_LINKS_MAX || len == 0)
        return NOT_THERE;
    if ((size_t)len + 1 + rest_len + 1 > sizeof w->todo)
        return NOT_THERE;
    bool absolute = target[0] == '/';
    if (absolute && w->survey->root >= 0)
        return NOT_THERE;
    memmove(w->todo + len + 1, rest, rest_len + 1);
    memcpy(w->todo, target, (size_t)len);
    w->todo[len] = '/';
    if (rest_len == 0)
        w->todo[len] = '\0';
    return absolute ? start_again(w) : GO_ON;
}

static enum outcome not_opened(struct walk *w, int error)
{
    bool passing = error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO ||
                   error == ESTALE || error == EINTR;

    return passing ? unwatched(w, error) : NOT_THERE;
}

/* Above a root, what stands for the name is watched, not the directory it lies in, which may be a
 * busy one. The name must still stand for it when that is done. */
static enum outcome watch_itself(struct walk *w, int fd, const char *name, const struct stat *facts)
{
    uint32_t mask = S_ISLNK(facts->st_mode) ? LINK_MASK : ITSELF_MASK;
    struct stat again;
    enum outcome outcome = is_silent(w) ? UNWATCHED : add_step(w, watch(w, fd, mask), STR(""));

    if (outcome == GO_ON && (fstatat(w->dir, name, &again, AT_SYMLINK_NOFOLLOW) < 0 ||
                             again.st_ino != facts->st_ino || again.st_dev != facts->st_dev))
        outcome = unwatched(w, EAGAIN);
    return outcome;
}

static int open_name(const struct walk *w, const char *name)
{
    return openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* The name must be watched where it lies: below a root always; above it where there is nothing to
 * watch yet, and at the end. A root that is removed tells nothing itself, as it is held open. */
static enum outcome find_name(struct walk *w, const char *name, bool last, int *fd)
{
    bool above = w->survey->root < 0;
    enum outcome outcome = GO_ON;

    *fd = -1;
    if (above && !last)
        *fd = open_name(w, name);
    if (*fd < 0)
        outcome = watch_name(w, str_from(name));
    if (*fd < 0 && outcome == GO_ON)
        *fd = open_name(w, name);
    if (*fd < 0 && outcome == GO_ON)
        outcome = not_opened(w, errno);
    return outcome;
}

static enum outcome go_on_from(struct walk *w, int fd, const struct stat *facts, const char *name,
                               const char *rest)
{
    if (S_ISLNK(facts->st_mode))
        return follow(w, fd, rest);
    if (S_ISDIR(facts->st_mode)) {
        memmove(w->todo, rest, strlen(rest) + 1);
        return go_down(w, fd, str_from(name));
    }
    close(fd);
    return NOT_THERE; /* or a file, which is where a way may end, too */
}

/* Take one name, and go where it leads. */
static enum outcome look_up(struct walk *w, struct str part, const char *rest)
{
    char name[SURVEY_PATH_MAX];
    struct stat facts;
    int fd;

    memcpy(name, part.at, part.len);
    name[part.len] = '\0';
    enum outcome outcome = find_name(w, name, rest[strspn(rest, "/")] == '\0', &fd);
    if (outcome != GO_ON)
        return outcome;
    if (fstatat(fd, "", &facts, AT_EMPTY_PATH) < 0)
        outcome = unwatched(w, errno);
    else if (w->survey->root < 0)
        outcome = watch_itself(w, fd, name, &facts);
    if (outcome == GO_ON)
        return go_on_from(w, fd, &facts, name, rest);
    close(fd);
    return outcome;
}

static enum outcome step(struct walk *w)
{
    const char *at = w->todo + strspn(w->todo, "/");
    size_t len = strcspn(at, "/");
    struct str name = str_of(at, len);

    if (len == 0)
        return THERE;
    if (!str_equal(name, STR(".")) && !str_equal(name, STR("..")))
        return look_up(w, name, at + len);
    memmove(w->todo, at + len, strlen(at + len) + 1);
    return name.len == 1 ? GO_ON : go_up(w);
}

/* It leads to a directory. Below a root what lies in it will be asked for. */
static enum outcome arrive(struct walk *w)
{
    struct survey *survey = w->survey;
    struct stat facts;

    if (survey->root >= 0) {
        if (is_silent(w))
            return UNWATCHED;
        survey->end = watch_here(w);
        return survey->end < 0 ? unwatched(w, errno) : THERE;
    }
    if (fstatat(w->dir, "", &facts, AT_EMPTY_PATH) < 0)
        return unwatched(w, errno);
    survey->device = facts.st_dev;
    survey->inode = facts.st_ino;
    survey->fd = w->dir;
    w->dir = -1;
    return THERE;
}

void survey_run(struct survey *survey)
{
    struct walk w = { .survey = survey, .dir = -1 };
    enum outcome outcome;

    if (survey->path.len >= sizeof w.todo) {
        survey->error = ENAMETOOLONG;
        return;
    }
    if (survey->path.len > 0)
        memcpy(w.todo, survey->path.at, survey->path.len);
    outcome = start_again(&w);
    while (outcome == GO_ON)
        outcome = step(&w);
    if (outcome == THERE)
        outcome = arrive(&w);
    survey->watched = outcome != UNWATCHED;
    if (w.dir >= 0)
        close(w.dir);
}

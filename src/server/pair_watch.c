#include "server/pair_watch.h"

#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WAY = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR | IN_MASK_ADD,
    ENTRIES = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | WAY,
    /* A directory that can be entered, but not read, can't be watched; the file in it can. */
    FILE_ITSELF = IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_MASK_ADD,
};

/* A name that is being followed: what is left of it, and the directory that has been reached, in
 * which no link is left. */
struct walk {
    int fd;
    int links;
    char reached[PATH_MAX]; /* "" or ends with '/' */
    char rest[PATH_MAX];
};

static const char *directory(const struct walk *walk)
{
    return walk->reached[0] == '\0' ? "." : walk->reached;
}

/* Append to what was reached. False when that gets too long. */
static bool enter(struct walk *walk, struct str name, const char *end)
{
    struct text at = text_in(walk->reached, sizeof walk->reached - 1);

    at.len = strlen(walk->reached);
    text_add(&at, name);
    text_add(&at, str_from(end));
    walk->reached[at.len] = '\0';
    return !at.cut;
}

/* Put where a link leads before the rest. `at` is the length of what was reached before it. False
 * when there are too many, or it gets too long. */
static bool follow(struct walk *walk, size_t at)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t len = readlink(walk->reached, target, sizeof target);

    if (len <= 0 || ++walk->links > PAIR_WATCH_LINKS_MAX)
        return false;
    struct text joined = text_in(rest, sizeof rest - 1);
    text_add(&joined, str_of(target, (size_t)len));
    text_add(&joined, STR("/"));
    text_add(&joined, str_from(walk->rest));
    rest[joined.len] = '\0';
    memcpy(walk->rest, rest, joined.len + 1);
    walk->reached[target[0] == '/' ? 0 : at] = '\0';
    return !joined.cut && (target[0] != '/' || enter(walk, STR("/"), ""));
}

/* Cut the next component off the rest. */
static struct str next_component(struct walk *walk, char component[NAME_MAX + 1])
{
    const char *from = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(from, "/");

    if (len > NAME_MAX)
        return str_of("", 0);
    memcpy(component, from, len);
    memmove(walk->rest, from + len, strlen(from + len) + 1);
    return str_of(component, len);
}

static bool is_over(const struct walk *walk)
{
    return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* One component further. False at the end of the way. */
static bool step(struct walk *walk)
{
    char component[NAME_MAX + 1];
    struct str name = next_component(walk, component);
    size_t before = strlen(walk->reached);
    struct stat facts;

    if (name.len == 0)
        return false;
    inotify_add_watch(walk->fd, directory(walk), WAY);
    bool there = enter(walk, name, "") && lstat(walk->reached, &facts) == 0;
    bool link = there && S_ISLNK(facts.st_mode), folder = there && S_ISDIR(facts.st_mode);
    if (!folder) {
        char last = walk->reached[before];
        walk->reached[before] = '\0';
        inotify_add_watch(walk->fd, directory(walk), ENTRIES);
        walk->reached[before] = last;
    }
    if (link)
        return follow(walk, before);
    if (folder && !is_over(walk))
        return enter(walk, STR("/"), "");
    if (there)
        inotify_add_watch(walk->fd, walk->reached, FILE_ITSELF);
    return false;
}

/* Best effort: what can't be watched is read again when that is asked for. */
static void watch_name(int fd, struct str name)
{
    struct walk walk = { .fd = fd };

    if (name.len == 0 || name.len >= sizeof walk.rest)
        return;
    memcpy(walk.rest, name.at, name.len);
    walk.rest[name.len] = '\0';
    if (walk.rest[0] == '/' && !enter(&walk, STR("/"), ""))
        return;
    while (step(&walk))
        continue;
}

static void watch_list(int fd, const struct config_list *names)
{
    for (unsigned i = 0; i < names->count; i++)
        watch_name(fd, names->items[i]);
}

int pair_watch_start(struct pair_watch *watch, const struct config *config)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int error = fd < 0 ? -errno : 0;

    if (!error) {
        watch_list(fd, &config->tls_certs);
        watch_list(fd, &config->tls_keys);
    }
    pair_watch_stop(watch);
    watch->fd = fd;
    return error;
}

void pair_watch_stir(struct pair_watch *watch, uint64_t now_ms)
{
    char events[4096]; /* what they say is not looked at */

    while (read(watch->fd, events, sizeof events) > 0)
        continue;
    if (!watch->stirred)
        watch->first_ms = now_ms;
    watch->stirred = true;
    watch->last_ms = now_ms;
}

static uint64_t due_ms(const struct pair_watch *watch)
{
    uint64_t calm_ms = watch->last_ms + PAIR_WATCH_CALM_MS;
    uint64_t most_ms = watch->first_ms + PAIR_WATCH_MOST_MS;

    return calm_ms < most_ms ? calm_ms : most_ms;
}

int pair_watch_wait_ms(const struct pair_watch *watch, uint64_t now_ms)
{
    if (!watch->stirred)
        return -1;
    return due_ms(watch) > now_ms ? (int)(due_ms(watch) - now_ms) : 0;
}

bool pair_watch_is_due(const struct pair_watch *watch, uint64_t now_ms)
{
    return pair_watch_wait_ms(watch, now_ms) == 0;
}

void pair_watch_stop(struct pair_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    *watch = (struct pair_watch){ .fd = -1 };
}

#include "server/watcher.h"

#include "server/sentence.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

/* What would let it be watched. */
static const char *remedy(int error)
{
    switch (error) {
    case ENOSPC:
        return "raise sysctl fs.inotify.max_user_watches";
    case EMFILE:
        return "raise sysctl fs.inotify.max_user_instances, or the limit on open files";
    case EACCES:
    case EPERM:
        return "let the server's user read the directories";
    case ENOENT:
        return "mount /proc";
    case ENOSYS:
        return "allow inotify(7)";
    default:
        return "see inotify(7)";
    }
}

/* The first of all cores says it. */
static void say_unwatched(struct watcher *watcher, int error, const char *fs)
{
    struct sentence why;

    if (!watcher->notices || atomic_exchange(&watcher->notices->unwatched, true))
        return;
    if (fs)
        sentence_set(&why, "%s does not tell of all changes", fs);
    else
        sentence_set(&why, "%s; %s", strerror(error), remedy(error));
    fprintf(stderr, "ringlet: %s: not everything is watched (%s): it is looked at every second\n",
            watcher->root, why.text);
}

void watcher_init(struct watcher *watcher, const char *root, struct notices *notices)
{
    *watcher = (struct watcher){ .root = root, .notices = notices };
    watcher->watch.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watcher->watch.fd < 0)
        say_unwatched(watcher, errno, NULL);
}

void watcher_release(struct watcher *watcher)
{
    if (watcher->watch.fd >= 0)
        close(watcher->watch.fd);
    watcher->watch.fd = -1;
}

void watcher_start(struct watcher *watcher, const struct io_engine *engine, struct io *io)
{
    if (watcher->watch.fd < 0)
        return;
    engine->watch(io, &watcher->watch);
    watcher->watching = true;
}

void watcher_stop(struct watcher *watcher, const struct io_engine *engine, struct io *io)
{
    if (watcher->watching)
        engine->unwatch(io, &watcher->watch);
}

static void say_lost(struct watcher *watcher, uint64_t now_ms)
{
    if (!watcher->notices)
        return;
    uint64_t last = atomic_load(&watcher->notices->lost_ms);
    if (last != 0 && now_ms - last < WATCHER_TELL_MS)
        return;
    if (atomic_compare_exchange_strong(&watcher->notices->lost_ms, &last, now_ms))
        fprintf(stderr,
                "ringlet: %s: more changed than could be told (raise sysctl "
                "fs.inotify.max_queued_events): everything is looked at again\n",
                watcher->root);
}

/* inotify(7) pads a name with NULs. */
static void tell(struct watcher *watcher, struct site *site, const struct inotify_event *event,
                 uint64_t now_ms)
{
    struct str name = str_of(event->name, event->len > 0 ? strnlen(event->name, event->len) : 0);

    if (event->mask & IN_Q_OVERFLOW)
        say_lost(watcher, now_ms);
    site_changed(site, event->wd, event->mask, name);
}

static bool read_some(struct watcher *watcher, struct site *site, uint64_t now_ms)
{
    _Alignas(struct inotify_event) char bytes[WATCHER_READ];
    ssize_t len = read(watcher->watch.fd, bytes, sizeof bytes);
    size_t at = 0;

    while (len > 0 && at < (size_t)len) {
        const struct inotify_event *event = (const void *)(bytes + at);
        tell(watcher, site, event, now_ms);
        at += sizeof *event + event->len;
    }
    return len > 0 || (len < 0 && errno == EINTR);
}

void watcher_read(struct watcher *watcher, struct site *site, uint64_t now_ms)
{
    watcher->more = true;
    for (int i = 0; i < WATCHER_READS_MAX && watcher->more; i++)
        watcher->more = read_some(watcher, site, now_ms);
}

void watcher_tidy(struct watcher *watcher, struct site *site)
{
    int number;

    while ((number = site_dead_watch(site)) >= 0)
        inotify_rm_watch(watcher->watch.fd, number);
    if (site->complaint.due)
        say_unwatched(watcher, site->complaint.error, site->complaint.fs);
    site->complaint.due = false;
}

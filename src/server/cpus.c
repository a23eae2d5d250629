#include "server/cpus.h"

#include "base/check.h"
#include "server/config.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

enum {
    CGROUP_TEXT_MAX = 16 * 1024,    /* of /proc/self/mountinfo; the rest is not looked at */
    CGROUP_DEPTH_MAX = 64,          /* ancestors looked at */
    CGROUP_DIR_MAX = PATH_MAX - 32, /* leaves room for a file's name */
};

static_assert(CORES_MAX == CPU_SETSIZE, "a cpu_set_t holds every CPU we can name");

unsigned cpus_allowed(int *cpus)
{
    cpu_set_t set;
    unsigned count = 0;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[count++] = (int)cpu;
    return count;
}

static bool holds(const int *cpus, unsigned count, int cpu)
{
    for (unsigned i = 0; i < count; i++)
        if (cpus[i] == cpu)
            return true;
    return false;
}

/* "3" or "0-2", both ends included. */
static bool read_span(struct str span, int *first, int *last)
{
    const char *dash = span.len > 0 ? memchr(span.at, '-', span.len) : NULL;
    size_t len = dash ? (size_t)(dash - span.at) : span.len;
    unsigned long long from, to;

    if (!str_number(str_of(span.at, len), INT_MAX, &from))
        return false;
    to = from;
    if (dash && !str_number(str_of(dash + 1, span.len - len - 1), INT_MAX, &to))
        return false;
    *first = (int)from;
    *last = (int)to;
    return from <= to;
}

static void refuse_cpu(int cpu, const int *allowed, unsigned count, struct sentence *why)
{
    char list[256];
    struct text text = text_in(list, sizeof list);

    cpus_write(&text, allowed, count);
    sentence_set(why,
                 "CPU %d is not one this process may use; allowed are %.*s%s, more with "
                 "taskset or the container's cpuset",
                 cpu, (int)text.len, list, text.cut ? ",..." : "");
}

unsigned cpus_parse(struct str list, const int *allowed, unsigned count, int *cpus,
                    struct sentence *why)
{
    unsigned named = 0;
    bool ends_open = list.len == 0 || list.at[list.len - 1] == ',';
    struct str span;

    while (!ends_open && str_next(&list, ',', &span)) {
        int first = 0, last = 0;
        ends_open = !read_span(span, &first, &last);
        for (int cpu = first; !ends_open && cpu <= last; cpu++) {
            if (!holds(allowed, count, cpu)) {
                refuse_cpu(cpu, allowed, count, why);
                return 0;
            }
            if (holds(cpus, named, cpu)) {
                sentence_set(why, "CPU %d is named twice; name each CPU once", cpu);
                return 0;
            }
            cpus[named++] = cpu;
        }
    }
    if (!ends_open)
        return named;
    sentence_set(why, "that is not a list of CPUs; write numbers and ranges, as in 0,2-3");
    return 0;
}

void cpus_write(struct text *out, const int *cpus, unsigned count)
{
    for (unsigned i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && cpus[end] == cpus[end - 1] + 1;)
            end++;
        if (i > 0)
            text_add(out, STR(","));
        text_add_number(out, (unsigned)cpus[i]);
        if (end - i > 1) {
            text_add(out, STR("-"));
            text_add_number(out, (unsigned)cpus[end - 1]);
        }
    }
}

/* As much of a file as fits; empty when it can't be read. */
static struct str read_text(const char *path, char *at, size_t cap)
{
    size_t len = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return str_of(at, 0);
    while (got > 0 && len < cap) {
        got = read(fd, at + len, cap - len);
        len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return str_of(at, len);
}

/* Part `number` of a line, counted from 0, or an empty slice. */
static struct str part(struct str line, char separator, unsigned number)
{
    struct str member;

    while (str_next(&line, separator, &member))
        if (number-- == 0)
            return member;
    return str_of("", 0);
}

static bool names(struct str list, struct str wanted)
{
    struct str member;

    while (str_next(&list, ',', &member))
        if (str_equal(member, wanted))
            return true;
    return false;
}

/* Where a cgroup hierarchy is mounted, which of its groups is visible there, and ours within it. */
struct hierarchy {
    struct str type; /* of the mount: "cgroup2" or "cgroup" */
    bool v2;
    struct str mount; /* mount point */
    struct str root;  /* the group that is mounted */
    struct str group; /* of this process */
};

/* A line of /proc/self/cgroup is "id:controllers:group" (cgroups(7)); version 2 names none. */
static bool find_group(struct str text, struct hierarchy *h)
{
    struct str line;

    while (str_next(&text, '\n', &line)) {
        struct str controllers = part(line, ':', 1);
        if (h->v2 ? !str_starts(line, STR("0::")) : !names(controllers, STR("cpu")))
            continue;
        size_t head = part(line, ':', 0).len + controllers.len + 2;
        h->group = str_of(line.at + head, line.len - head);
        return true;
    }
    return false;
}

/* proc_pid_mountinfo(5): "id parent major:minor root mount-point options [tags] - type source
 * super-options". */
static bool find_mount(struct str text, struct hierarchy *h)
{
    struct str line;

    while (str_next(&text, '\n', &line)) {
        const char *dash = line.len > 0 ? memmem(line.at, line.len, " - ", 3) : NULL;
        if (!dash)
            continue;
        struct str after = str_of(dash + 3, (size_t)(line.at + line.len - (dash + 3)));
        if (!str_equal(part(after, ' ', 0), h->type))
            continue;
        if (!h->v2 && !names(part(after, ' ', 2), STR("cpu")))
            continue;
        h->root = part(line, ' ', 3);
        h->mount = part(line, ' ', 4);
        return true;
    }
    return false;
}

/* CPUs of one group, rounded up; 0 when it has no quota. */
static unsigned round_up(struct str quota, struct str period)
{
    unsigned long long us, each;

    if (!str_number(quota, INT_MAX, &us) || !str_number(period, INT_MAX, &each) || us == 0 ||
        each == 0)
        return 0;
    return (unsigned)((us + each - 1) / each);
}

static unsigned quota_of_dir(const char *dir, bool v2)
{
    char path[PATH_MAX], first[128], second[128];
    struct str quota, period;

    snprintf(path, sizeof path, "%s/%s", dir, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    struct str text = read_text(path, first, sizeof first);
    struct str line = part(text, '\n', 0);
    if (v2) { /* "max 100000" or "150000 100000" */
        quota = part(line, ' ', 0);
        period = part(line, ' ', 1);
    } else { /* "-1" for none */
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
        quota = line;
        period = part(read_text(path, second, sizeof second), '\n', 0);
    }
    return round_up(quota, period);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The smallest quota of our group and its ancestors, up to the one that is mounted. In a container
 * without a cgroup namespace the group is named from outside, and the part above the mounted one is
 * not there: it is cut off. */
static unsigned quota_of(const struct hierarchy *h, const char *prefix)
{
    char dir[CGROUP_DIR_MAX];
    struct str below = h->group;
    unsigned quota = 0;

    if (h->root.len > 1 && str_starts(below, h->root))
        below = str_of(below.at + h->root.len, below.len - h->root.len);
    for (unsigned depth = 0; depth < CGROUP_DEPTH_MAX; depth++) {
        while (below.len > 0 && below.at[below.len - 1] == '/')
            below.len--;
        snprintf(dir, sizeof dir, "%s%.*s%.*s", prefix, (int)h->mount.len, h->mount.at,
                 (int)below.len, below.at);
        quota = smaller(quota, quota_of_dir(dir, h->v2));
        if (below.len == 0)
            break;
        while (below.len > 0 && below.at[below.len - 1] != '/')
            below.len--;
    }
    return quota;
}

unsigned cpus_quota(const char *prefix)
{
    char path[PATH_MAX], cgroup[CGROUP_TEXT_MAX], mounts[CGROUP_TEXT_MAX];
    struct hierarchy both[] = {
        { .type = STR("cgroup2"), .v2 = true, .mount = STR("/sys/fs/cgroup"), .root = STR("/") },
        { .type = STR("cgroup"), .mount = STR("/sys/fs/cgroup/cpu"), .root = STR("/") },
    };
    unsigned quota = 0;

    snprintf(path, sizeof path, "%s/proc/self/cgroup", prefix);
    struct str groups = read_text(path, cgroup, sizeof cgroup);
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", prefix);
    struct str mounted = read_text(path, mounts, sizeof mounts);

    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        if (!find_group(groups, &both[i]))
            continue;
        find_mount(mounted, &both[i]);
        quota = smaller(quota, quota_of(&both[i], prefix));
    }
    return quota;
}

unsigned cpus_default(unsigned allowed, unsigned quota)
{
    CHECK(allowed > 0);
    return quota > 0 && quota < allowed ? quota : allowed;
}

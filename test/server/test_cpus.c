#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/config.h"
#include "server/cpus.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void knows_what_is_allowed(void **state)
{
    int cpus[CORES_MAX];
    cpu_set_t before, one;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    unsigned count = cpus_allowed(cpus);
    assert_int_equal(count, CPU_COUNT(&before));
    for (unsigned i = 0; i < count; i++) {
        assert_true(CPU_ISSET((size_t)cpus[i], &before));
        assert_true(i == 0 || cpus[i] > cpus[i - 1]);
    }

    int last = cpus[count - 1];
    CPU_ZERO(&one);
    CPU_SET((size_t)last, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cpus_allowed(cpus), 1);
    assert_int_equal(cpus[0], last);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void reads_lists(void **state)
{
    static const int allowed[] = { 0, 1, 2, 3, 6, 7 };
    static const struct {
        const char *list;
        unsigned count; /* 0: refused */
        int cpus[6];
        const char *why;
    } cases[] = {
        { "0", 1, { 0 }, "" },
        { "7", 1, { 7 }, "" },
        { "0,2-3", 3, { 0, 2, 3 }, "" },
        { "6-7,0-3", 6, { 6, 7, 0, 1, 2, 3 }, "" },
        { "3-3", 1, { 3 }, "" },
        { " 1 , 2 ", 2, { 1, 2 }, "" },
        { "", 0, { 0 }, "that is not a list" },
        { ",", 0, { 0 }, "that is not a list" },
        { "0,", 0, { 0 }, "that is not a list" },
        { ",0", 0, { 0 }, "that is not a list" },
        { "0,,1", 0, { 0 }, "that is not a list" },
        { "-", 0, { 0 }, "that is not a list" },
        { "0-", 0, { 0 }, "that is not a list" },
        { "-1", 0, { 0 }, "that is not a list" },
        { "3-0", 0, { 0 }, "that is not a list" },
        { "0-1-2", 0, { 0 }, "that is not a list" },
        { "0x1", 0, { 0 }, "that is not a list" },
        { "99999999999", 0, { 0 }, "that is not a list" },
        { "4", 0, { 0 }, "CPU 4 is not one this process may use; allowed are 0-3,6-7" },
        { "0-7", 0, { 0 }, "CPU 4 is not one" },
        { "0-2147483647", 0, { 0 }, "CPU 4 is not one" },
        { "1,1", 0, { 0 }, "CPU 1 is named twice" },
        { "0-2,2", 0, { 0 }, "CPU 2 is named twice" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int cpus[CORES_MAX];
        struct sentence why = { "" };
        unsigned count = cpus_parse(str_from(cases[i].list), allowed, 6, cpus, &why);
        if (count != cases[i].count)
            fail_msg("\"%s\": %u CPUs, not %u", cases[i].list, count, cases[i].count);
        if (strncmp(why.text, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("\"%s\": %s", cases[i].list, why.text);
        assert_memory_equal(cpus, cases[i].cpus, count * sizeof cpus[0]);
    }
}

static void writes_lists(void **state)
{
    static const struct {
        int cpus[5];
        unsigned count;
        const char *text;
    } cases[] = {
        { { 0 }, 1, "0" },
        { { 0, 1 }, 2, "0-1" },
        { { 0, 2, 3, 4, 9 }, 5, "0,2-4,9" },
        { { 1, 3, 1022, 1023 }, 4, "1,3,1022-1023" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char space[64];
        struct text text = text_in(space, sizeof space);
        cpus_write(&text, cases[i].cpus, cases[i].count);
        assert_true(str_equal(text_str(&text), str_from(cases[i].text)));
    }
}

static void default_is_the_smaller(void **state)
{
    (void)state;
    assert_int_equal(cpus_default(4, 0), 4);
    assert_int_equal(cpus_default(4, 2), 2);
    assert_int_equal(cpus_default(4, 4), 4);
    assert_int_equal(cpus_default(4, 9), 4);
    assert_int_equal(cpus_default(1, 1), 1);
}

/* A file of a made-up system, and the folders above it. */
static void put(const char *root, const char *path, const char *text)
{
    char full[512];

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

#define V2_MOUNT "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT "33 25 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define OTHER_MOUNT "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"

static const struct {
    const char *name;
    unsigned quota;
    struct {
        const char *path, *text;
    } files[5];
} systems[] = {
    { "nothing there", 0, { { "/etc/hostname", "x" } } },
    { "no quota", 0,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/proc/self/mountinfo", V2_MOUNT },
        { "/sys/fs/cgroup/a/cpu.max", "max 100000\n" } } },
    { "a whole number", 2,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/proc/self/mountinfo", OTHER_MOUNT V2_MOUNT },
        { "/sys/fs/cgroup/a/cpu.max", "200000 100000\n" } } },
    { "rounded up", 2,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/proc/self/mountinfo", V2_MOUNT },
        { "/sys/fs/cgroup/a/cpu.max", "100001 100000\n" } } },
    { "less than one", 1,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/proc/self/mountinfo", V2_MOUNT },
        { "/sys/fs/cgroup/a/cpu.max", "1000 100000\n" } } },
    { "the parent's is smaller", 3,
      { { "/proc/self/cgroup", "0::/a/b/c\n" },
        { "/proc/self/mountinfo", V2_MOUNT },
        { "/sys/fs/cgroup/a/cpu.max", "300000 100000\n" },
        { "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n" },
        { "/sys/fs/cgroup/a/b/c/cpu.max", "500000 100000\n" } } },
    { "our own is smaller", 5,
      { { "/proc/self/cgroup", "0::/a/b\n" },
        { "/proc/self/mountinfo", V2_MOUNT },
        { "/sys/fs/cgroup/a/cpu.max", "700000 100000\n" },
        { "/sys/fs/cgroup/a/b/cpu.max", "500000 100000\n" } } },
    { "a container with a cgroup namespace", 4,
      { { "/proc/self/cgroup", "0::/\n" },
        { "/proc/self/mountinfo", V2_MOUNT },
        { "/sys/fs/cgroup/cpu.max", "400000 100000\n" } } },
    { "a container without one", 6,
      { { "/proc/self/cgroup", "0::/docker/12ab\n" },
        { "/proc/self/mountinfo",
          "30 24 0:26 /docker/12ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n" },
        { "/sys/fs/cgroup/cpu.max", "600000 100000\n" } } },
    { "no mountinfo: where it usually is", 2,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/sys/fs/cgroup/a/cpu.max", "200000 100000\n" } } },
    { "mounted elsewhere", 7,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/proc/self/mountinfo", "30 24 0:26 / /cg rw - cgroup2 none rw\n" },
        { "/cg/a/cpu.max", "700000 100000\n" } } },
    { "version 1", 2,
      { { "/proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/a\n1:name=systemd:/\n" },
        { "/proc/self/mountinfo", V1_MOUNT },
        { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "75000\n" },
        { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n" } } },
    { "version 1 without a quota", 0,
      { { "/proc/self/cgroup", "4:cpu,cpuacct:/a\n" },
        { "/proc/self/mountinfo", V1_MOUNT },
        { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n" },
        { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n" } } },
    { "both versions", 3,
      { { "/proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/b\n" },
        { "/proc/self/mountinfo", V1_MOUNT },
        { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n" },
        { "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n" },
        { "/sys/fs/cgroup/b/cpu.max", "900000 100000\n" } } },
    { "cpuset is not cpu", 0,
      { { "/proc/self/cgroup", "4:cpuset:/a\n" },
        { "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n" },
        { "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n" } } },
    { "nonsense", 0,
      { { "/proc/self/cgroup", "0::/a\n:\n\n0\n" },
        { "/proc/self/mountinfo", V2_MOUNT " - \n\n -" },
        { "/sys/fs/cgroup/a/cpu.max", "many 0\n" } } },
    { "a period of nothing", 0,
      { { "/proc/self/cgroup", "0::/a\n" },
        { "/sys/fs/cgroup/a/cpu.max", "100 0\n" } } },
};

static void finds_quotas(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        char root[] = "/tmp/ringlet-cpus-XXXXXX";
        assert_non_null(mkdtemp(root));
        for (size_t f = 0; f < 5 && systems[i].files[f].path; f++)
            put(root, systems[i].files[f].path, systems[i].files[f].text);
        unsigned quota = cpus_quota(root);
        nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        if (quota != systems[i].quota)
            fail_msg("%s: %u, not %u", systems[i].name, quota, systems[i].quota);
    }
}

/* A group deeper than we look is no endless loop, and one above the mount is not looked at. */
static void depth_is_bounded(void **state)
{
    char root[] = "/tmp/ringlet-cpus-XXXXXX";
    char group[1024] = "0::";

    (void)state;
    for (int i = 0; i < 200; i++)
        strncat(group, "/a", sizeof group - strlen(group) - 1);
    assert_non_null(mkdtemp(root));
    put(root, "/proc/self/cgroup", group);
    put(root, "/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_int_equal(cpus_quota(root), 0);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_allowed),
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(writes_lists),
        cmocka_unit_test(default_is_the_smaller),
        cmocka_unit_test(finds_quotas),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

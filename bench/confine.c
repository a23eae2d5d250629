/* ringlet-confine LIST PROGRAM [ARGUMENT...] - run a program as a hardened service unit would, with
 * NoNewPrivileges=yes, SystemCallFilter=@system-service and SystemCallErrorNumber=EPERM.
 *
 * LIST is a file with the names of the calls that are allowed; every other fails with EPERM. The
 * filter is made as systemd 252 makes it: one for each architecture whose calls this kernel may
 * take, the native one last, each letting the calls of the others pass; rules in libseccomp's own
 * order, for systemd asks for no binary tree (SCMP_FLTATR_CTL_OPTIMIZE); names that libseccomp or
 * the architecture does not have passed over. */

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    CALLS_MAX = 1024,   /* names in LIST; more are refused */
    LIST_MAX = 1 << 16, /* bytes of LIST; what is beyond would be no list of calls */
    EXIT_USAGE = 2,
    EXIT_NO_PROGRAM = 127,
};

struct list {
    char text[LIST_MAX]; /* the names point into it */
    char *names[CALLS_MAX];
    size_t count;
};

static int fail(const char *what, int error)
{
    fprintf(stderr, "ringlet-confine: %s: %s\n", what, strerror(error));
    return EXIT_FAILURE;
}

/* The names on one line, which may be a comment. */
static bool add_names(struct list *list, char *line)
{
    char *name;

    if (*line == '#')
        return true;
    while ((name = strsep(&line, " ")) != NULL) {
        if (*name == '\0')
            continue;
        if (list->count == CALLS_MAX)
            return false;
        list->names[list->count++] = name;
    }
    return true;
}

/* Returns 0 or -errno; an empty list would let nothing be executed. */
static int read_list(struct list *list, const char *path)
{
    FILE *file = fopen(path, "re");

    if (!file)
        return -errno;
    size_t len = fread(list->text, 1, sizeof list->text, file);
    bool broken = ferror(file) != 0;
    fclose(file);
    if (broken)
        return -EIO;
    if (len == sizeof list->text)
        return -EFBIG;
    list->text[len] = '\0';

    char *rest = list->text, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (!add_names(list, line))
            return -EFBIG;
    return list->count > 0 ? 0 : -EINVAL;
}

/* -EDOM: the architecture has no such call. */
static int allow_all(scmp_filter_ctx filter, const struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        int call = seccomp_syscall_resolve_name(list->names[i]);
        if (call == __NR_SCMP_ERROR)
            continue;
        int status = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, call, 0);
        if (status < 0 && status != -EDOM)
            return status;
    }
    return 0;
}

static int set_up(scmp_filter_ctx filter, uint32_t arch, const struct list *list)
{
    int status = 0;

    if (arch != seccomp_arch_native()) {
        status = seccomp_arch_remove(filter, seccomp_arch_native());
        if (status == 0)
            status = seccomp_arch_add(filter, arch);
    }
    if (status == 0)
        status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
    if (status == 0)
        status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    if (status == 0)
        status = allow_all(filter, list);
    return status == 0 ? seccomp_load(filter) : status;
}

static int confine_arch(uint32_t arch, const struct list *list)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (!filter)
        return -ENOMEM;
    int status = set_up(filter, arch, list);
    seccomp_release(filter);
    return status;
}

/* Loading a filter is not among the calls that the native one allows, so that is the last. */
static int confine(const struct list *list)
{
    const uint32_t x86_64[] = { SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_X86_64 };
    const uint32_t aarch64[] = { SCMP_ARCH_ARM, SCMP_ARCH_AARCH64 };
    const uint32_t native[] = { seccomp_arch_native() };
    const uint32_t *archs = native;
    size_t count = 1;
    int status = 0;

    if (native[0] == SCMP_ARCH_X86_64) {
        archs = x86_64;
        count = sizeof x86_64 / sizeof *x86_64;
    } else if (native[0] == SCMP_ARCH_AARCH64) {
        archs = aarch64;
        count = sizeof aarch64 / sizeof *aarch64;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    for (size_t i = 0; i < count && status == 0; i++)
        status = confine_arch(archs[i], list);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("Usage: ringlet-confine LIST PROGRAM [ARGUMENT...]\n"
              "Run a program that may make the system calls in the file LIST and no others.\n",
              stderr);
        return EXIT_USAGE;
    }
    struct list *list = calloc(1, sizeof *list);
    if (!list)
        return fail("start", ENOMEM);
    int status = read_list(list, argv[1]);
    if (status < 0) {
        free(list);
        return fail(argv[1], -status);
    }
    status = confine(list);
    free(list);
    if (status < 0)
        return fail("filter", -status);
    execvp(argv[2], argv + 2);
    fail(argv[2], errno);
    _exit(EXIT_NO_PROGRAM); /* what a sanitizer does at the end is not allowed any more */
}

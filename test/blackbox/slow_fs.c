/* slow_fs - a file system that shows a directory and lets chosen operations hang.
 *
 *     slow_fs DIRECTORY MOUNT_POINT CONTROL
 *
 * CONTROL is a text file outside of both, read anew at each operation. A line of it is a rule:
 *
 *     OPERATION NAME MILLISECONDS [FROM TO]
 *
 * OPERATION is getattr, open, read, readdir, flush or release, NAME is the end of the path, and a
 * read also has to touch the bytes from FROM up to TO, where they are given. What fits hangs for
 * that long, or until the rule is gone. Standard output tells "mounted", and "OPERATION PATH" when
 * something begins to hang. It unmounts at SIGTERM, or when the process that started it is gone.
 * Exit status 77: this machine lets us mount nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fuse.h>

enum { SKIP = 77, LINE_MAX_LEN = 512, TICK_MS = 10, OPERATIONS_MAX = 200 };

struct slow_fs {
    const char *control;
    int directory;
};

struct operation {
    const char *name, *path;
    off_t from, to; /* of a read; otherwise 0, 0 */
};

static const struct slow_fs *the_fs(void)
{
    return fuse_get_context()->private_data;
}

/* Relative to the directory shown. */
static const char *relative(const char *path)
{
    return path[1] == '\0' ? "." : path + 1;
}

static bool ends_with(const char *path, const char *end)
{
    size_t path_len = strlen(path), end_len = strlen(end);

    return path_len >= end_len && strcmp(path + path_len - end_len, end) == 0;
}

/* How long the rule says that this operation is to hang, or 0. */
static long rule_ms(const char *line, const struct operation *op)
{
    char name[16], end[256];
    long ms, from = 0, to = LONG_MAX;

    if (sscanf(line, "%15s %255s %ld %ld %ld", name, end, &ms, &from, &to) < 3)
        return 0;
    if (strcmp(name, op->name) != 0 || !ends_with(op->path, end))
        return 0;
    return op->to > 0 && (op->to <= from || op->from >= to) ? 0 : ms;
}

static long rules_ms(const struct slow_fs *fs, const struct operation *op)
{
    FILE *file = fopen(fs->control, "re");
    char line[LINE_MAX_LEN];
    long ms = 0;

    if (!file)
        return 0;
    while (ms == 0 && fgets(line, sizeof line, file))
        ms = rule_ms(line, op);
    fclose(file);
    return ms;
}

static void hang(struct operation op)
{
    const struct slow_fs *fs = the_fs();
    const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };

    if (rules_ms(fs, &op) == 0)
        return;
    printf("%s %s\n", op.name, op.path);
    for (long hung = 0; hung < rules_ms(fs, &op); hung += TICK_MS)
        nanosleep(&tick, NULL);
}

static void *slow_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    connection->max_background = OPERATIONS_MAX; /* read-ahead is background */
    connection->congestion_threshold = OPERATIONS_MAX;
    config->use_ino = 1;
    config->entry_timeout = 0;
    config->attr_timeout = 0;
    config->negative_timeout = 0;
    printf("mounted\n");
    return fuse_get_context()->private_data;
}

static int slow_getattr(const char *path, struct stat *facts, struct fuse_file_info *info)
{
    (void)info;
    hang((struct operation){ .name = "getattr", .path = path });
    return fstatat(the_fs()->directory, relative(path), facts, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

static int slow_open(const char *path, struct fuse_file_info *info)
{
    hang((struct operation){ .name = "open", .path = path });

    int fd = openat(the_fs()->directory, relative(path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    info->fh = (uint64_t)fd;
    return 0;
}

static int slow_read(const char *path, char *bytes, size_t len, off_t at,
                     struct fuse_file_info *info)
{
    hang((struct operation){ .name = "read", .path = path, .from = at, .to = at + (off_t)len });

    ssize_t got = pread((int)info->fh, bytes, len, at);
    return got < 0 ? -errno : (int)got;
}

static int slow_release(const char *path, struct fuse_file_info *info)
{
    hang((struct operation){ .name = "release", .path = path });
    close((int)info->fh);
    return 0;
}

static int slow_flush(const char *path, struct fuse_file_info *info)
{
    (void)info;
    hang((struct operation){ .name = "flush", .path = path });
    return 0;
}

static int slow_readdir(const char *path, void *entries, fuse_fill_dir_t fill, off_t at,
                        struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)at;
    (void)info;
    (void)flags;
    hang((struct operation){ .name = "readdir", .path = path });

    int fd = openat(the_fs()->directory, relative(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory)
        return -errno;
    for (const struct dirent *entry; (entry = readdir(directory));)
        fill(entries, entry->d_name, NULL, 0, 0);
    closedir(directory);
    return 0;
}

static int slow_readlink(const char *path, char *target, size_t room)
{
    ssize_t len = readlinkat(the_fs()->directory, relative(path), target, room - 1);

    if (len < 0)
        return -errno;
    target[len] = '\0';
    return 0;
}

static const struct fuse_operations operations = {
    .init = slow_init,
    .getattr = slow_getattr,
    .readlink = slow_readlink,
    .open = slow_open,
    .read = slow_read,
    .flush = slow_flush,
    .release = slow_release,
    .readdir = slow_readdir,
};

/* Serve until a signal. Each hanging operation holds a thread. */
static int serve(struct fuse *fuse, const char *mount_point)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    struct fuse_session *session = fuse_get_session(fuse);

    if (fuse_mount(fuse, mount_point) != 0)
        return SKIP;
    fuse_loop_cfg_set_max_threads(config, OPERATIONS_MAX);
    fuse_set_signal_handlers(session);
    fuse_loop_mt(fuse, config);
    fuse_remove_signal_handlers(session);
    fuse_unmount(fuse);
    fuse_loop_cfg_destroy(config);
    return 0;
}

int main(int argc, char **argv)
{
    char *options[] = { argv[0], (char[]){ "-ofsname=slow_fs" }, NULL };
    struct fuse_args args = FUSE_ARGS_INIT(2, options);

    if (argc != 4) {
        fprintf(stderr, "usage: slow_fs DIRECTORY MOUNT_POINT CONTROL\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    struct slow_fs fs = { .control = argv[3], .directory = open(argv[1], O_PATH | O_DIRECTORY) };
    if (access("/dev/fuse", R_OK | W_OK) != 0)
        return SKIP;
    struct fuse *fuse = fuse_new(&args, &operations, sizeof operations, &fs);
    if (!fuse || fs.directory < 0)
        return 1;

    int status = serve(fuse, argv[2]);
    fuse_destroy(fuse);
    fuse_opt_free_args(&args);
    return status;
}

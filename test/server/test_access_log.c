/* The engine here is a list of one job, which the test runs when it likes, on this thread or
 * another. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 512 * 1024 };

struct io {
    struct io_job *job; /* handed over and not yet run */
    unsigned handed;
};

static void keep_job(struct io *io, struct io_job *job)
{
    assert_null(io->job);
    io->job = job;
    io->handed++;
}

static const struct io_engine engine = { .name = "one job", .work = keep_job };

/* A log and a batch, in a directory of their own, with standard error in a file. */
struct rig {
    struct io io;
    struct access_log log;
    struct access_batch batch;
    struct sentence why;
    char dir[64], path[96], moved[96], told[96];
    int err_fd;
};

static char seen[TEXT_MAX];

static struct rig *make(void)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/ringlet-log-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->path, sizeof rig->path, "%s/log", rig->dir);
    snprintf(rig->moved, sizeof rig->moved, "%s/log.1", rig->dir);
    snprintf(rig->told, sizeof rig->told, "%s/err", rig->dir);
    rig->err_fd = open(rig->told, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(rig->err_fd >= 0);
    return rig;
}

static void start(struct rig *rig, const char *path)
{
    assert_int_equal(access_log_open(&rig->log, path, &rig->why), 0);
    rig->log.err_fd = rig->err_fd;
    assert_true(access_batch_init(&rig->batch, &rig->log, &engine, &rig->io));
}

static void finish(struct rig *rig)
{
    access_batch_free(&rig->batch);
    access_log_close(&rig->log);
}

static void dispose(struct rig *rig)
{
    close(rig->err_fd);
    unlink(rig->told);
    unlink(rig->path);
    unlink(rig->moved);
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
}

static struct rig *make_and_start(void)
{
    struct rig *rig = make();

    start(rig, rig->path);
    return rig;
}

static void finish_and_dispose(struct rig *rig)
{
    finish(rig);
    dispose(rig);
}

/* All of a file, in `seen`. */
static const char *text_of(const char *path)
{
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    size_t len = fread(seen, 1, sizeof seen - 1, file);
    fclose(file);
    seen[len] = '\0';
    return seen;
}

static size_t count_of(const char *text, const char *wanted)
{
    size_t count = 0;

    for (; (text = strstr(text, wanted)); text += strlen(wanted))
        count++;
    return count;
}

static const struct access_line sample = {
    .peer = { "127.0.0.1", 9 },
    .method = { "GET", 3 },
    .target = { "/x?y=1", 6 },
    .referer = { "http://a.example/", 17 },
    .user_agent = { "curl/8.0 (test)", 15 },
    .minor = 1,
    .status = 200,
    .bytes = 123,
    .unix_time = 784111777,
};

static const char sample_text[] =
    "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /x?y=1 HTTP/1.1\" 200 123 "
    "\"http://a.example/\" \"curl/8.0 (test)\"\n";

/* What the helper would do, here and now. */
static void run_job(struct rig *rig, uint64_t now_ms)
{
    struct io_job *job = rig->io.job;

    assert_non_null(job);
    assert_ptr_equal(job, &rig->batch.job);
    rig->io.job = NULL;
    job->run(job);
    access_batch_worked(&rig->batch, now_ms);
}

static void flush(struct rig *rig)
{
    access_batch_flush(&rig->batch);
    run_job(rig, 0);
}

static const char *logged(struct rig *rig, const struct access_line *line)
{
    access_batch_add(&rig->batch, line, 0);
    flush(rig);
    return text_of(rig->path);
}

static void a_line_is_in_the_combined_format(void **state)
{
    struct rig *rig = make_and_start();

    (void)state;
    assert_string_equal(logged(rig, &sample), sample_text);
    finish_and_dispose(rig);
}

static void the_second_is_told_anew(void **state)
{
    struct rig *rig = make_and_start();
    struct access_line line = sample;

    (void)state;
    access_batch_add(&rig->batch, &line, 0);
    access_batch_add(&rig->batch, &line, 0);
    line.unix_time++;
    const char *text = logged(rig, &line);
    assert_int_equal(count_of(text, "[06/Nov/1994:08:49:37 +0000]"), 2);
    assert_int_equal(count_of(text, "[06/Nov/1994:08:49:38 +0000]"), 1);
    finish_and_dispose(rig);
}

static void what_is_missing_is_a_dash(void **state)
{
    struct rig *rig = make_and_start();
    const struct access_line line = { .peer = STR("::1"), .status = 400, .unix_time = 784111777 };

    (void)state;
    assert_string_equal(logged(rig, &line),
                        "::1 - - [06/Nov/1994:08:49:37 +0000] \"-\" 400 0 \"-\" \"-\"\n");
    finish_and_dispose(rig);
}

static void numbers_may_be_large(void **state)
{
    struct rig *rig = make_and_start();
    struct access_line line = sample;

    (void)state;
    line.bytes = UINT64_MAX;
    line.minor = 0;
    assert_non_null(strstr(logged(rig, &line), " HTTP/1.0\" 200 18446744073709551615 \""));
    finish_and_dispose(rig);
}

enum { FIELD = 40 };

/* The end of a line whose last field is all 'a' but for byte `c` at `place`. */
static void write_expected(struct text *out, unsigned c, size_t place)
{
    static const char letters[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    bool plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
    char one[8];
    int len = snprintf(one, sizeof one, plain ? "%c" : "\\x%02X", c);

    text_add(out, STR("\""));
    text_add(out, str_of(letters, place));
    text_add(out, str_of(one, (size_t)len));
    text_add(out, str_of(letters, FIELD - 1 - place));
    text_add(out, STR("\"\n"));
}

/* Every byte, at the beginning of a field and where the blocks of the scan meet. */
static void only_what_is_harmless_is_written_as_it_is(void **state)
{
    static const size_t places[] = { 0, 1, 15, 16, 17, 31, 32, FIELD - 1 };
    struct rig *rig = make_and_start();

    (void)state;
    for (unsigned i = 0; i < 256 * 8; i++) {
        char field[FIELD], space[2 * FIELD];
        struct access_line line = sample;
        struct text wanted = text_in(space, sizeof space);
        memset(field, 'a', sizeof field);
        field[places[i % 8]] = (char)(i / 8);
        line.user_agent = str_of(field, sizeof field);
        write_expected(&wanted, i / 8, places[i % 8]);

        assert_int_equal(ftruncate(rig->log.fd, 0), 0);
        struct str got = str_from(logged(rig, &line));
        if (!str_ends(got, text_str(&wanted)))
            fail_msg("byte %#x at %zu: %s", i / 8, places[i % 8], got.at);
    }
    finish_and_dispose(rig);
}

static void every_field_is_escaped(void **state)
{
    struct rig *rig = make_and_start();
    struct access_line line = sample;

    (void)state;
    line.peer = STR("a\nb");
    line.method = STR("G\"T");
    line.target = STR("/\r\n\" 200 0 \"x");
    line.referer = STR("\\\"");
    line.user_agent = str_of("\0\x7f\xff", 3);
    assert_string_equal(logged(rig, &line),
                        "a\\x0Ab - - [06/Nov/1994:08:49:37 +0000] "
                        "\"G\\x22T /\\x0D\\x0A\\x22 200 0 \\x22x HTTP/1.1\" 200 123 "
                        "\"\\x5C\\x22\" \"\\x00\\x7F\\xFF\"\n");
    finish_and_dispose(rig);
}

static void long_fields_are_cut_and_say_so(void **state)
{
    static char much[ACCESS_TARGET_MAX + 1];
    static char wanted[8 * ACCESS_TARGET_MAX];
    struct rig *rig = make_and_start();
    struct access_line line = sample;

    (void)state;
    memset(much, 'm', sizeof much);
    line.target = str_of(much, ACCESS_TARGET_MAX);
    line.referer = str_of(much, ACCESS_FIELD_MAX);
    line.user_agent = str_of(much, ACCESS_FIELD_MAX + 1);
    snprintf(wanted, sizeof wanted,
             "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET %.*s HTTP/1.1\" 200 123 "
             "\"%.*s\" \"%.*s...\"\n",
             ACCESS_TARGET_MAX, much, ACCESS_FIELD_MAX, much, ACCESS_FIELD_MAX, much);
    assert_string_equal(logged(rig, &line), wanted);

    line.target.len++;
    access_batch_add(&rig->batch, &line, 0);
    flush(rig);
    assert_int_equal(count_of(text_of(rig->path), "mmm... HTTP/1.1\""), 1);
    finish_and_dispose(rig);
}

/* The longest line there can be: every field over its limit, every byte escaped. */
static void the_longest_line_fits(void **state)
{
    static char worst[2 * ACCESS_TARGET_MAX];
    struct rig *rig = make_and_start();
    struct access_line line = {
        .minor = 1, .status = 999, .bytes = UINT64_MAX, .unix_time = 784111777
    };

    (void)state;
    memset(worst, 0xff, sizeof worst);
    line.peer = line.method = line.target = line.referer = line.user_agent =
        str_of(worst, sizeof worst);
    while (rig->io.handed == 0)
        access_batch_add(&rig->batch, &line, 0);
    run_job(rig, 0);
    assert_int_equal(atomic_load(&rig->log.dropped), 0);
    const char *text = text_of(rig->path);
    assert_int_equal(count_of(text, "\\xFF") % (ACCESS_PEER_MAX + ACCESS_METHOD_MAX +
                                                ACCESS_TARGET_MAX + 2 * ACCESS_FIELD_MAX), 0);
    assert_int_equal(text[strlen(text) - 1], '\n');
    finish_and_dispose(rig);
}

static void a_half_full_buffer_is_handed_over(void **state)
{
    struct rig *rig = make_and_start();
    size_t lines = 0;

    (void)state;
    for (; rig->io.handed == 0; lines++)
        access_batch_add(&rig->batch, &sample, 0);
    assert_int_equal(lines, (ACCESS_FLUSH_AT + sizeof sample_text - 2) / (sizeof sample_text - 1));
    run_job(rig, 0);
    assert_int_equal(count_of(text_of(rig->path), sample_text), lines);
    assert_true(access_batch_idle(&rig->batch));
    finish_and_dispose(rig);
}

static void a_line_waits_a_second_at_most(void **state)
{
    struct rig *rig = make_and_start();
    uint64_t now_ms = 5000;

    (void)state;
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms), -1);
    access_batch_add(&rig->batch, &sample, now_ms);
    assert_false(access_batch_idle(&rig->batch));
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms), ACCESS_FLUSH_MS);
    access_batch_add(&rig->batch, &sample, now_ms + 400); /* the oldest line counts */
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms + 999), 1);
    access_batch_flush_due(&rig->batch, now_ms + 999);
    assert_int_equal(rig->io.handed, 0);
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms + 5000), 0);
    access_batch_flush_due(&rig->batch, now_ms + 1000);
    assert_int_equal(rig->io.handed, 1);

    /* While a helper writes, the core may sleep: IO_WORKED wakes it. */
    access_batch_add(&rig->batch, &sample, now_ms + 1000);
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms + 9000), -1);
    access_batch_flush(&rig->batch);
    assert_int_equal(rig->io.handed, 1);
    run_job(rig, now_ms + 1500);
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms + 1500), 500);
    access_batch_flush(&rig->batch);
    run_job(rig, now_ms + 1500);
    assert_int_equal(access_batch_due_ms(&rig->batch, now_ms + 1500), -1);
    assert_int_equal(count_of(text_of(rig->path), sample_text), 3);
    finish_and_dispose(rig);
}

static void an_overdue_line_goes_when_the_helper_is_back(void **state)
{
    struct rig *rig = make_and_start();

    (void)state;
    access_batch_add(&rig->batch, &sample, 0);
    access_batch_flush(&rig->batch);
    access_batch_add(&rig->batch, &sample, 10);
    run_job(rig, 10 + ACCESS_FLUSH_MS);
    assert_int_equal(rig->io.handed, 2);
    run_job(rig, 10 + ACCESS_FLUSH_MS);
    assert_true(access_batch_idle(&rig->batch));
    finish_and_dispose(rig);
}

static void lines_are_dropped_when_both_buffers_are_full(void **state)
{
    struct rig *rig = make_and_start();
    size_t added = 0;
    char wanted[200];

    (void)state;
    while (atomic_load(&rig->log.dropped) < 7) {
        access_batch_add(&rig->batch, &sample, 0);
        added++;
    }
    run_job(rig, 0); /* hands over the other at once */
    run_job(rig, 0);
    assert_true(access_batch_idle(&rig->batch));
    assert_int_equal(count_of(text_of(rig->path), sample_text), added - 7);
    assert_true(strlen(seen) > ACCESS_BUFFER);
    snprintf(wanted, sizeof wanted, "ringlet: --log %s: 7 lines dropped, 7 since start\n",
             rig->path);
    assert_string_equal(text_of(rig->told), wanted);
    finish_and_dispose(rig);
}

static void drops_are_told_once_a_second_and_at_the_end(void **state)
{
    struct rig *rig = make_and_start();

    (void)state;
    for (int i = 1; i <= 3; i++) {
        atomic_fetch_add(&rig->log.dropped, 1);
        access_batch_add(&rig->batch, &sample, 0);
        flush(rig);
        if (i == 1) /* as if a moment ago, whatever the clock of the machine says */
            rig->log.told_ms = clock_ms();
    }
    assert_int_equal(count_of(text_of(rig->told), "\n"), 1);
    rig->log.told_ms -= ACCESS_TELL_MS;
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(count_of(text_of(rig->told), ": 2 lines dropped, 3 since start\n"), 1);

    access_batch_add(&rig->batch, &sample, 0); /* never written */
    finish(rig);
    assert_int_equal(count_of(text_of(rig->told), ": 1 line dropped, 4 since start\n"), 1);
    assert_int_equal(count_of(seen, "\n"), 3);
    dispose(rig);
}

static void the_log_is_appended_to_and_private(void **state)
{
    struct rig *rig = make();
    struct stat status;
    mode_t mask = umask(0);

    (void)state;
    for (int i = 0; i < 2; i++) {
        start(rig, rig->path);
        access_batch_add(&rig->batch, &sample, 0);
        flush(rig);
        assert_true(fcntl(rig->log.fd, F_GETFD) & FD_CLOEXEC);
        finish(rig);
    }
    umask(mask);
    assert_int_equal(count_of(text_of(rig->path), sample_text), 2);
    assert_int_equal(stat(rig->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    dispose(rig);
}

static void a_log_that_cannot_be_opened_is_named(void **state)
{
    struct rig *rig = make();

    (void)state;
    assert_int_equal(access_log_open(&rig->log, rig->dir, &rig->why), -EISDIR);
    assert_string_equal(rig->why.text, "can't be opened for writing: Is a directory");
    assert_int_equal(access_log_open(&rig->log, "/no/such/log", &rig->why), -ENOENT);

    /* A FIFO that nobody reads must not hold up the start. */
    assert_int_equal(mkfifo(rig->path, 0600), 0);
    assert_int_equal(access_log_open(&rig->log, rig->path, &rig->why), -ENXIO);
    dispose(rig);
}

static void reopening_follows_the_name(void **state)
{
    struct rig *rig = make_and_start();
    int fd = rig->log.fd;

    (void)state;
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(rename(rig->path, rig->moved), 0);
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(access_log_reopen(&rig->log, &rig->why), 0);
    assert_int_equal(rig->log.fd, fd);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(count_of(text_of(rig->moved), sample_text), 2);
    assert_int_equal(count_of(text_of(rig->path), sample_text), 1);
    finish_and_dispose(rig);
}

static void a_failed_reopening_keeps_the_old_file(void **state)
{
    struct rig *rig = make_and_start();

    (void)state;
    rig->log.path = "/no/such/log";
    assert_int_equal(access_log_reopen(&rig->log, &rig->why), -ENOENT);
    assert_string_equal(rig->why.text, "can't be reopened, so the file opened before stays in use: "
                                       "No such file or directory");
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(count_of(text_of(rig->path), sample_text), 1);
    finish_and_dispose(rig);
}

static void a_full_disk_is_told_once_and_gone_on(void **state)
{
    struct rig *rig = make();

    (void)state;
    start(rig, "/dev/full");
    for (int i = 0; i < 3; i++) {
        access_batch_add(&rig->batch, &sample, 0);
        access_batch_add(&rig->batch, &sample, 0);
        flush(rig);
    }
    assert_int_equal(atomic_load(&rig->log.dropped), 6);
    assert_int_equal(count_of(text_of(rig->told), "--log /dev/full: can't be written, lines are "
                                                  "dropped: No space left on device\n"), 1);

    rig->log.path = rig->path; /* room again */
    assert_int_equal(access_log_reopen(&rig->log, &rig->why), 0);
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_string_equal(text_of(rig->path), sample_text);
    assert_int_equal(count_of(text_of(rig->told), "can be written again\n"), 1);
    assert_int_equal(atomic_load(&rig->log.dropped), 6);
    finish_and_dispose(rig);
}

/* A reader for the FIFO in rig->path, which must exist before the log is opened. */
static int make_reader(struct rig *rig)
{
    assert_int_equal(mkfifo(rig->path, 0600), 0);
    int reader = open(rig->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    return reader;
}

static void a_reader_that_is_gone(void **state)
{
    struct rig *rig = make();
    int reader = make_reader(rig);

    (void)state;
    start(rig, rig->path);
    close(reader);
    for (int i = 0; i < 2; i++) {
        access_batch_add(&rig->batch, &sample, 0);
        flush(rig);
    }
    assert_int_equal(atomic_load(&rig->log.dropped), 2);
    assert_int_equal(count_of(text_of(rig->told), "lines are dropped: Broken pipe\n"), 1);

    reader = open(rig->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* another comes */
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    char line[sizeof sample_text] = "";
    assert_int_equal(read(reader, line, sizeof line), sizeof sample_text - 1);
    assert_string_equal(line, sample_text);
    close(reader);
    finish_and_dispose(rig);
}

static void *run_on_helper(void *pointer)
{
    struct io_job *job = pointer;

    job->run(job);
    return NULL;
}

static pthread_t start_helper(struct rig *rig)
{
    pthread_t helper;
    struct io_job *job = rig->io.job;

    assert_non_null(job);
    rig->io.job = NULL;
    assert_int_equal(pthread_create(&helper, NULL, run_on_helper, job), 0);
    return helper;
}

/* Fills the pipe, but for less than a line. */
static size_t stuff(const struct rig *rig)
{
    static const char filler[] = "filler\n";
    size_t lines = 0;

    while (write(rig->log.fd, filler, sizeof filler - 1) == sizeof filler - 1)
        lines++;
    assert_int_equal(errno, EAGAIN);
    return lines;
}

static void pause_ms(long ms)
{
    const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&time, NULL);
}

static size_t read_until(int reader, size_t wanted)
{
    size_t len = 0;

    for (int tries = 0; len < wanted && tries < 5000; tries++) {
        ssize_t got = read(reader, seen + len, sizeof seen - 1 - len);
        if (got > 0)
            len += (size_t)got;
        else
            pause_ms(1);
    }
    seen[len] = '\0';
    return len;
}

static void a_slow_reader_gets_every_line_whole(void **state)
{
    struct rig *rig = make();
    int reader = make_reader(rig);
    size_t lines = 0;

    (void)state;
    start(rig, rig->path);
    size_t filled = stuff(rig) * 7;
    for (; rig->io.handed == 0; lines++)
        access_batch_add(&rig->batch, &sample, 0);
    pthread_t helper = start_helper(rig);
    pause_ms(50);

    size_t wanted = filled + lines * (sizeof sample_text - 1);
    assert_int_equal(read_until(reader, wanted), wanted);
    assert_int_equal(pthread_join(helper, NULL), 0);
    access_batch_worked(&rig->batch, 0);
    assert_int_equal(count_of(seen, sample_text), lines);
    assert_int_equal(atomic_load(&rig->log.dropped), 0);
    assert_string_equal(text_of(rig->told), "");
    close(reader);
    finish_and_dispose(rig);
}

/* Nobody reads: drops are told by the waiting helper, and giving up frees it. */
static void giving_up_ends_the_wait(void **state)
{
    struct rig *rig = make();
    int reader = make_reader(rig);
    size_t lines = 0;

    (void)state;
    start(rig, rig->path);
    size_t filled = stuff(rig) * 7;
    for (; rig->io.handed == 0; lines++)
        access_batch_add(&rig->batch, &sample, 0);
    pthread_t helper = start_helper(rig);
    atomic_fetch_add(&rig->log.dropped, 5);
    pause_ms(ACCESS_TELL_MS + 300);
    assert_int_equal(count_of(text_of(rig->told), ": 5 lines dropped, 5 since start\n"), 1);

    access_log_give_up(&rig->log);
    assert_int_equal(pthread_join(helper, NULL), 0);
    access_batch_worked(&rig->batch, 0);
    assert_int_equal(atomic_load(&rig->log.dropped), 5 + lines);

    access_batch_add(&rig->batch, &sample, 0); /* does not wait either */
    flush(rig);
    assert_int_equal(atomic_load(&rig->log.dropped), 5 + lines + 1);

    /* What can be written at once still is. A line that was cut is ended first. */
    assert_int_equal(read_until(reader, filled), filled);
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_true(read_until(reader, sizeof sample_text - 1) >= sizeof sample_text - 1);
    size_t len = strlen(seen);
    assert_string_equal(seen + len - (sizeof sample_text - 1), sample_text);
    close(reader);
    finish_and_dispose(rig);
}

static void a_line_cut_by_a_failure_is_ended(void **state)
{
    struct rig *rig = make();
    int reader = make_reader(rig);

    (void)state;
    start(rig, rig->path);
    access_log_give_up(&rig->log);
    assert_true(fcntl(rig->log.fd, F_SETPIPE_SZ, 4096) == 4096);
    for (int i = 0; i < 60; i++) /* more than a page, so that it is written in part */
        access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    size_t whole = 4096 / (sizeof sample_text - 1);
    assert_int_equal(atomic_load(&rig->log.dropped), 60 - whole);
    assert_int_equal(read_until(reader, 4096), 4096);
    assert_int_equal(count_of(seen, sample_text), whole);

    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(read_until(reader, sizeof sample_text), sizeof sample_text);
    assert_int_equal(seen[0], '\n');
    assert_string_equal(seen + 1, sample_text);
    close(reader);
    finish_and_dispose(rig);
}

/* Runs `act` while `fd` is standard output. */
static void with_standard_output(int fd, void (*act)(struct rig *), struct rig *rig)
{
    fflush(stdout);
    int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_true(saved >= 0);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    act(rig);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    close(saved);
}

static void log_a_line(struct rig *rig)
{
    start(rig, "-");
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
    assert_int_equal(access_log_reopen(&rig->log, &rig->why), 0);
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig);
}

static void a_dash_is_standard_output(void **state)
{
    struct rig *rig = make();
    int file = open(rig->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    with_standard_output(file, log_a_line, rig);
    assert_int_equal(count_of(text_of(rig->path), sample_text), 2);
    close(file);
    finish_and_dispose(rig);
}

/* A pipe that others share stays blocking for them, and yet no helper is held up in it. */
static void a_pipe_on_standard_output_is_not_changed(void **state)
{
    struct rig *rig = make();
    int pipes[2];

    (void)state;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    with_standard_output(pipes[1], log_a_line, rig);
    assert_false(fcntl(pipes[1], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(rig->log.fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(read_until(pipes[0], 2 * (sizeof sample_text - 1)),
                     2 * (sizeof sample_text - 1));

    access_log_give_up(&rig->log);
    stuff(rig);
    access_batch_add(&rig->batch, &sample, 0);
    flush(rig); /* returns */
    assert_int_equal(atomic_load(&rig->log.dropped), 1);
    close(pipes[0]);
    close(pipes[1]);
    finish_and_dispose(rig);
}

static void a_socket_on_standard_output_never_blocks(void **state)
{
    struct rig *rig = make();
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    with_standard_output(pair[1], log_a_line, rig);
    assert_int_equal(read_until(pair[0], 2 * (sizeof sample_text - 1)),
                     2 * (sizeof sample_text - 1));
    assert_true(rig->log.socket);

    access_log_give_up(&rig->log);
    for (int i = 0; i < 100 && atomic_load(&rig->log.dropped) == 0; i++) {
        for (int line = 0; line < 200; line++)
            access_batch_add(&rig->batch, &sample, 0);
        flush(rig);
    }
    assert_true(atomic_load(&rig->log.dropped) > 0);
    close(pair[0]);
    close(pair[1]);
    finish_and_dispose(rig);
}

/* Two cores' helpers and a pipe that takes less than a batch: no line in the middle of another. */
static void batches_do_not_mix(void **state)
{
    struct rig *rig = make();
    int reader = make_reader(rig);
    struct io other_io = { 0 };
    struct access_batch other;
    struct access_line line = sample;
    size_t lines = 0, wanted;

    (void)state;
    start(rig, rig->path);
    assert_true(access_batch_init(&other, &rig->log, &engine, &other_io));
    line.target = STR("/other");
    for (; rig->io.handed == 0; lines++) {
        access_batch_add(&rig->batch, &sample, 0);
        access_batch_add(&other, &line, 0);
    }
    assert_true(fcntl(rig->log.fd, F_SETPIPE_SZ, 4096) == 4096);
    access_batch_flush(&other);
    wanted = lines * 2 * (sizeof sample_text - 1);
    pthread_t first = start_helper(rig), second;
    assert_int_equal(pthread_create(&second, NULL, run_on_helper, other_io.job), 0);
    assert_int_equal(read_until(reader, wanted), wanted);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    access_batch_worked(&rig->batch, 0);
    access_batch_worked(&other, 0);

    assert_int_equal(count_of(seen, sample_text), lines);
    assert_int_equal(count_of(seen, "\"GET /other HTTP/1.1\""), lines);
    access_batch_free(&other);
    close(reader);
    finish_and_dispose(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_in_the_combined_format),
        cmocka_unit_test(the_second_is_told_anew),
        cmocka_unit_test(what_is_missing_is_a_dash),
        cmocka_unit_test(numbers_may_be_large),
        cmocka_unit_test(only_what_is_harmless_is_written_as_it_is),
        cmocka_unit_test(every_field_is_escaped),
        cmocka_unit_test(long_fields_are_cut_and_say_so),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(a_half_full_buffer_is_handed_over),
        cmocka_unit_test(a_line_waits_a_second_at_most),
        cmocka_unit_test(an_overdue_line_goes_when_the_helper_is_back),
        cmocka_unit_test(lines_are_dropped_when_both_buffers_are_full),
        cmocka_unit_test(drops_are_told_once_a_second_and_at_the_end),
        cmocka_unit_test(the_log_is_appended_to_and_private),
        cmocka_unit_test(a_log_that_cannot_be_opened_is_named),
        cmocka_unit_test(reopening_follows_the_name),
        cmocka_unit_test(a_failed_reopening_keeps_the_old_file),
        cmocka_unit_test(a_full_disk_is_told_once_and_gone_on),
        cmocka_unit_test(a_reader_that_is_gone),
        cmocka_unit_test(a_slow_reader_gets_every_line_whole),
        cmocka_unit_test(giving_up_ends_the_wait),
        cmocka_unit_test(a_line_cut_by_a_failure_is_ended),
        cmocka_unit_test(a_dash_is_standard_output),
        cmocka_unit_test(a_pipe_on_standard_output_is_not_changed),
        cmocka_unit_test(a_socket_on_standard_output_never_blocks),
        cmocka_unit_test(batches_do_not_mix),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

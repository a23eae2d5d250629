/* ringlet-steps [-o FILE] PID... - count the instructions that processes execute in user space, by
 * stepping all their threads (ptrace(2)), on machines whose CPU has no counters to be read.
 *
 * Says "stepping" when it has hold of them, goes on until SIGINT or SIGTERM, lets go of them and
 * prints the count. A string instruction counts once however often it repeats, and what the kernel
 * does counts nothing. Threads that begin later are not stepped. With -o, FILE gets a line for each
 * address that was executed: the address, and how often. */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    THREADS_MAX = 256, /* more are refused */
    PLACES = 1 << 18,  /* addresses that are told apart; what is beyond is refused, too */
    EXIT_USAGE = 2,
};

struct thread {
    pid_t id;
    bool held;
    uint64_t at; /* the instruction it is to execute next */
};

struct place {
    uint64_t address, count;
};

struct steps {
    struct thread threads[THREADS_MAX];
    int thread_count, held;
    uint64_t total;
    struct place *places; /* a hash table, or NULL */
    unsigned places_used;
};

static volatile sig_atomic_t ended;

/* Again and again, in case it came just before a wait. */
static void end(int number)
{
    (void)number;
    ended = 1;
    alarm(1);
}

static int fail(const char *what, int error)
{
    fprintf(stderr, "ringlet-steps: %s: %s\n", what, strerror(error));
    return -1;
}

/* --- whom --- */

static int seize(struct steps *s, pid_t id)
{
    if (s->thread_count == THREADS_MAX)
        return fail("too many threads", E2BIG);
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, id, NULL, NULL) < 0)
        return fail("a thread can't be traced", errno);
    s->threads[s->thread_count++].id = id;
    return 0;
}

static int seize_process(struct steps *s, const char *pid)
{
    char path[64];
    const struct dirent *entry;
    int result = 0;

    snprintf(path, sizeof path, "/proc/%.20s/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return fail(path, errno);
    while (result == 0 && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            result = seize(s, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(tasks);
    return result;
}

static struct thread *find(struct steps *s, pid_t id)
{
    for (int i = 0; i < s->thread_count; i++)
        if (s->threads[i].id == id)
            return &s->threads[i];
    return NULL;
}

/* One that ended is forgotten. */
static void forget(struct steps *s, struct thread *thread)
{
    s->held -= thread->held;
    *thread = s->threads[--s->thread_count];
}

/* --- counting --- */

/* Room is left, so that looking ends. */
static bool count_place(struct steps *s, uint64_t address)
{
    uint64_t i = (address * UINT64_C(0x9e3779b97f4a7c15)) % PLACES;

    while (s->places[i].count > 0 && s->places[i].address != address)
        i = (i + 1) % PLACES;
    if (s->places[i].count == 0 && ++s->places_used == PLACES)
        return false;
    s->places[i].address = address;
    s->places[i].count++;
    return true;
}

static uint64_t next_instruction(const struct thread *thread)
{
    return (uint64_t)ptrace(PTRACE_PEEKUSER, thread->id, offsetof(struct user_regs_struct, rip),
                            NULL);
}

/* It has executed an instruction. The same one again is a string instruction that repeats. */
static bool count(struct steps *s, struct thread *thread)
{
    uint64_t next = next_instruction(thread), done = thread->at;

    if (next == done)
        return true;
    thread->at = next;
    s->total++;
    return !s->places || count_place(s, done);
}

static void hold(struct steps *s, struct thread *thread)
{
    thread->held = true;
    thread->at = next_instruction(thread);
    if (++s->held < s->thread_count)
        return;
    printf("stepping\n");
    fflush(stdout);
}

/* A thread has stopped: after a step, because it was asked to, or before a signal that it gets. */
static bool go_on(struct steps *s, struct thread *thread, int status)
{
    int signal_number = WSTOPSIG(status), event = status >> 16, passed = 0;
    bool counted = true;

    if (event == PTRACE_EVENT_STOP) {
        if (!thread->held)
            hold(s, thread);
    } else if (signal_number == SIGTRAP) {
        counted = count(s, thread);
    } else {
        passed = signal_number;
    }
    ptrace(PTRACE_SINGLESTEP, thread->id, NULL, passed);
    return counted;
}

static int step(struct steps *s)
{
    while (!ended && s->thread_count > 0) {
        int status;
        pid_t id = waitpid(-1, &status, __WALL);
        struct thread *thread = id > 0 ? find(s, id) : NULL;

        if (!thread)
            continue;
        if (!WIFSTOPPED(status))
            forget(s, thread);
        else if (!go_on(s, thread, status))
            return fail("too many addresses", E2BIG);
    }
    return 0;
}

/* Is a step done whose SIGTRAP has not been told yet? */
static bool has_trap(pid_t id)
{
    struct __ptrace_peeksiginfo_args first = { .nr = 1 };
    siginfo_t info;

    return ptrace(PTRACE_PEEKSIGINFO, id, &first, &info) == 1 && info.si_signo == SIGTRAP;
}

/* The thread is stopped. A trap that is left behind would end its process. */
static void detach(pid_t id, int status)
{
    bool asked = status >> 16 == PTRACE_EVENT_STOP;
    int passed = asked || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);

    if (asked && has_trap(id)) {
        ptrace(PTRACE_CONT, id, NULL, 0);
        if (waitpid(id, &status, __WALL) != id || !WIFSTOPPED(status))
            return;
    }
    ptrace(PTRACE_DETACH, id, NULL, passed);
}

static void let_go(const struct steps *s)
{
    for (int i = 0; i < s->thread_count; i++) {
        pid_t id = s->threads[i].id;
        int status;

        ptrace(PTRACE_INTERRUPT, id, NULL, NULL);
        if (waitpid(id, &status, __WALL) == id && WIFSTOPPED(status))
            detach(id, status);
    }
}

static int write_places(const struct steps *s, const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return fail(path, errno);
    for (int i = 0; i < PLACES; i++)
        if (s->places[i].count > 0)
            fprintf(file, "%" PRIx64 " %" PRIu64 "\n", s->places[i].address, s->places[i].count);
    if (fclose(file) != 0)
        return fail(path, errno);
    return 0;
}

static void heed_signals(void)
{
    struct sigaction action = { .sa_handler = end }; /* no SA_RESTART: waitpid returns */

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
}

int main(int argc, char **argv)
{
    static struct steps s;
    bool to_file = argc > 2 && strcmp(argv[1], "-o") == 0;
    int result = 0;

    if (argc < (to_file ? 4 : 2)) {
        fprintf(stderr, "usage: ringlet-steps [-o FILE] PID...\n");
        return EXIT_USAGE;
    }
    if (to_file && !(s.places = calloc(PLACES, sizeof *s.places)))
        return fail("-o", ENOMEM) ? EXIT_FAILURE : 0;
    heed_signals();
    for (int i = to_file ? 3 : 1; i < argc && result == 0; i++)
        result = seize_process(&s, argv[i]);
    if (result == 0)
        result = step(&s);
    let_go(&s);
    if (result == 0 && to_file)
        result = write_places(&s, argv[2]);
    if (result < 0)
        return EXIT_FAILURE;
    printf("%" PRIu64 "\n", s.total);
    return EXIT_SUCCESS;
}

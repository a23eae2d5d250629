/* server/team.c in the build without io_uring: falling back, saying why, starting and ending
 * together. */
#include "dial.h"
#include "server/listener.h"
#include "server/team.h"
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"

enum { CORES = 2 };

struct house {
    struct config config;
    struct team team;
    int listeners[CORES];
    uint16_t port;
    struct team_setup setup;
    struct sentence note, why;
};

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *all = opendir("/proc/self/fd");

    assert_non_null(all);
    while (readdir(all))
        count++;
    closedir(all);
    return count;
}

/* Two cores need not be two CPUs for this. */
static int first_cpu(void)
{
    cpu_set_t set;
    int cpu = 0;

    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    return cpu;
}

static void house_open(struct house *house, enum engine_choice engine)
{
    struct sentence why;

    *house = (struct house){ .config = stage_config() };
    house->config.cores = CORES;
    house->config.engine = engine;
    for (int i = 0; i < CORES; i++)
        house->config.cpus[i] = first_cpu();
    assert_int_equal(listener_open_all("127.0.0.1", &house->port, house->listeners, CORES, &why),
                     0);
    house->setup = (struct team_setup){
        .config = &house->config,
        .listeners = house->listeners,
        .root = open(stage_site(), O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
}

static int house_start(struct house *house)
{
    return team_start(&house->team, &house->setup, &house->note, &house->why);
}

static void await_end(struct team *team)
{
    do
        dial_wait(team->done);
    while (!team_is_over(team));
}

static bool says(const struct sentence *sentence, const char *words)
{
    return strstr(sentence->text, words);
}

/* Connections go to one or the other: enough of them go to both. */
static void ask_often(const struct house *house)
{
    for (int i = 0; i < 20; i++) {
        struct dial dial = dial_open(house->port);
        struct answer answer = dial_ask(&dial, HELLO);
        expect_file(&answer, FILE_HELLO, false);
        dial_close(&dial);
    }
}

static void epoll_is_had_when_asked_for(void **state)
{
    struct house house;
    unsigned before = open_descriptors();
    bool clean = false;

    (void)state;
    house_open(&house, ENGINE_EPOLL);
    assert_int_equal(house_start(&house), 0);
    assert_int_equal(house.note.text[0], '\0');
    assert_ptr_equal(house.team.engine, &io_epoll_engine);
    assert_int_equal(house.team.count, CORES);
    for (int i = 0; i < CORES; i++)
        assert_int_equal(fcntl(house.listeners[i], F_GETFD), -1);
    ask_often(&house);
    team_give(&house.team, WORKER_DRAIN);
    await_end(&house.team);
    assert_int_equal(team_join(&house.team, &clean), 0);
    assert_true(clean);
    close(house.setup.root);
    assert_int_equal(open_descriptors(), before);
}

static void auto_falls_back_and_says_why(void **state)
{
    struct house house;
    unsigned before = open_descriptors();
    bool clean = false;

    (void)state;
    house_open(&house, ENGINE_AUTO);
    assert_int_equal(house_start(&house), 0);
    assert_ptr_equal(house.team.engine, &io_epoll_engine);
    assert_true(says(&house.note, "io_uring can't be had: Function not implemented"));
    assert_true(says(&house.note, "use the ringlet binary"));
    assert_true(says(&house.note, "; serving with epoll instead"));
    assert_false(says(&house.note, "\n"));
    ask_often(&house);
    team_give(&house.team, WORKER_DRAIN);
    await_end(&house.team);
    assert_int_equal(team_join(&house.team, &clean), 0);
    assert_true(clean);
    close(house.setup.root);
    assert_int_equal(open_descriptors(), before);
}

static void io_uring_is_refused_when_it_must_be_that(void **state)
{
    struct house house;
    unsigned before = open_descriptors();

    (void)state;
    house_open(&house, ENGINE_IO_URING);
    assert_int_equal(house_start(&house), -ENOSYS);
    assert_true(says(&house.why, "--engine: io_uring can't be had: Function not implemented"));
    assert_true(says(&house.why, "use the ringlet binary"));
    assert_int_equal(house.note.text[0], '\0');
    listener_close_all(house.listeners, CORES);
    close(house.setup.root);
    assert_int_equal(open_descriptors(), before);
}

static void cuts_are_added_up(void **state)
{
    enum { DIALS = 8 };
    struct house house;
    struct dial dials[DIALS];
    bool clean = false;

    (void)state;
    house_open(&house, ENGINE_EPOLL);
    assert_int_equal(house_start(&house), 0);
    for (int i = 0; i < DIALS; i++) {
        dials[i] = dial_open(house.port);
        dial_ask(&dials[i], HELLO);
    }
    team_give(&house.team, WORKER_STOP);
    await_end(&house.team);
    assert_int_equal(team_join(&house.team, &clean), DIALS);
    assert_true(clean);
    for (int i = 0; i < DIALS; i++) {
        assert_false(dial_ends(&dials[i]));
        dial_close(&dials[i]);
    }
    close(house.setup.root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epoll_is_had_when_asked_for),
        cmocka_unit_test(auto_falls_back_and_says_why),
        cmocka_unit_test(io_uring_is_refused_when_it_must_be_that),
        cmocka_unit_test(cuts_are_added_up),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

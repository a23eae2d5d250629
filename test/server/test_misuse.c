/* server/misuse.c: who is told of, what for, and how often. */
#include "server/misuse.h"

#include "app/endpoints.h"
#include "ear.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { START_MS = 1000000 };

static uint64_t fake_now_ms, fake_delay_ms;

static uint64_t fake_clock(void)
{
    return fake_now_ms;
}

static uint64_t fake_delay(void)
{
    return fake_delay_ms;
}

static const struct endpoint one = { .method = HTTP_GET, .pattern = STR_INIT("/one") };
static const struct endpoint two = { .method = HTTP_POST, .pattern = STR_INIT("/two") };

static struct misuse begin(void)
{
    fake_now_ms = START_MS;
    fake_delay_ms = 7000; /* of times long gone */
    return (struct misuse){ .clock_ms = fake_clock, .delay_ms = fake_delay };
}

/* A turn in which one handler takes some time, some of it because others had the CPU. */
static const char *turn(struct misuse *misuse, const struct endpoint *route, uint64_t took_ms,
                        uint64_t delay_ms, struct ear *ear)
{
    uint64_t began_ms = fake_now_ms;

    ear_open(ear);
    misuse_note(misuse, route, began_ms);
    fake_now_ms += took_ms;
    fake_delay_ms += delay_ms;
    misuse_end_turn(misuse, began_ms);
    return ear_close(ear);
}

static void each_route_is_told_of_once_a_second(void **state)
{
    struct misuse misuse = begin();
    struct ear ear;

    (void)state;
    ear_open(&ear);
    misuse_tell(&misuse, &one, START_MS, "sleeps");
    misuse_tell(&misuse, &two, START_MS + 1, "sleeps");
    misuse_tell(&misuse, &one, START_MS + MISUSE_TELL_MS - 1, "snores");
    misuse_tell(&misuse, &two, START_MS + MISUSE_TELL_MS, "snores");
    misuse_tell(&misuse, &one, START_MS + MISUSE_TELL_MS, "wakes");
    assert_string_equal(ear_close(&ear), "ringlet: GET /one: the handler sleeps\n"
                                         "ringlet: POST /two: the handler sleeps\n"
                                         "ringlet: GET /one: the handler wakes\n");
}

static void so_many_routes_are_told_of(void **state)
{
    struct endpoint routes[MISUSE_ROUTES + 1];
    struct misuse misuse = begin();
    struct ear ear;
    int lines = 0;

    (void)state;
    ear_open(&ear);
    for (int i = 0; i <= MISUSE_ROUTES; i++) {
        routes[i] = one;
        misuse_tell(&misuse, &routes[i], START_MS, "sleeps");
    }
    for (const char *at = ear_close(&ear); (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, MISUSE_ROUTES);
    ear_open(&ear);
    misuse_tell(&misuse, &routes[MISUSE_ROUTES], START_MS + MISUSE_TELL_MS, "sleeps");
    assert_string_equal(ear_close(&ear), "ringlet: GET /one: the handler sleeps\n");
}

/* Whether it computes or sleeps: the CPU was there for it. */
static void who_holds_up_the_core_is_told_of(void **state)
{
    struct misuse misuse = begin();
    struct ear ear;

    (void)state;
    assert_string_equal(turn(&misuse, &one, RINGLET_BLOCKED_MS, 0, &ear), "");
    assert_string_equal(turn(&misuse, &one, RINGLET_BLOCKED_MS + 1, 0, &ear),
                        "ringlet: GET /one: the handler has held up its core for 101 ms\n");
    assert_string_equal(turn(&misuse, &two, 300, 150, &ear),
                        "ringlet: POST /two: the handler has held up its core for 150 ms\n");
    uint64_t began_ms = fake_now_ms;
    ear_open(&ear);
    misuse_note(&misuse, &two, began_ms);
    misuse_note(&misuse, &two, began_ms);
    misuse_note(&misuse, &one, began_ms);
    fake_now_ms += 2000;
    misuse_end_turn(&misuse, began_ms);
    assert_string_equal(ear_close(&ear),
                        "ringlet: GET /one: the handler or one of the 2 before it in the same turn "
                        "has held up its core for 2000 ms\n");
}

static void who_waits_for_the_cpu_is_not(void **state)
{
    struct misuse misuse = begin();
    struct ear ear;

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_string_equal(turn(&misuse, &one, 500, 450, &ear), "");
}

/* The wait may have been before the turn; once it is suspected, that is told apart. */
static void suspects_are_watched(void **state)
{
    struct misuse misuse = begin();
    struct ear ear;

    (void)state;
    assert_string_equal(turn(&misuse, &one, 1, 0, &ear), "");
    fake_delay_ms += 400;
    assert_string_equal(turn(&misuse, &one, 300, 0, &ear), "");
    for (int i = 0; i < 3; i++) {
        fake_now_ms += MISUSE_TELL_MS;
        fake_delay_ms += 400;
        assert_string_equal(turn(&misuse, &one, 300, 20, &ear),
                            "ringlet: GET /one: the handler has held up its core for 280 ms\n");
    }
    fake_now_ms += MISUSE_SUSPECT_MS;
    assert_string_equal(turn(&misuse, &one, 1, 0, &ear), "");
    fake_delay_ms += 400;
    assert_string_equal(turn(&misuse, &one, 300, 0, &ear), "");
}

static void without_the_kernels_count_time_is_time(void **state)
{
    struct misuse misuse = begin();
    struct ear ear;

    (void)state;
    misuse.delay_ms = NULL;
    assert_string_equal(turn(&misuse, &one, 500, 450, &ear),
                        "ringlet: GET /one: the handler has held up its core for 500 ms\n");
}

/* --- what the kernel says --- */

static _Atomic bool over;

static void *spin(void *argument)
{
    while (!over)
        continue;
    return argument;
}

/* Two threads want one CPU. */
static void the_kernel_counts_waits(void **state)
{
    uint64_t first_ms = misuse_delay_ms();
    time_t start = time(NULL);
    cpu_set_t before, cpu;
    pthread_t other;

    (void)state;
    if (access("/proc/thread-self/schedstat", R_OK) < 0)
        skip();
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&cpu);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&cpu) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &cpu);
    assert_int_equal(sched_setaffinity(0, sizeof cpu, &cpu), 0);
    over = false;
    assert_int_equal(pthread_create(&other, NULL, spin, NULL), 0);
    while (misuse_delay_ms() < first_ms + 2 && time(NULL) < start + 30)
        continue;
    over = true;
    pthread_join(other, NULL);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_true(misuse_delay_ms() >= first_ms + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_is_told_of_once_a_second),
        cmocka_unit_test(so_many_routes_are_told_of),
        cmocka_unit_test(who_holds_up_the_core_is_told_of),
        cmocka_unit_test(who_waits_for_the_cpu_is_not),
        cmocka_unit_test(suspects_are_watched),
        cmocka_unit_test(without_the_kernels_count_time_is_time),
        cmocka_unit_test(the_kernel_counts_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

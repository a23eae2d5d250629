/* Clause 2 where `wait` polls before it sleeps. The fake engine has no time to spend and never
 * does, so there it is clause 2 once more. */
#include "contract.h"
#include "rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { POLLS_MOST = 4 };

static struct rig *open_spinning(void)
{
    unsigned before = rig_choose_spin(IO_SPIN_MAX_US);
    struct rig *rig = rig_open_accepting();

    rig_choose_spin(before);
    return rig;
}

static uint64_t spins(const struct rig *rig)
{
    return rig->engine->stats(rig->io).spins;
}

/* Real time passes, so nobody has to wait for what is there already. */
static void clause_2_what_comes_is_found(void **state)
{
    struct rig *rig = open_spinning();
    struct wire *wire = wire_open(rig);

    (void)state;
    for (int round = 0; round < 200; round++) {
        wire_write(rig, wire, 10);
        while (wire->received < wire->peer_wrote)
            rig_turn(rig, -1);
        wire_send(rig, wire, 10, 1);
        while (wire->sending)
            rig_turn(rig, -1);
        wire_read_all(rig, wire, 10);
    }
    assert_int_equal(spins(rig) > 0, !rig_is_fake(rig));
    rig_close(rig);
}

static void *tell_later(void *argument)
{
    const int *fd = argument;
    const struct timespec moment = { .tv_nsec = 300 * 1000 };
    const uint64_t one = 1;

    for (int i = 0; i < 50; i++) {
        nanosleep(&moment, NULL);
        assert_int_equal(write(*fd, &one, sizeof one), sizeof one);
    }
    return NULL;
}

/* What another thread does, too: that is how orders come. */
static void clause_2_another_thread_is_heard(void **state)
{
    struct rig *rig = open_spinning();
    struct io_watch watch = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    uint64_t heard = 0, count;
    pthread_t thread;

    (void)state;
    wire_open(rig);
    rig->engine->watch(rig->io, &watch);
    assert_int_equal(pthread_create(&thread, NULL, tell_later, &watch.fd), 0);
    for (uint64_t start_ms = rig_real_ms(); heard < 50; rig_go_on(rig, start_ms, "hearing"))
        if (read(watch.fd, &count, sizeof count) > 0)
            heard += count;
    pthread_join(thread, NULL);
    rig->engine->unwatch(rig->io, &watch);
    RIG_UNTIL(rig, rig->unwatched == 1)
    continue;
    close(watch.fd);
    rig_close(rig);
}

static void clause_2_timeouts_are_kept(void **state)
{
    const int timeouts_ms[] = { 1, 2, 10, 50, 1, 2 };
    struct rig *rig = open_spinning();

    (void)state;
    wire_open(rig);
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof *timeouts_ms; i++)
        rig_expect_timeout(rig, timeouts_ms[i]);
    rig_close(rig);
}

static void clause_2_a_wait_without_a_sleep_does_not_poll(void **state)
{
    struct rig *rig = open_spinning();

    (void)state;
    wire_open(rig);
    uint64_t before = spins(rig);
    for (int i = 0; i < 100; i++)
        rig_turn(rig, 0);
    assert_int_equal(spins(rig), before);
    rig_close(rig);
}

static void clause_2_nobody_polls_for_nobody(void **state)
{
    struct rig *rig = open_spinning();

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(rig_turn(rig, 2), 0);
    assert_int_equal(spins(rig), 0);
    struct wire *wire = wire_open(rig);
    rig_settle(rig);
    wire_finish(rig, wire);
    uint64_t before = spins(rig);
    for (int i = 0; i < 20; i++)
        assert_int_equal(rig_turn(rig, 2), 0);
    assert_int_equal(spins(rig), before);
    rig_close(rig);
}

/* Sleeps that outlast any poll. */
static void clause_2_polling_in_vain_ends(void **state)
{
    struct rig *rig = open_spinning();

    (void)state;
    wire_open(rig);
    rig_turn(rig, 2); /* finds what the kernel says of a new socket */
    uint64_t before = spins(rig);
    for (int i = 0; i < 20; i++)
        rig_turn(rig, 2);
    assert_in_range(spins(rig) - before, 0, POLLS_MOST);
    before = spins(rig);
    for (int i = 0; i < 20; i++)
        rig_turn(rig, 2);
    assert_int_equal(spins(rig), before);
    rig_expect_sleep(rig);
    rig_close(rig);
}

int contract_spinning(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clause_2_what_comes_is_found),
        cmocka_unit_test(clause_2_another_thread_is_heard),
        cmocka_unit_test(clause_2_timeouts_are_kept),
        cmocka_unit_test(clause_2_a_wait_without_a_sleep_does_not_poll),
        cmocka_unit_test(clause_2_nobody_polls_for_nobody),
        cmocka_unit_test(clause_2_polling_in_vain_ends),
    };

    return cmocka_run_group_tests_name("spinning", tests, NULL, NULL);
}

/* app/body.c: pausing, going on, and what a body waits with. */
#include "app/body.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static void ready(struct ringlet_body *body, void **state, void *data)
{
    (void)body;
    (void)state;
    (void)data;
}

static void it_pauses_and_goes_on(void **state)
{
    struct list changes;
    struct ringlet_body body;

    (void)state;
    list_init(&changes);
    body_init(&body, NULL, &changes);
    assert_false(body.paused);
    assert_int_equal(ringlet_body_pause(&body), 0);
    assert_true(body.paused && list_empty(&changes)); /* the server sees it by itself */
    assert_int_equal(ringlet_body_more(&body), 0);
    assert_false(body.paused);
    assert_ptr_equal(body_of(CONTAINER_OF(list_first(&changes), struct wait, changed)), &body);
    wait_drop(&body.wait);
}

static void it_waits(void **state)
{
    struct list changes;
    struct ringlet_body body;
    int ends[2];

    (void)state;
    list_init(&changes);
    body_init(&body, NULL, &changes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(ringlet_body_timer(&body, 5, ready), 0);
    assert_true(body.timer == ready && body.wait.timer && body.wait.timer_ms == 5);
    assert_int_equal(ringlet_body_timer(&body, 5, NULL), 0);
    assert_true(!body.timer && !body.wait.timer);
    assert_int_equal(ringlet_body_descriptor(&body, ends[0], RINGLET_READABLE, ready), 0);
    assert_true(body.descriptor == ready);
    assert_int_equal(ringlet_body_descriptor(&body, -1, RINGLET_READABLE, ready), -EINVAL);
    assert_true(body.descriptor == ready && body.wait.fd >= 0); /* the one before stays */
    wait_drop(&body.wait);
    close(ends[0]);
    close(ends[1]);
}

static void null_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ringlet_body_pause(NULL), -EINVAL);
    assert_int_equal(ringlet_body_more(NULL), -EINVAL);
    assert_int_equal(ringlet_body_timer(NULL, 1, ready), -EINVAL);
    assert_int_equal(ringlet_body_descriptor(NULL, 0, RINGLET_READABLE, ready), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_pauses_and_goes_on),
        cmocka_unit_test(it_waits),
        cmocka_unit_test(null_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* app/wait.c: what is asked for is noted once, in order, and descriptors are ours alone. */
#include "app/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static struct wait *changed_first(struct list *changes)
{
    struct list *node = list_take(changes);

    return node ? CONTAINER_OF(node, struct wait, changed) : NULL;
}

static void what_is_asked_is_noted_in_order(void **state)
{
    struct list changes;
    struct wait first, second;

    (void)state;
    list_init(&changes);
    wait_init(&first, WAIT_OF_REPLY, &changes);
    wait_init(&second, WAIT_OF_BODY, &changes);
    assert_true(list_empty(&changes));
    wait_for_time(&first, 10, true);
    wait_for_time(&second, 20, true);
    wait_for_time(&first, 30, false); /* once more: it moves behind */
    assert_ptr_equal(changed_first(&changes), &second);
    assert_ptr_equal(changed_first(&changes), &first);
    assert_null(changed_first(&changes));
    assert_true(second.timer_asked && second.timer && second.timer_ms == 20);
    assert_true(first.timer_asked && !first.timer);
}

static void a_duplicate_is_kept(void **state)
{
    struct list changes;
    struct wait wait;
    int ends[2];

    (void)state;
    list_init(&changes);
    wait_init(&wait, WAIT_OF_REPLY, &changes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(wait_for_descriptor(&wait, ends[0], RINGLET_READABLE, true), 0);
    int duplicate = wait.fd;
    assert_true(duplicate >= 0 && duplicate != ends[0]);
    assert_true(fcntl(duplicate, F_GETFD) & FD_CLOEXEC);
    assert_ptr_equal(changed_first(&changes), &wait);
    assert_int_equal(wait_for_descriptor(&wait, -1, 0, false), 0); /* none any more */
    assert_int_equal(wait.fd, -1);
    assert_int_equal(fcntl(duplicate, F_GETFD), -1);
    assert_int_equal(wait_for_descriptor(&wait, ends[1], RINGLET_WRITABLE, true), 0);
    duplicate = wait.fd;
    wait_drop(&wait);
    assert_int_equal(fcntl(duplicate, F_GETFD), -1);
    assert_true(list_empty(&changes));
    close(ends[0]);
    close(ends[1]);
}

static void what_cannot_be_watched_changes_nothing(void **state)
{
    struct list changes;
    struct wait wait;
    int ends[2], folder = open(".", O_RDONLY | O_CLOEXEC);

    (void)state;
    list_init(&changes);
    wait_init(&wait, WAIT_OF_REPLY, &changes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(wait_for_descriptor(&wait, -1, RINGLET_READABLE, true), -EINVAL);
    assert_int_equal(wait_for_descriptor(&wait, folder, RINGLET_READABLE, true), -EINVAL);
    assert_int_equal(wait_for_descriptor(&wait, ends[0], 0, true), -EINVAL);
    assert_int_equal(wait_for_descriptor(&wait, ends[0], 4, true), -EINVAL);
    assert_true(list_empty(&changes) && !wait.descriptor_asked && wait.fd == -1);
    close(folder);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_is_noted_in_order),
        cmocka_unit_test(a_duplicate_is_kept),
        cmocka_unit_test(what_cannot_be_watched_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "io/bounce.h"

#include "io/send.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void prepare(struct io_sock *s, size_t left)
{
    *s = (struct io_sock){ .fd = -1 };
    list_init(&s->waiting);
    send_start(s, NULL, 0, 42, 1000, left);
}

static void one_reads_on_from_where_the_file_stands(void **state)
{
    struct bounces b;
    struct io_sock s;

    (void)state;
    assert_int_equal(bounces_open(&b), 0);
    prepare(&s, BOUNCE_SIZE + 10);
    struct io_file_op *op = bounce_read(&b, &s);
    assert_non_null(op);
    assert_ptr_equal(op->sock, &s);
    assert_int_equal(op->kind, IO_FILE_READ);
    assert_int_equal(op->fd, 42);
    assert_int_equal(op->offset, 1000);
    assert_int_equal(op->len, BOUNCE_SIZE);

    op->result = BOUNCE_SIZE - 1; /* a file may end early; what there is goes out */
    assert_true(bounce_filled(&s));
    assert_int_equal(s.out.iov[0].iov_len, BOUNCE_SIZE - 1);
    assert_int_equal(s.out.file_left, 11);
    assert_int_equal(s.out.file_at, 1000 + BOUNCE_SIZE - 1);

    send_took(&s, BOUNCE_SIZE - 1);
    op = bounce_read(&b, &s);
    assert_int_equal(op->len, 11);
    op->result = 0;
    assert_false(bounce_filled(&s));
    assert_int_equal(s.out.result, -ENODATA);
    bounce_release(&b, &s);
    assert_null(s.out.bounce);
    bounces_free(&b);
}

static void those_without_one_wait_their_turn(void **state)
{
    struct bounces b;
    struct io_sock s[BOUNCE_COUNT + 2];

    (void)state;
    assert_int_equal(bounces_open(&b), 0);
    for (int i = 0; i < BOUNCE_COUNT + 2; i++) {
        prepare(&s[i], 100);
        assert_int_equal(bounce_read(&b, &s[i]) != NULL, i < BOUNCE_COUNT);
    }
    assert_null(bounces_next(&b));
    bounce_release(&b, &s[3]);
    assert_ptr_equal(bounces_next(&b), &s[BOUNCE_COUNT]);
    assert_non_null(bounce_read(&b, &s[BOUNCE_COUNT]));
    assert_null(bounces_next(&b));
    bounce_release(&b, &s[BOUNCE_COUNT + 1]); /* gives up waiting */
    for (int i = 0; i < BOUNCE_COUNT + 1; i++)
        bounce_release(&b, &s[i]);
    assert_null(bounces_next(&b));
    bounces_free(&b);
}

static void who_stalls_keeps_none_from_others(void **state)
{
    struct bounces b;
    struct io_sock s[BOUNCE_COUNT + 2];

    (void)state;
    assert_int_equal(bounces_open(&b), 0);
    for (int i = 0; i < BOUNCE_COUNT; i++) {
        prepare(&s[i], 100);
        bounce_read(&b, &s[i])->result = 100;
    }
    prepare(&s[BOUNCE_COUNT], 100);
    assert_null(bounce_read(&b, &s[BOUNCE_COUNT]));

    assert_true(bounce_filled(&s[5]));
    send_took(&s[5], 30);
    bounce_stall(&b, &s[5]);
    assert_true(bounce_filled(&s[6]));
    bounce_stall(&b, &s[6]);
    assert_ptr_equal(bounces_next(&b), &s[BOUNCE_COUNT]);
    assert_non_null(bounce_read(&b, &s[BOUNCE_COUNT]));
    assert_null(s[5].out.bounce);
    assert_false(send_vector_left(&s[5]));
    assert_int_equal(s[5].out.file_at, 1030);
    assert_int_equal(s[5].out.file_left, 70);

    /* The other one goes on in time, and reads the rest into the same buffer: it is safe again. */
    send_took(&s[6], 100);
    s[6].out.file_left = 1;
    assert_non_null(bounce_read(&b, &s[6]));
    prepare(&s[BOUNCE_COUNT + 1], 100);
    assert_null(bounce_read(&b, &s[BOUNCE_COUNT + 1]));
    for (int i = 0; i < BOUNCE_COUNT + 2; i++)
        bounce_release(&b, &s[i]);
    bounces_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_reads_on_from_where_the_file_stands),
        cmocka_unit_test(those_without_one_wait_their_turn),
        cmocka_unit_test(who_stalls_keeps_none_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

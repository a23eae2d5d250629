/* app/pieces.c: what waits to go out is kept in order, bounded, and released once. */
#include "app/pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char bytes[RINGLET_PIECES_SIZE + 1];

static void count(void *owner)
{
    ++*(int *)owner;
}

static int copy(struct pieces *pieces, size_t len)
{
    return pieces_copy(pieces, str_of(bytes, len));
}

static int give(struct pieces *pieces, size_t len, int *released)
{
    return pieces_give(pieces, str_of(bytes, len), count, released);
}

static void they_come_in_order(void **state)
{
    struct pieces pieces;
    int released = 0;

    (void)state;
    pieces_init(&pieces, RINGLET_LENGTH_UNKNOWN);
    assert_int_equal(pieces_copy(&pieces, STR("ab")), 0);
    assert_int_equal(pieces_copy(&pieces, STR("cd")), 0);
    assert_int_equal(pieces_give(&pieces, STR("ef"), count, &released), 0);
    assert_int_equal(pieces_copy(&pieces, STR("gh")), 0);
    assert_int_equal(pieces_copy(&pieces, STR("")), 0);
    assert_int_equal(pieces_give(&pieces, STR(""), count, &released), 0);
    assert_int_equal(released, 1);
    static const char *const wanted[] = { "abcd", "ef", "gh" };
    for (int i = 0; i < 3; i++) {
        struct piece *piece = pieces_take(&pieces);
        assert_non_null(piece);
        assert_true(str_equal(str_of(piece->at, piece->len), str_from(wanted[i])));
        piece_free(piece);
    }
    assert_null(pieces_take(&pieces));
    assert_int_equal(released, 2);
    assert_int_equal(pieces.given, 8);
    assert_int_equal(pieces.waiting, 0);
    pieces_are_sent(&pieces);
    assert_int_equal(pieces.going_out, 0);
}

static void copies_are_bounded(void **state)
{
    struct pieces pieces;
    size_t all = 0, blocks = 0;
    struct piece *piece;

    (void)state;
    pieces_init(&pieces, RINGLET_LENGTH_UNKNOWN);
    assert_int_equal(copy(&pieces, RINGLET_PIECES_SIZE + 1), -EMSGSIZE);
    while (copy(&pieces, 10) == 0)
        all += 10;
    assert_int_equal(all, RINGLET_PIECES_SIZE / 10 * 10);
    assert_int_equal(copy(&pieces, 10), -EAGAIN);
    assert_int_equal(copy(&pieces, RINGLET_PIECES_SIZE % 10), 0);
    assert_int_equal(copy(&pieces, 1), -EAGAIN);
    assert_false(pieces_have_room(&pieces));
    while ((piece = pieces_take(&pieces))) {
        blocks++;
        piece_free(piece);
    }
    assert_in_range(blocks, 2, 8);
    assert_int_equal(copy(&pieces, 1), -EAGAIN); /* they are not sent yet */
    pieces_are_sent(&pieces);
    assert_true(pieces_have_room(&pieces));
    assert_int_equal(copy(&pieces, RINGLET_PIECES_SIZE), 0);
    pieces_drop(&pieces);
}

/* The short ones count for the memory they take. */
static void what_is_given_is_bounded(void **state)
{
    struct pieces pieces;
    int released = 0, given = 0;

    (void)state;
    pieces_init(&pieces, RINGLET_LENGTH_UNKNOWN);
    while (give(&pieces, 1, &released) == 0 && copy(&pieces, 1) == 0)
        given++;
    assert_true(given <= RINGLET_PIECES_SIZE / PIECES_COST_MIN);
    assert_int_equal(give(&pieces, 1, &released), -EAGAIN);
    assert_int_equal(released, 0);
    pieces_drop(&pieces);
    assert_int_equal(released, given);
    pieces_are_sent(&pieces);
    released = 0;
    assert_int_equal(give(&pieces, sizeof bytes, &released), 0);
    assert_int_equal(give(&pieces, 1, &released), -EAGAIN);
    assert_int_equal(copy(&pieces, 1), -EAGAIN);
    pieces_drop(&pieces);
    assert_int_equal(released, 1);
}

static void a_promise_is_looked_at(void **state)
{
    struct pieces pieces;

    (void)state;
    pieces_init(&pieces, 5);
    assert_int_equal(copy(&pieces, 3), 0);
    assert_false(pieces_exceed(&pieces, 2));
    assert_true(pieces_exceed(&pieces, 3));
    assert_true(pieces_exceed(&pieces, SIZE_MAX));
    pieces_drop(&pieces);
    pieces_init(&pieces, RINGLET_LENGTH_UNKNOWN);
    assert_false(pieces_exceed(&pieces, SIZE_MAX));
    pieces_drop(&pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_in_order),
        cmocka_unit_test(copies_are_bounded),
        cmocka_unit_test(what_is_given_is_bounded),
        cmocka_unit_test(a_promise_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

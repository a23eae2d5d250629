/* app/kept.c: a reply that outlives its handler, and when the program is told that it is gone. */
#include "app/kept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A reply as a handler gets it. */
struct scene {
    struct list changes;
    struct ringlet_reply reply;
    char fields[CALL_FIELDS_ROOM], copied[CALL_CONTENT_ROOM];
    int gone;
};

static void count_gone(void *state)
{
    ((struct scene *)state)->gone++;
}

static struct ringlet_reply *keep(struct scene *s)
{
    s->gone = 0;
    list_init(&s->changes);
    s->reply = (struct ringlet_reply){ .status = 200,
                                       .fields = text_in(s->fields, sizeof s->fields),
                                       .copied = text_in(s->copied, sizeof s->copied),
                                       .changes = &s->changes };
    assert_int_equal(ringlet_reply_header(&s->reply, "X-Before", "1"), 0);
    return ringlet_reply_later(&s->reply, count_gone, s);
}

static void what_was_said_before_is_kept(void **state)
{
    struct scene s;
    struct ringlet_reply *reply = keep(&s);

    (void)state;
    assert_non_null(reply);
    assert_null(ringlet_reply_later(&s.reply, NULL, NULL)); /* it is kept already */
    assert_int_equal(ringlet_reply_send(&s.reply, "x", 1), -EALREADY);
    assert_true(str_equal(text_str(&reply->fields), STR("X-Before: 1\r\n")));
    assert_false(kept_is_finished(kept_of(reply)));
    assert_int_equal(ringlet_reply_send(reply, "later", 5), 0);
    assert_true(kept_is_finished(kept_of(reply)));
    assert_int_equal(ringlet_reply_timer(reply, 1, NULL), -EALREADY);
    assert_false(list_empty(&s.changes));
    kept_free(kept_of(reply));
    assert_true(list_empty(&s.changes));
    assert_int_equal(s.gone, 0);
}

static void one_that_is_dropped_is_told(void **state)
{
    struct scene s;
    struct ringlet_reply *reply = keep(&s);

    (void)state;
    kept_free(kept_of(reply));
    assert_int_equal(s.gone, 1);
    reply = keep(&s);
    assert_int_equal(ringlet_reply_abort(reply), 0);
    assert_true(kept_of(reply)->cut);
    assert_int_equal(ringlet_reply_abort(reply), -EALREADY);
    kept_free(kept_of(reply));
    assert_int_equal(s.gone, 0); /* that was its own wish */
}

static void pieces_keep_their_order_of_calls(void **state)
{
    struct scene s;
    struct ringlet_reply *reply = keep(&s);

    (void)state;
    assert_int_equal(ringlet_reply_piece(reply, "x", 1), -EINVAL);
    assert_int_equal(ringlet_reply_end(reply), -EINVAL);
    assert_int_equal(ringlet_reply_begin(reply, 3), 0);
    assert_int_equal(ringlet_reply_begin(reply, 3), -EALREADY);
    assert_int_equal(ringlet_reply_piece(reply, "abc", 3), 0);
    assert_false(kept_is_finished(kept_of(reply)));
    assert_int_equal(ringlet_reply_end(reply), 0);
    assert_true(kept_is_finished(kept_of(reply)) && !kept_of(reply)->cut);
    assert_int_equal(ringlet_reply_end(reply), -EALREADY);
    kept_free(kept_of(reply));
    assert_int_equal(s.gone, 0);
}

static void a_broken_promise_cuts(void **state)
{
    struct scene s;
    struct ringlet_reply *reply = keep(&s);

    (void)state;
    assert_int_equal(ringlet_reply_begin(reply, 3), 0);
    assert_int_equal(ringlet_reply_piece(reply, "abcd", 4), -EINVAL);
    assert_true(kept_of(reply)->cut && kept_of(reply)->misuse);
    kept_free(kept_of(reply));
    assert_int_equal(s.gone, 1);

    reply = keep(&s);
    assert_int_equal(ringlet_reply_begin(reply, 3), 0);
    assert_int_equal(ringlet_reply_end(reply), -EINVAL);
    assert_true(kept_of(reply)->cut && kept_of(reply)->misuse);
    kept_free(kept_of(reply));
    assert_int_equal(s.gone, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_before_is_kept),
        cmocka_unit_test(one_that_is_dropped_is_told),
        cmocka_unit_test(pieces_keep_their_order_of_calls),
        cmocka_unit_test(a_broken_promise_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

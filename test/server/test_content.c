/* server/content.c: content kept whole, or taken in pieces. */
#include "server/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct taken {
    size_t bytes;
    int releases, answer;
    bool pauses;
};

/* The state is the test's own. */
static int take(struct ringlet_body *body, const void *bytes, size_t len, void **state, void *data)
{
    struct taken *taken = data;

    if (bytes && taken->pauses)
        ringlet_body_pause(body);
    *state = bytes ? taken : NULL;
    taken->bytes += len;
    taken->releases += !bytes;
    return taken->answer;
}

static struct list changes = { &changes, &changes };

static void whole_content_is_put_together(void **state)
{
    const struct endpoint endpoint = { .body = { .wanted = true, .max = 100000 } };
    struct content *content = content_make(&endpoint, &changes);
    char bytes[7001];

    (void)state;
    assert_int_equal(content_add(content, STR("")), 0);
    assert_null(content->at);
    for (size_t i = 0; i < 10; i++) {
        memset(bytes, 'a' + (int)i, sizeof bytes);
        assert_int_equal(content_add(content, str_of(bytes, sizeof bytes)), 0);
    }
    assert_int_equal(content->len, 10 * sizeof bytes);
    for (size_t i = 0; i < content->len; i++)
        assert_int_equal(content->at[i], 'a' + (int)(i / sizeof bytes));
    assert_true(content->cap < 4 * content->len);
    content_free(content);
    content_free(NULL);
}

static void pieces_are_handed_on(void **state)
{
    struct taken taken = { 0 };
    const struct endpoint endpoint = { .body = { .wanted = true, .piece = take }, .data = &taken };
    struct content *content = content_make(&endpoint, &changes);

    (void)state;
    assert_int_equal(content_add(content, STR("abc")), 0);
    assert_int_equal(content_add(content, STR("")), 0);
    assert_int_equal(content_add(content, STR("de")), 0);
    assert_int_equal(taken.bytes, 5);
    assert_ptr_equal(content->body.state, &taken);
    assert_null(content->at);
    content_free(content);
    assert_int_equal(taken.releases, 1);
}

static void what_a_piece_refuses_is_a_status(void **state)
{
    static const struct {
        int said, status;
    } cases[] = { { 400, 400 }, { 599, 599 }, { 200, 500 }, { -1, 500 }, { 600, 500 } };
    struct taken taken = { 0 };
    const struct endpoint endpoint = { .body = { .wanted = true, .piece = take }, .data = &taken };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct content *content = content_make(&endpoint, &changes);
        taken.answer = cases[i].said;
        assert_int_equal(content_add(content, STR("abc")), cases[i].status);
        content->body.state = NULL; /* as a handler does */
        content_free(content);
    }
    assert_int_equal(taken.releases, 0);
}

static void a_piece_may_be_the_last_for_now(void **state)
{
    struct taken taken = { .pauses = true };
    const struct endpoint endpoint = { .body = { .wanted = true, .piece = take }, .data = &taken };
    struct content *content = content_make(&endpoint, &changes);

    (void)state;
    assert_int_equal(content_add(content, STR("abc")), 0);
    assert_true(content->body.paused);
    assert_true(list_empty(&changes));
    assert_int_equal(ringlet_body_more(&content->body), 0);
    assert_false(content->body.paused);
    assert_int_equal(list_count(&changes), 1);
    taken.answer = 422; /* who refuses does not wait */
    assert_int_equal(content_add(content, STR("abc")), 422);
    assert_false(content->body.paused);
    content_free(content);
    assert_true(list_empty(&changes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_content_is_put_together),
        cmocka_unit_test(pieces_are_handed_on),
        cmocka_unit_test(what_a_piece_refuses_is_a_status),
        cmocka_unit_test(a_piece_may_be_the_last_for_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is left of an answer in several parts: each output takes what it has room for, and all of
 * them together are the answer. */
#include "server/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 120000, SENT_MAX = 2 * SIZE };

#define BOUNDARY "0123456789abcdef0123456789abcdef"

struct play {
    struct site site; /* only passed on: the test has a pin of its own on the entry */
    struct output_pool pool;
    struct site_entry *entry;
    char *sent;
    size_t len;
    unsigned outputs;
};

static char byte_at(uint64_t offset)
{
    return (char)('!' + offset * 31 % 90);
}

static void open_play(struct play *p, bool whole)
{
    const struct statx facts = { .stx_mode = S_IFREG | 0644, .stx_size = SIZE };

    memset(p, 0, sizeof *p);
    p->entry = entry_make(STR("/a.txt"), &facts, whole, (struct entry_form){ 0 }, INT64_MAX);
    p->sent = malloc(SENT_MAX);
    assert_true(p->entry && p->sent);
    for (size_t i = 0; whole && i < SIZE; i++)
        entry_room(p->entry)[i] = byte_at(i);
}

static void close_play(struct play *p)
{
    assert_int_equal(p->entry->pins, 1);
    p->entry->pins = 0;
    entry_free(p->entry);
    free(p->sent);
    output_pool_release(&p->pool);
}

/* As the engine would, with bytes made up for those of a file. */
static void take_output(struct play *p, const struct output *out)
{
    struct str text = str_of(out->memory + out->linked, out->text.len - out->linked);

    for (int i = 0; i < out->count; i++) {
        memcpy(p->sent + p->len, out->iov[i].iov_base, out->iov[i].iov_len);
        p->len += out->iov[i].iov_len;
    }
    memcpy(p->sent + p->len, text.at, text.len);
    p->len += text.len;
    for (uint64_t i = 0; out->file && i < out->file_len; i++)
        p->sent[p->len++] = byte_at(out->file_at + i);
    p->outputs++;
}

static void send_all(struct play *p, const struct http_ranges *ranges)
{
    struct parts *parts = parts_make(p->entry, STR(BOUNDARY), ranges);
    bool over = false;

    assert_non_null(parts);
    assert_true(p->entry->pins > 1);
    while (!over) {
        struct output *out = output_take(&p->pool);
        assert_non_null(out);
        over = parts_put(parts, out);
        assert_false(output_is_empty(out));
        assert_false(out->text.cut);
        take_output(p, out);
        output_give_back(&p->pool, out, &p->site);
        assert_true(p->outputs <= HTTP_RANGES_MAX + 1);
    }
    assert_int_equal(p->len, http_byteranges_length(&parts->form, ranges));
    parts_free(parts, &p->site);
}

static void expect_sent(const struct play *p, const struct http_ranges *ranges)
{
    const struct http_byteranges form = entry_byteranges(p->entry, STR(BOUNDARY));
    char *memory = malloc(SENT_MAX);
    struct text wanted = text_in(memory, SENT_MAX);

    assert_non_null(memory);
    for (unsigned i = 0; i < ranges->count; i++) {
        http_byteranges_part(&wanted, &form, i == 0, ranges->list[i]);
        for (uint64_t j = 0; j < ranges->list[i].len; j++)
            text_add(&wanted, str_of(&(char){ byte_at(ranges->list[i].at + j) }, 1));
    }
    http_byteranges_end(&wanted, &form);
    assert_int_equal(p->len, wanted.len);
    assert_memory_equal(p->sent, memory, p->len);
    free(memory);
}

/* Copied, pointed at, and both in turns; and from a file. */
static void outputs_together_are_the_answer(void **state)
{
    static const struct {
        bool whole;
        size_t len, step;     /* of the first part; how much longer the next one is */
        unsigned outputs_max; /* more would waste sends */
    } cases[] = { { true, 1, 0, 2 },     { true, OUTPUT_COPY_MAX, 0, 8 },
                  { true, 1900, 20, 8 }, { true, 5000, 0, 6 },
                  { false, 1, 0, 17 },   { false, 5000, 1, 17 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned count = 2; count <= HTTP_RANGES_MAX; count++) {
            struct http_ranges ranges = { .count = count };
            struct play play;

            open_play(&play, cases[i].whole);
            for (unsigned j = 0; j < count; j++)
                ranges.list[j] =
                    (struct http_range){ 7000ul * (count - j), cases[i].len + j * cases[i].step };
            send_all(&play, &ranges);
            expect_sent(&play, &ranges);
            assert_true(play.outputs <= cases[i].outputs_max);
            close_play(&play);
        }
    }
}

/* What others have put into an output is left as it is. */
static void parts_come_behind_what_is_there(void **state)
{
    const struct http_ranges ranges = { 2, { { 0, 10 }, { 100, 10 } } };
    struct play play;

    (void)state;
    open_play(&play, true);
    struct parts *parts = parts_make(play.entry, STR(BOUNDARY), &ranges);
    struct output *out = output_take(&play.pool);
    assert_true(parts && out);
    text_add(&out->text, STR("head"));
    assert_true(parts_put(parts, out));
    assert_memory_equal(out->memory, "head--" BOUNDARY "\r\n", 6 + 32 + 2);
    output_give_back(&play.pool, out, &play.site);
    parts_free(parts, &play.site);
    parts_free(NULL, &play.site);
    close_play(&play);
}

/* In an output with no room for a reply nothing is begun. */
static void without_room_nothing_is_begun(void **state)
{
    const struct http_ranges ranges = { 2, { { 0, 10 }, { 100, 10 } } };
    struct play play;

    (void)state;
    open_play(&play, true);
    struct parts *parts = parts_make(play.entry, STR(BOUNDARY), &ranges);
    struct output *out = output_take(&play.pool);
    assert_true(parts && out);
    out->text.len = OUTPUT_SIZE - OUTPUT_REPLY_ROOM + 1;
    assert_false(parts_put(parts, out));
    assert_int_equal(out->text.len, OUTPUT_SIZE - OUTPUT_REPLY_ROOM + 1);
    out->text.len = OUTPUT_SIZE - OUTPUT_REPLY_ROOM;
    assert_false(parts_put(parts, out)); /* the first, and no room for the second */
    assert_int_equal(parts->next, 1);
    output_give_back(&play.pool, out, &play.site);
    parts_free(parts, &play.site);
    close_play(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_together_are_the_answer),
        cmocka_unit_test(parts_come_behind_what_is_there),
        cmocka_unit_test(without_room_nothing_is_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

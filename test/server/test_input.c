/* What a connection has received: the right bytes in the right order, and every buffer given back
 * once, whatever is done in whatever order. */
#include "seed.h"
#include "server/input.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LEASES = 12 };

/* An engine that lends memory from the heap and frees it when it is given back, so that the
 * sanitizer tells of whoever looks at it later. */
struct io {
    char *lent[LEASES]; /* or NULL */
    unsigned count;
    unsigned given_back;
};

static void give_back(struct io *io, int lease)
{
    assert_in_range(lease, 0, LEASES - 1);
    assert_non_null(io->lent[lease]);
    free(io->lent[lease]);
    io->lent[lease] = NULL;
    io->count--;
    io->given_back++;
}

static const struct io_engine recording = { .name = "recording", .give_back = give_back };

struct scene {
    struct io io;
    struct lent table[LEASES + 1];
    struct input_source source;
    struct input in;
};

static void scene_open(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->source = (struct input_source){ &recording, &s->io, s->table, LEASES };
    memset(s->table, 0x55, sizeof s->table);
    input_init(&s->in);
}

static void scene_close(struct scene *s)
{
    input_drop(&s->in, &s->source);
    assert_true(input_is_empty(&s->in));
    assert_int_equal(s->io.count, 0);
}

static int free_lease(const struct scene *s, int from)
{
    for (int i = 0; i < LEASES; i++)
        if (!s->io.lent[(from + i) % LEASES])
            return (from + i) % LEASES;
    return -1;
}

static void receive_under(struct scene *s, const char *bytes, size_t len, int lease)
{
    char *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    s->io.lent[lease] = copy;
    s->io.count++;
    const struct io_event event = {
        .kind = IO_RECEIVED, .bytes = copy, .len = (uint32_t)len, .lease = lease
    };
    input_add(&s->in, &s->source, &event);
}

/* The leases need not come in order. */
static void receive(struct scene *s, const char *text)
{
    receive_under(s, text, strlen(text), free_lease(s, 7));
}

static void assert_peek(const struct scene *s, const char *expected)
{
    struct str seen = input_peek(&s->in, &s->source);

    if (!str_equal(seen, str_from(expected)))
        fail_msg("\"%.*s\" should be \"%s\"", (int)seen.len, seen.at, expected);
}

static void use(struct scene *s, size_t count)
{
    input_use(&s->in, &s->source, count);
}

static int join(struct scene *s, size_t max)
{
    return input_join(&s->in, &s->source, max);
}

static void begins_empty(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    assert_true(input_is_empty(&s.in));
    assert_false(input_holds_lease(&s.in));
    assert_int_equal(input_peek(&s.in, &s.source).len, 0);
    assert_int_equal(join(&s, 100), 0);
    assert_int_equal(input_keep(&s.in, &s.source), 0);
    use(&s, 0);
    assert_true(input_is_empty(&s.in));
    scene_close(&s);
}

static void reads_where_it_lies(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    receive(&s, "hello");
    assert_peek(&s, "hello");
    assert_ptr_equal(input_peek(&s.in, &s.source).at, s.io.lent[7]);
    use(&s, 2);
    assert_peek(&s, "llo");
    assert_ptr_equal(input_peek(&s.in, &s.source).at, s.io.lent[7] + 2);
    receive(&s, "there");
    assert_peek(&s, "llo"); /* the next one lies elsewhere */
    use(&s, 0);
    assert_int_equal(s.io.count, 2);
    use(&s, 3);
    assert_int_equal(s.io.count, 1);
    assert_peek(&s, "there");
    use(&s, 5);
    assert_true(input_is_empty(&s.in));
    assert_int_equal(s.io.count, 0);
    receive(&s, "again");
    assert_peek(&s, "again");
    scene_close(&s);
}

static void joins_what_came_in_pieces(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    receive(&s, "GET /");
    receive(&s, " HTTP");
    receive(&s, "/1.1\r\n");
    assert_int_equal(join(&s, 100), 1);
    assert_peek(&s, "GET / HTTP/1.1\r\n");
    assert_int_equal(s.io.given_back, 3);
    assert_false(input_holds_lease(&s.in));
    assert_false(input_is_empty(&s.in));

    assert_int_equal(join(&s, 100), 0); /* nothing to add */
    assert_peek(&s, "GET / HTTP/1.1\r\n");
    receive(&s, "\r\n");
    assert_peek(&s, "GET / HTTP/1.1\r\n");
    assert_int_equal(join(&s, 100), 1);
    assert_peek(&s, "GET / HTTP/1.1\r\n\r\n");
    use(&s, 18);
    assert_true(input_is_empty(&s.in));
    assert_null(s.in.kept);
    scene_close(&s);
}

/* For a while there will be no more: the buffer goes back, the bytes stay. */
static void a_lonely_piece_is_copied(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    receive(&s, "GE");
    assert_int_equal(join(&s, 100), 0);
    assert_peek(&s, "GE");
    assert_false(input_holds_lease(&s.in));
    assert_int_equal(s.io.count, 0);
    receive(&s, "T");
    assert_int_equal(join(&s, 100), 1);
    assert_peek(&s, "GET");
    scene_close(&s);
}

static void joins_no_more_than_asked(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    receive(&s, "abc");
    receive(&s, "defgh");
    receive(&s, "ij");
    assert_int_equal(join(&s, 5), 1);
    assert_peek(&s, "abcde");
    assert_int_equal(s.io.count, 2);
    assert_int_equal(join(&s, 9), 1);
    assert_peek(&s, "abcdefghi");
    use(&s, 9);
    assert_peek(&s, "j");
    use(&s, 1);
    assert_true(input_is_empty(&s.in));
    scene_close(&s);
}

static void keeps_everything(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    receive(&s, "abc");
    use(&s, 1);
    receive(&s, "def");
    assert_int_equal(input_keep(&s.in, &s.source), 0);
    assert_int_equal(s.io.count, 0);
    assert_peek(&s, "bcdef");
    use(&s, 2);
    receive(&s, "ghi");
    assert_int_equal(input_keep(&s.in, &s.source), 0);
    assert_peek(&s, "defghi");
    scene_close(&s);
}

static void drops_everything(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    receive(&s, "abc");
    assert_int_equal(input_keep(&s.in, &s.source), 0);
    receive(&s, "def");
    receive(&s, "ghi");
    use(&s, 2);
    input_drop(&s.in, &s.source);
    assert_true(input_is_empty(&s.in));
    assert_int_equal(s.io.count, 0);
    input_drop(&s.in, &s.source);
    receive(&s, "new");
    use(&s, 1);
    assert_peek(&s, "ew");
    scene_close(&s);
}

/* Two connections of one core take their buffers from one table. */
static void connections_do_not_mix(void **state)
{
    struct scene s;
    struct input other, mine;

    (void)state;
    scene_open(&s);
    input_init(&other);
    for (int i = 0; i < 6; i++) {
        mine = s.in;
        if (i % 2)
            s.in = other;
        receive(&s, i % 2 ? "o" : "m");
        if (i % 2) {
            other = s.in;
            s.in = mine;
        }
    }
    assert_int_equal(join(&s, 10), 1);
    assert_peek(&s, "mmm");
    assert_int_equal(input_join(&other, &s.source, 10), 1);
    assert_true(str_equal(input_peek(&other, &s.source), STR("ooo")));
    input_drop(&other, &s.source);
    scene_close(&s);
}

/* --- every split --- */

static const char text[] = "GET /0 HTTP/1.1";

enum { TEXT_LEN = sizeof text - 1 };

static void receive_split(struct scene *s, unsigned cuts)
{
    size_t from = 0;

    for (size_t to = 1; to <= TEXT_LEN; to++)
        if (to == TEXT_LEN || cuts >> (to - 1) & 1) {
            receive_under(s, text + from, to - from, free_lease(s, 3));
            from = to;
        }
}

static unsigned pieces_of(unsigned cuts)
{
    unsigned pieces = 1;

    for (; cuts; cuts &= cuts - 1)
        pieces++;
    return pieces;
}

/* Used a byte at a time, and joined after `used` of them: the same text. */
static void check_split(unsigned cuts, size_t used)
{
    struct scene s;

    scene_open(&s);
    receive_split(&s, cuts);
    for (size_t i = 0; i < used; i++) {
        assert_int_equal(input_peek(&s.in, &s.source).at[0], text[i]);
        use(&s, 1);
    }
    size_t before = input_peek(&s.in, &s.source).len;
    assert_int_equal(join(&s, TEXT_LEN), TEXT_LEN - used > before);
    assert_peek(&s, text + used);
    assert_int_equal(s.io.count, 0);
    assert_int_equal(s.io.given_back, pieces_of(cuts));
    use(&s, TEXT_LEN - used);
    assert_true(input_is_empty(&s.in));
    scene_close(&s);
    assert_int_equal(s.io.given_back, pieces_of(cuts));
}

static void every_split_is_the_same_text(void **state)
{
    (void)state;
    for (unsigned cuts = 0; cuts < 1u << (TEXT_LEN - 1); cuts++)
        if (pieces_of(cuts) <= LEASES)
            check_split(cuts, cuts % TEXT_LEN);
}

/* --- against a plain string --- */

enum { MODEL_MAX = 1 << 16, STEPS = 30000, PIECE_MAX = 3000 };

struct model {
    struct scene scene;
    uint64_t seed;
    char bytes[MODEL_MAX];
    size_t len;
    unsigned received;
};

static void check_peek(const struct model *m)
{
    struct str seen = input_peek(&m->scene.in, &m->scene.source);

    assert_int_equal(input_is_empty(&m->scene.in), m->len == 0);
    assert_true((seen.len > 0) == (m->len > 0));
    assert_true(seen.len <= m->len);
    if (seen.len > 0)
        assert_memory_equal(seen.at, m->bytes, seen.len);
    assert_int_equal(m->scene.io.count + m->scene.io.given_back, m->received);
    assert_int_equal(input_holds_lease(&m->scene.in), m->scene.io.count > 0);
}

static void random_receive(struct model *m)
{
    int lease = free_lease(&m->scene, (int)seed_below(&m->seed, LEASES));
    size_t len = 1 + seed_below(&m->seed, seed_once_in(&m->seed, 2) ? 20 : PIECE_MAX);

    if (lease < 0 || len > MODEL_MAX - m->len)
        return;
    for (size_t i = 0; i < len; i++)
        m->bytes[m->len + i] = (char)seed_below(&m->seed, 256);
    receive_under(&m->scene, m->bytes + m->len, len, lease);
    m->len += len;
    m->received++;
}

static void random_use(struct model *m)
{
    size_t first = input_peek(&m->scene.in, &m->scene.source).len;
    size_t count = seed_once_in(&m->seed, 3) ? first : seed_below(&m->seed, first + 1);

    use(&m->scene, count);
    m->len -= count;
    memmove(m->bytes, m->bytes + count, m->len);
}

/* As input.h has it: the first piece is shorter than `max`. */
static void random_join(struct model *m)
{
    size_t first = input_peek(&m->scene.in, &m->scene.source).len;
    size_t max = first + 1 + seed_below(&m->seed, 2 * PIECE_MAX);
    size_t expected = m->len < max ? m->len : max;

    assert_int_equal(join(&m->scene, max), m->len > first);
    assert_int_equal(input_peek(&m->scene.in, &m->scene.source).len, expected);
    if (m->len <= max)
        assert_false(input_holds_lease(&m->scene.in));
}

static void random_step(struct model *m)
{
    switch (seed_below(&m->seed, 20)) {
    case 0:
        assert_int_equal(input_keep(&m->scene.in, &m->scene.source), 0);
        assert_int_equal(m->scene.io.count, 0);
        assert_int_equal(input_peek(&m->scene.in, &m->scene.source).len, m->len);
        break;
    case 1:
        if (seed_once_in(&m->seed, 10)) {
            input_drop(&m->scene.in, &m->scene.source);
            m->len = 0;
        }
        break;
    case 2:
    case 3:
    case 4:
        random_join(m);
        break;
    default:
        if (seed_once_in(&m->seed, 2))
            random_receive(m);
        else
            random_use(m);
    }
    check_peek(m);
}

static void agrees_with_a_plain_string(void **state)
{
    struct model *m = calloc(1, sizeof *m);

    (void)state;
    assert_non_null(m);
    m->seed = seed_draw("input");
    scene_open(&m->scene);
    for (int step = 0; step < STEPS; step++)
        random_step(m);
    while (m->len > 0) {
        random_use(m);
        check_peek(m);
    }
    scene_close(&m->scene);
    assert_int_equal(m->scene.io.given_back, m->received);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(reads_where_it_lies),
        cmocka_unit_test(joins_what_came_in_pieces),
        cmocka_unit_test(a_lonely_piece_is_copied),
        cmocka_unit_test(joins_no_more_than_asked),
        cmocka_unit_test(keeps_everything),
        cmocka_unit_test(drops_everything),
        cmocka_unit_test(connections_do_not_mix),
        cmocka_unit_test(every_split_is_the_same_text),
        cmocka_unit_test(agrees_with_a_plain_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Replies put together for one send: every byte in order, no limit passed, every pin released. */
#include "seed.h"
#include "server/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENT_MAX = 1 << 20 };

/* An engine that remembers what it was last asked to send. */
struct io {
    unsigned sends;
    struct io_sock *sock;
    struct iovec iov[IO_IOV_MAX];
    int count;
    bool with_file;
    int fd;
    off_t offset;
    size_t len;
};

static void record(struct io *io, struct io_sock *sock, const struct iovec *iov, int count)
{
    assert_in_range(count, 0, IO_IOV_MAX);
    io->sends++;
    io->sock = sock;
    io->count = count;
    for (int i = 0; i < count; i++) {
        assert_true(iov[i].iov_len > 0);
        io->iov[i] = iov[i];
    }
}

static void send_vector(struct io *io, struct io_sock *sock, const struct iovec *iov, int count)
{
    assert_true(count > 0);
    record(io, sock, iov, count);
    io->with_file = false;
}

static void send_with_file(struct io *io, struct io_sock *sock, const struct iovec *iov, int count,
                           int fd, off_t offset, size_t len)
{
    record(io, sock, iov, count);
    io->with_file = true;
    io->fd = fd;
    io->offset = offset;
    io->len = len;
}

static const struct io_engine recording = { .name = "recording",
                                            .send = send_vector,
                                            .send_file = send_with_file };

struct scene {
    struct site site;
    struct output_pool pool;
    struct io io;
    struct io_sock sock;
};

static void scene_open(struct scene *s)
{
    const struct site_config config = {
        .root = -1, .inotify = -1, .limits = { { 1 << 20, 16 }, { 1 << 20, 16 } }, .seed = 1
    };

    memset(s, 0, sizeof *s);
    assert_int_equal(site_init(&s->site, &config), 0);
}

static void scene_close(struct scene *s)
{
    output_pool_release(&s->pool);
    assert_null(s->pool.free);
    site_empty(&s->site);
    assert_int_equal(site_dead_fd(&s->site), -1);
    site_release(&s->site);
}

static struct output *take(struct scene *s)
{
    struct output *out = output_take(&s->pool);

    assert_non_null(out);
    assert_true(output_is_empty(out));
    assert_true(output_has_room(out));
    return out;
}

static void send_it(struct scene *s, struct output *out)
{
    output_send(out, &recording, &s->io, &s->sock);
    assert_ptr_equal(s->io.sock, &s->sock);
}

/* An entry that belongs to the test: pinned once, in no cache. */
static struct site_entry *make_entry(uint64_t size, bool whole, char content)
{
    const struct statx facts = { .stx_size = size };
    struct site_entry *entry =
        entry_make(STR("/a"), &facts, whole, (struct entry_form){ 0 }, INT64_MAX);

    assert_non_null(entry);
    if (whole)
        memset(entry_room(entry), content, size);
    return entry;
}

static size_t joined(const struct io *io, char *out)
{
    size_t len = 0;

    for (int i = 0; i < io->count; i++) {
        assert_true(io->iov[i].iov_len <= SENT_MAX - len);
        memcpy(out + len, io->iov[i].iov_base, io->iov[i].iov_len);
        len += io->iov[i].iov_len;
    }
    return len;
}

static void text_is_one_piece(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    struct output *out = take(&s);
    text_add(&out->text, STR("one, "));
    assert_false(output_is_empty(out));
    text_add(&out->text, STR("two"));
    send_it(&s, out);
    assert_int_equal(s.io.count, 1);
    assert_false(s.io.with_file);
    assert_ptr_equal(s.io.iov[0].iov_base, out->memory);
    assert_int_equal(s.io.iov[0].iov_len, 8);
    assert_memory_equal(out->memory, "one, two", 8);
    output_give_back(&s.pool, out, &s.site);
    scene_close(&s);
}

/* Large bytes are not copied, and their entry stays until the output is given back. */
static void what_is_pointed_at_stays_where_it_is(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    struct output *out = take(&s);
    struct site_entry *entry = make_entry(5000, true, 'x');
    site_pin(entry); /* one for the test */
    text_add(&out->text, STR("head"));
    output_point(out, entry, entry->bytes, entry->size);
    text_add(&out->text, STR("next"));
    send_it(&s, out);
    assert_int_equal(s.io.count, 3);
    assert_memory_equal(s.io.iov[0].iov_base, "head", 4);
    assert_int_equal(s.io.iov[0].iov_len, 4);
    assert_ptr_equal(s.io.iov[1].iov_base, entry->bytes);
    assert_int_equal(s.io.iov[1].iov_len, 5000);
    assert_memory_equal(s.io.iov[2].iov_base, "next", 4);
    assert_int_equal(s.io.iov[2].iov_len, 4);
    assert_int_equal(entry->pins, 2);
    output_give_back(&s.pool, out, &s.site);
    assert_int_equal(entry->pins, 1);
    site_unpin(&s.site, entry);
    scene_close(&s);
}

/* Nothing before, between or behind: no empty piece is sent. */
static void bytes_without_text_need_none(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    struct output *out = take(&s);
    struct site_entry *entry = make_entry(3000, true, 'x');
    site_pin(entry);
    output_point(out, entry, entry->bytes, 3000);
    assert_false(output_is_empty(out));
    output_point(out, entry, entry->bytes + 1, 2999);
    send_it(&s, out);
    assert_int_equal(s.io.count, 2);
    assert_ptr_equal(s.io.iov[0].iov_base, entry->bytes);
    assert_ptr_equal(s.io.iov[1].iov_base, entry->bytes + 1);
    output_give_back(&s.pool, out, &s.site); /* frees the entry: both pins were its last */
    scene_close(&s);
}

static void a_file_comes_last(void **state)
{
    struct scene s;
    int ends[2];

    (void)state;
    scene_open(&s);
    assert_int_equal(pipe(ends), 0);
    struct output *out = take(&s);
    struct site_entry *entry = make_entry(1ull << 33, false, 0);
    entry->fd = ends[0];
    text_add(&out->text, STR("head"));
    text_add(&out->text, entry->fields);
    output_end_with_file(out, entry, 0, entry->size);
    assert_false(output_has_room(out));
    send_it(&s, out);
    assert_true(s.io.with_file);
    assert_int_equal(s.io.fd, ends[0]);
    assert_int_equal(s.io.offset, 0);
    assert_int_equal(s.io.len, 1ull << 33);
    assert_int_equal(s.io.count, 1);
    assert_int_equal(s.io.iov[0].iov_len, 4 + entry->fields.len);
    assert_int_equal(entry->pins, 1);
    output_give_back(&s.pool, out, &s.site);
    assert_int_equal(site_dead_fd(&s.site), ends[0]); /* it was the last pin */
    close(ends[0]);
    close(ends[1]);
    scene_close(&s);
}

static void what_comes_back_is_used_again_clean(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    struct output *one = take(&s), *two = take(&s);
    assert_ptr_not_equal(one, two);
    struct site_entry *entry = make_entry(10, true, 'x'), *file = make_entry(10, false, 'x');
    text_add(&one->text, STR("head"));
    output_point(one, entry, entry->bytes, 10);
    output_end_with_file(one, file, 0, file->size);
    memset(one->memory + 4, '#', OUTPUT_SIZE - 4);
    one->text.cut = true;
    output_give_back(&s.pool, one, &s.site);
    output_give_back(&s.pool, two, &s.site);

    struct output *again = take(&s), *other = take(&s);
    assert_true((again == one && other == two) || (again == two && other == one));
    assert_false(one->text.cut);
    text_add(&one->text, STR("new"));
    send_it(&s, one);
    assert_int_equal(s.io.count, 1);
    assert_int_equal(s.io.iov[0].iov_len, 3);
    assert_false(s.io.with_file);
    output_give_back(&s.pool, one, &s.site);
    output_give_back(&s.pool, two, &s.site);
    scene_close(&s);
}

/* --- as long as it says that there is room, there is --- */

enum { ENTRIES = 4, ROUNDS = 2000, ENTRY_SIZE = 4000 };

struct model {
    struct scene scene;
    uint64_t seed;
    struct site_entry *entries[ENTRIES];
    uint32_t pins[ENTRIES]; /* that the output has, by the model */
    char *expected, *sent;
    size_t len;
    bool largest; /* every reply is as large as it may be */
};

static void expect_bytes(struct model *m, const char *bytes, size_t len)
{
    memcpy(m->expected + m->len, bytes, len);
    m->len += len;
}

static void add_text(struct model *m, struct output *out, size_t max)
{
    char bytes[OUTPUT_REPLY_ROOM];
    size_t len = m->largest ? max : seed_below(&m->seed, max + 1);

    memset(bytes, (char)('a' + seed_below(&m->seed, 26)), len);
    text_add(&out->text, str_of(bytes, len));
    expect_bytes(m, bytes, len);
}

/* A head alone, a head and a copied body, a head and a body where it lies, or a head and a file. */
static void add_reply(struct model *m, struct output *out)
{
    uint64_t which = seed_below(&m->seed, ENTRIES);
    struct site_entry *entry = m->entries[which];
    uint64_t how = seed_below(&m->seed, 20);

    add_text(m, out, OUTPUT_HEAD_MAX);
    if (how < 6) {
        add_text(m, out, OUTPUT_COPY_MAX);
    } else if (how < 14) {
        size_t len = 1 + seed_below(&m->seed, ENTRY_SIZE);
        site_pin(entry);
        m->pins[which]++;
        output_point(out, entry, entry->bytes, len);
        expect_bytes(m, entry->bytes, len);
    } else if (how == 14) {
        site_pin(entry);
        m->pins[which]++;
        output_end_with_file(out, entry, 0, entry->size);
    }
}

static void check_pins(const struct model *m)
{
    for (int i = 0; i < ENTRIES; i++)
        assert_int_equal(m->entries[i]->pins, 1 + m->pins[i]);
}

static void random_output(struct model *m)
{
    struct output *out = take(&m->scene);
    unsigned replies = 0;

    m->len = 0;
    m->largest = seed_once_in(&m->seed, 2);
    while (output_has_room(out) && !(!m->largest && seed_once_in(&m->seed, 30))) {
        add_reply(m, out);
        assert_false(out->text.cut);
        assert_true(++replies < OUTPUT_SIZE);
    }
    check_pins(m);
    if (!output_is_empty(out)) {
        send_it(&m->scene, out);
        assert_int_equal(m->scene.io.with_file, out->file != NULL);
        assert_int_equal(joined(&m->scene.io, m->sent), m->len);
        assert_memory_equal(m->sent, m->expected, m->len);
    }
    output_give_back(&m->scene.pool, out, &m->scene.site);
    memset(m->pins, 0, sizeof m->pins);
    check_pins(m);
}

static void room_is_what_it_says(void **state)
{
    struct model m = { .seed = seed_draw("output") };

    (void)state;
    scene_open(&m.scene);
    m.expected = malloc(SENT_MAX);
    m.sent = malloc(SENT_MAX);
    assert_true(m.expected && m.sent);
    for (int i = 0; i < ENTRIES; i++)
        m.entries[i] = make_entry(ENTRY_SIZE, true, (char)('A' + i));
    for (int round = 0; round < ROUNDS; round++)
        random_output(&m);
    for (int i = 0; i < ENTRIES; i++)
        site_unpin(&m.scene.site, m.entries[i]);
    free(m.expected);
    free(m.sent);
    scene_close(&m.scene);
}

/* Small replies one behind the other fill the text, pointing ones the vector: both are used well.
 */
static void room_is_not_given_up_early(void **state)
{
    struct scene s;
    unsigned small = 0, pointing = 0;

    (void)state;
    scene_open(&s);
    struct output *out = take(&s);
    for (; output_has_room(out); small++)
        text_add(&out->text, STR("0123456789012345678901234567890123456789"));
    assert_true(small * 40 > OUTPUT_SIZE - OUTPUT_REPLY_ROOM - 40);
    output_give_back(&s.pool, out, &s.site);

    out = take(&s);
    struct site_entry *entry = make_entry(3000, true, 'x');
    for (; output_has_room(out); pointing++) {
        text_add(&out->text, STR("head"));
        site_pin(entry);
        output_point(out, entry, entry->bytes, 3000);
    }
    assert_int_equal(pointing, (IO_IOV_MAX - 1) / 2);
    output_give_back(&s.pool, out, &s.site);
    site_unpin(&s.site, entry);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_one_piece),
        cmocka_unit_test(what_is_pointed_at_stays_where_it_is),
        cmocka_unit_test(bytes_without_text_need_none),
        cmocka_unit_test(a_file_comes_last),
        cmocka_unit_test(what_comes_back_is_used_again_clean),
        cmocka_unit_test(room_is_what_it_says),
        cmocka_unit_test(room_is_not_given_up_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

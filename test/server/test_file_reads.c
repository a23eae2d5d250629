/* server/file_reads.c: who reads, who waits, and who has gone meanwhile. */
#include "visitor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WANTS = FILE_READS_MAX + 10, LEN = 1000 };

/* A core, whose loop does not run meanwhile, and a file that it has open. */
struct scene {
    struct stage *stage;
    struct core *core;
    struct site_entry *entry;
    struct file_want wants[WANTS];
    unsigned answered[WANTS];
};

static struct scene *scene_open(void)
{
    const struct config config = stage_config();
    struct scene *scene = calloc(1, sizeof *scene);

    scene->stage = visitor_stage(&config);
    struct visitor *v = visitor_open(scene->stage, TLS1_3_VERSION);
    visitor_say(v, "GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_file(v->plain, FILE_HUGE);
    visitor_free(v);
    scene->core = &scene->stage->loop.core;
    scene->entry = site_find_literal(&scene->core->site, STR("/huge.bin"), scene->core->now_ms);
    assert_non_null(scene->entry);
    for (int i = 0; i < WANTS; i++)
        file_want_init(&scene->wants[i]);
    return scene;
}

static void scene_close(struct scene *scene)
{
    assert_int_equal(scene->core->errands, 0);
    assert_int_equal(scene->entry->pins, 0);
    stage_close(scene->stage);
    free(scene);
}

static void begin(struct scene *scene, int i)
{
    assert_true(
        file_reads_begin(scene->core, &scene->wants[i], scene->entry, (uint64_t)i * LEN, LEN));
}

static void take(struct scene *scene, const struct io_event *event)
{
    char expected[LEN];
    struct file_want *want;
    struct str bytes;
    int error;

    assert_true(file_reads_done(scene->core, event, &want, &bytes, &error));
    if (want) {
        long i = want - scene->wants;
        assert_int_equal(error, 0);
        assert_int_equal(pread(scene->entry->fd, expected, LEN, i * LEN), LEN);
        assert_true(str_equal(bytes, str_of(expected, LEN)));
        assert_false(file_want_is_open(want));
        scene->answered[i]++;
    }
    file_reads_end(scene->core, event);
}

static void run(struct scene *scene)
{
    struct io_event events[IO_EVENTS_MIN];

    while (scene->core->errands > 0) {
        int count = fake_io_engine.wait(scene->stage->io, events, IO_EVENTS_MIN, 1000);
        for (int i = 0; i < count; i++)
            if (events[i].kind == IO_FILE_DONE)
                take(scene, &events[i]);
    }
}

static void everybody_is_answered_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    for (int i = 0; i < WANTS; i++)
        begin(scene, i);
    assert_int_equal(scene->core->errands, FILE_READS_MAX);
    for (int i = 0; i < WANTS; i++)
        assert_true(file_want_is_open(&scene->wants[i]));
    run(scene);
    for (int i = 0; i < WANTS; i++)
        assert_int_equal(scene->answered[i], 1);
    scene_close(scene);
}

static void who_has_gone_is_not_answered(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    for (int i = 0; i < WANTS; i++)
        begin(scene, i);
    file_reads_drop(&scene->wants[3]);         /* is being read */
    file_reads_drop(&scene->wants[WANTS - 1]); /* waits */
    run(scene);
    for (int i = 0; i < WANTS; i++)
        assert_int_equal(scene->answered[i], i != 3 && i != WANTS - 1);
    scene_close(scene);
}

static void a_failure_is_told(void **state)
{
    struct scene *scene = scene_open();
    struct io_event event = { .kind = IO_FILE_DONE, .result = -EIO };
    struct io_event events[IO_EVENTS_MIN];
    struct file_want *want;
    struct str bytes;
    int error;

    (void)state;
    begin(scene, 0);
    while (fake_io_engine.wait(scene->stage->io, events, IO_EVENTS_MIN, 1000) == 0 ||
           events[0].kind != IO_FILE_DONE)
        continue;
    event.file = events[0].file;
    assert_true(file_reads_done(scene->core, &event, &want, &bytes, &error));
    assert_ptr_equal(want, &scene->wants[0]);
    assert_int_equal(error, -EIO);
    assert_int_equal(bytes.len, 0);
    file_reads_end(scene->core, &event);
    scene_close(scene);
}

static void what_others_read_is_not_ours(void **state)
{
    struct scene *scene = scene_open();
    struct io_file_op op = { .kind = IO_FILE_READ };
    const struct io_event event = { .kind = IO_FILE_DONE, .file = &op };
    struct file_want *want;
    struct str bytes;
    int error;

    (void)state;
    assert_false(file_reads_done(scene->core, &event, &want, &bytes, &error));
    begin(scene, 0);
    assert_false(file_reads_done(scene->core, &event, &want, &bytes, &error));
    run(scene);
    scene_close(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_is_answered_once),
        cmocka_unit_test(who_has_gone_is_not_answered),
        cmocka_unit_test(a_failure_is_told),
        cmocka_unit_test(what_others_read_is_not_ours),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

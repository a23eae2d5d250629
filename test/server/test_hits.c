/* What is held ready is answered with what there is: no memory is asked for, and no file. */
#include "app/app.h"
#include "ringlet.h"
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HITS = 10, TURNS = 10 };

/* Counted while the server's own code runs: not in the engine, and not in the test. */
static bool counting;
static unsigned allocations, files;

/* The linker puts these in the place of the C library's, for everybody in this program. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations += counting;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations += counting;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocations += counting;
    return __real_realloc(old, size);
}

/* The fake engine, whose own memory does not count. */
static int spy_wait(struct io *io, struct io_event *events, int max, int timeout_ms)
{
    bool before = counting;

    counting = false;
    int count = fake_io_engine.wait(io, events, max, timeout_ms);
    counting = before;
    return count;
}

static void spy_send(struct io *io, struct io_sock *sock, const struct iovec *iov, int count)
{
    bool before = counting;

    counting = false;
    fake_io_engine.send(io, sock, iov, count);
    counting = before;
}

static void spy_send_file(struct io *io, struct io_sock *sock, const struct iovec *iov, int count,
                          int fd, off_t offset, size_t len)
{
    bool before = counting;

    counting = false;
    fake_io_engine.send_file(io, sock, iov, count, fd, offset, len);
    counting = before;
}

static void spy_give_back(struct io *io, int lease)
{
    bool before = counting;

    counting = false;
    fake_io_engine.give_back(io, lease);
    counting = before;
}

static void spy_file(struct io *io, struct io_file_op *op)
{
    files++;
    fake_io_engine.file(io, op);
}

static void spy_work(struct io *io, struct io_job *job)
{
    files++;
    fake_io_engine.work(io, job);
}

static struct io_engine make_spy(void)
{
    struct io_engine spy = fake_io_engine;

    spy.wait = spy_wait;
    spy.send = spy_send;
    spy.send_file = spy_send_file;
    spy.give_back = spy_give_back;
    spy.file = spy_file;
    spy.work = spy_work;
    return spy;
}

/* The client reads between the turns. */
static void turn_and_count(struct stage *stage)
{
    for (int i = 0; i < TURNS; i++) {
        counting = true;
        stage_turn(stage, true);
        counting = false;
        client_pump(stage->clients[0]);
    }
}

/* Ask for it once to have it held, and then again and again. */
static void count_hits(const struct config *config, const char *request)
{
    struct io_engine spy = make_spy();
    struct stage *stage = stage_open(config);
    struct client *client = client_visit(stage, request);

    client->in_at = client->in_len;
    stage->loop.core.source.engine = &spy;
    allocations = files = 0;
    for (int i = 0; i < HITS; i++) {
        client_say(client, request);
        client_pump(client);
        turn_and_count(stage);
        assert_true(client->in_len > client->in_at);
        client->in_at = client->in_len;
    }
    assert_int_equal(files, 0);
    assert_int_equal(allocations, 0);
    stage->loop.core.source.engine = &fake_io_engine;
    stage_close(stage);
}

static void say(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_header(reply, "Cache-Control", "no-store");
    ringlet_reply_send(reply, "pong", 4);
}

/* A handler's short text takes no more, whichever way its path is found. */
static void handlers_take_nothing(void **state)
{
    static const char *const requests[] = {
        "GET /ping HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%70ing?x=%41 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /ping/7 HTTP/1.1\r\nHost: h\r\n\r\n",
        "PUT /ping HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    struct config config = stage_config();
    struct app *app = calloc(1, sizeof *app);

    (void)state;
    assert_non_null(app);
    endpoints_init(&app->endpoints);
    assert_int_equal(endpoints_add(&app->endpoints, "GET", "/ping", say, NULL), 0);
    assert_int_equal(endpoints_add(&app->endpoints, "GET", "/ping/{n}", say, NULL), 0);
    config.app = app;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        count_hits(&config, requests[i]);
    endpoints_release(&app->endpoints);
    free(app);
}

static void hits_take_nothing(void **state)
{
    static const char *const requests[] = {
        "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%68ello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /whole.png HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /large.jpg HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /none HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /dir HTTP/1.1\r\nHost: h\r\n\r\n",
    };

    const struct config config = stage_config();

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        count_hits(&config, requests[i]);
}

/* The counting counts. */
static void misses_do(void **state)
{
    struct io_engine spy = make_spy();
    struct stage *stage = stage_calm();
    struct client *client = client_open(stage);

    (void)state;
    stage->loop.core.source.engine = &spy;
    allocations = files = 0;
    client_say(client, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_pump(client);
    counting = true;
    for (int i = 0; i < TURNS && files == 0; i++)
        stage_turn(stage, true);
    counting = false;
    assert_true(files > 0 && allocations > 0);
    stage_settle(stage);
    stage->loop.core.source.engine = &fake_io_engine;
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_take_nothing),
        cmocka_unit_test(handlers_take_nothing),
        cmocka_unit_test(misses_do),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

/* server/handle.c: requests to handlers, through the whole of a core on the fake engine. */
#include "app/app.h"
#include "ear.h"
#include "http/range.h"
#include "ringlet.h"
#include "server/handle.h"
#include "stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE = 100000, WHOLE_MAX = 50000, PIECES_MAX = 1000000 };

struct play {
    struct app app;
    struct stage *stage;
    char *large;
    int calls, released;
    int states; /* of bodies, made and not yet given back */
};

static void say(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    play->calls++;
    ringlet_reply_send(reply, "ok", 2);
}

static void echo(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice value = ringlet_param(request, "x");
    struct ringlet_slice path = ringlet_path(request);

    (void)data;
    ringlet_reply_status(reply, 404);
    ringlet_reply_printf(reply, "%.*s in %.*s of %.*s", (int)value.len, value.at, (int)path.len,
                         path.at, (int)ringlet_peer(request).len, ringlet_peer(request).at);
}

static void count_release(void *owner)
{
    ((struct play *)owner)->released++;
}

static void give_large(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    ringlet_reply_give(reply, play->large, LARGE, count_release, play);
}

static void give_small(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    ringlet_reply_give(reply, "small", 5, count_release, data);
}

static void set_many_fields(struct ringlet_request *request, struct ringlet_reply *reply,
                            void *data)
{
    (void)request;
    (void)data;
    while (ringlet_reply_header(reply, "X-Many", "0123456789012345678901234567890123456789") == 0)
        continue;
    ringlet_reply_send(reply, "many", 4);
}

static void say_nothing(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice status = ringlet_query_value(request, "status");

    (void)data;
    ringlet_reply_status(reply, status.at ? 304 : 204);
    ringlet_reply_send(reply, "dropped", 7);
}

static void say_reset(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_status(reply, 205);
    ringlet_reply_send(reply, "dropped", 7);
}

static void forget(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_header(reply, "X-Lost", "yes");
}

static void say_twice(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)data;
    ringlet_reply_send(reply, "one", 3);
    ringlet_reply_send(reply, "two", 3);
}

static void dawdle(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;

    (void)request;
    fake_io_advance(play->stage->io, RINGLET_BLOCKED_MS + 1);
    ringlet_reply_send(reply, "late", 4);
}

static void send_back(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice body = ringlet_body(request);

    (void)data;
    assert_null(ringlet_body_state(request));
    ringlet_reply_send(reply, body.at, body.len);
}

struct sum {
    struct play *play;
    size_t bytes;
};

/* Adds up what comes; a piece that begins with '!' is refused. */
static int add_up(struct ringlet_body *body, const void *bytes, size_t len, void **state,
                  void *data)
{
    struct play *play = data;
    struct sum *sum = *state;

    (void)body;
    if (!bytes) {
        play->states--;
        free(sum);
        *state = NULL;
        return 0;
    }
    if (!sum) {
        sum = *state = calloc(1, sizeof *sum);
        assert_non_null(sum);
        play->states++;
    }
    sum->bytes += len;
    return *(const char *)bytes == '!' ? 422 : 0;
}

static void say_sum(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct play *play = data;
    struct sum *sum = ringlet_body_state(request);

    assert_null(ringlet_body_state(request));
    assert_int_equal(ringlet_body(request).len, 0);
    ringlet_reply_printf(reply, "%zu", sum ? sum->bytes : 0);
    play->states -= sum != NULL;
    free(sum);
}

/* GET /file?at=PATH */
static void name_file(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    struct ringlet_slice at = ringlet_query_value(request, "at");
    struct play *play = data;
    char path[64];

    play->calls++;
    snprintf(path, sizeof path, "%.*s", (int)at.len, at.at);
    assert_int_equal(ringlet_reply_file(reply, "hello.txt"), -EINVAL);
    assert_int_equal(ringlet_reply_file(reply, path), 0);
    assert_int_equal(ringlet_reply_file(reply, path), -EALREADY);
}

static void name_file_late(struct ringlet_reply *reply, void *state)
{
    (void)state;
    assert_int_equal(ringlet_reply_file(reply, "/middle.html"), 0);
}

static void wait_for_file(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    ringlet_reply_timer(ringlet_reply_later(reply, NULL, data), 10, name_file_late);
}

/* Where no file can be the answer. */
static void misname_file(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    char path[RINGLET_FILE_PATH_MAX + 2] = "/";
    bool posted = str_equal(str_of(ringlet_method(request).at, 4), STR("POST"));

    (void)data;
    memset(path + 1, 'x', RINGLET_FILE_PATH_MAX);
    assert_int_equal(ringlet_reply_file(reply, path), posted ? -EINVAL : -ENOSPC);
    ringlet_reply_status(reply, 404);
    assert_int_equal(ringlet_reply_file(reply, "/hello.txt"), -EINVAL);
    ringlet_reply_send(reply, "none", 4);
}

static void add_bodies(struct play *play)
{
    const struct endpoint_body whole = { .wanted = true, .max = WHOLE_MAX };
    const struct endpoint_body pieces = { .wanted = true, .max = PIECES_MAX, .piece = add_up };
    struct endpoints *endpoints = &play->app.endpoints;

    assert_int_equal(endpoints_add_body(endpoints, "POST", "/back", &whole, send_back, play), 0);
    assert_int_equal(endpoints_add_body(endpoints, "POST", "/sum", &pieces, say_sum, play), 0);
}

static struct play *play_open(void)
{
    struct play *play = calloc(1, sizeof *play);
    struct config config = stage_config();
    static const struct {
        const char *method, *pattern;
        ringlet_handler *handler;
    } routes[] = {
        { "GET", "/say", say },
        { "POST", "/say", say },
        { "GET", "/echo/{x}", echo },
        { "GET", "/large", give_large },
        { "GET", "/small", give_small },
        { "GET", "/many", set_many_fields },
        { "GET", "/nothing", say_nothing },
        { "GET", "/reset", say_reset },
        { "GET", "/forget", forget },
        { "GET", "/twice", say_twice },
        { "GET", "/dawdle", dawdle },
        { "GET", "/file", name_file },
        { "GET", "/file/late", wait_for_file },
        { "GET", "/file/wrong", misname_file },
        { "POST", "/file/wrong", misname_file },
        { "GET", "/hello.txt", say },
        { "OPTIONS", "/options", say },
    };

    assert_non_null(play);
    play->large = malloc(LARGE);
    assert_non_null(play->large);
    memset(play->large, 'x', LARGE);
    endpoints_init(&play->app.endpoints);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        assert_int_equal(endpoints_add(&play->app.endpoints, routes[i].method, routes[i].pattern,
                                       routes[i].handler, play),
                         0);
    add_bodies(play);
    config.app = &play->app;
    play->stage = stage_open(&config);
    return play;
}

static void play_close(struct play *play)
{
    stage_close(play->stage);
    assert_int_equal(play->states, 0);
    endpoints_release(&play->app.endpoints);
    free(play->large);
    free(play);
}

static struct client *visit(struct play *play, const char *target)
{
    char text[256];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    return client_visit(play->stage, text);
}

static void expect_answer(struct client *client, int status, const char *body)
{
    struct answer answer = client_answer(client, false);

    assert_int_equal(answer.status, status);
    assert_true(str_equal(answer.body, str_from(body)));
    assert_false(answer.closes);
}

static void routes_go_before_files(void **state)
{
    struct play *play = play_open();
    struct client *client = visit(play, "/hello.txt");

    (void)state;
    expect_answer(client, 200, "ok");
    client_more(client, "GET /small.css HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_file(client, FILE_SMALL);
    client_more(client, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_plain(client, 404);
    play_close(play);
}

/* A status that a handler has chosen is no reason to close. */
static void paths_are_normalised_first(void **state)
{
    static const char *const targets[] = { "/echo/v", "/x/..//%65cho/./v", "http://h/echo/v" };
    struct play *play = play_open();

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct client *client = visit(play, targets[i]);
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, 404);
        assert_false(answer.closes);
        assert_true(str_starts(answer.body, STR("v in /echo/v of ")));
    }
    expect_answer(visit(play, "/%73ay?%"), 200, "ok");
    client_gets_plain(visit(play, "/echo/a%2Fb"), 404);
    play_close(play);
}

static void allow_is_of_the_path(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, "PUT /say HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "OPTIONS /say HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na"
                                  "OPTIONS /options HTTP/1.1\r\nHost: h\r\n\r\n");
    static const struct {
        int status;
        const char *allow;
    } wanted[] = {
        { 405, "GET, HEAD, OPTIONS, POST" },
        { 200, "GET, HEAD, OPTIONS, POST" },
        { 405, "GET, HEAD, OPTIONS" },
    };

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, wanted[i].status);
        assert_true(str_equal(answer_field(&answer, "Allow"), str_from(wanted[i].allow)));
    }
    expect_answer(client, 200, "ok");
    assert_int_equal(play->calls, 1);
    play_close(play);
}

static void a_body_is_dropped_before_the_answer(void **state)
{
    struct play *play = play_open();
    struct client *client =
        client_visit(play->stage, "POST /say HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");

    (void)state;
    assert_int_equal(play->calls, 0);
    client_more(client, "cGET /say HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_answer(client, 200, "ok");
    expect_answer(client, 200, "ok");
    assert_int_equal(play->calls, 2);
    play_close(play);
}

static void content_is_given_back(void **state)
{
    struct play *play = play_open();
    struct client *client = visit(play, "/small");

    (void)state;
    expect_answer(client, 200, "small");
    assert_int_equal(play->released, 1);
    client_more(client, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    struct answer answer = client_answer(client, false);
    assert_int_equal(answer.length, LARGE);
    assert_memory_equal(answer.body.at, play->large, LARGE);
    assert_int_equal(play->released, 2);
    client_more(client, "HEAD /large HTTP/1.1\r\nHost: h\r\n\r\n");
    answer = client_answer(client, true);
    assert_int_equal(answer.length, LARGE);
    assert_int_equal(play->released, 3);
    play_close(play);
}

/* The client goes while its answer is being sent. */
static void content_is_given_back_when_the_client_goes(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    client->read_max = 100;
    client_say(client, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        client_pump(client);
        stage_turn(play->stage, true);
    }
    client_leave(client);
    stage_settle(play->stage);
    assert_int_equal(play->released, 1);
    play_close(play);
}

static void pipelined_answers_keep_their_order(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    for (int i = 0; i < 20; i++)
        client_say(client, "GET /say HTTP/1.1\r\nHost: h\r\n\r\n"
                           "GET /many HTTP/1.1\r\nHost: h\r\n\r\n"
                           "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"
                           "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    stage_settle(play->stage);
    for (int i = 0; i < 20; i++) {
        expect_answer(client, 200, "ok");
        expect_answer(client, 200, "many");
        assert_int_equal(client_answer(client, false).length, LARGE);
        expect_answer(client, 200, "ok");
    }
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    assert_int_equal(play->released, 20);
    play_close(play);
}

static void many_fields_go_out(void **state)
{
    struct play *play = play_open();
    struct client *client = visit(play, "/many");
    struct answer answer = client_answer(client, false);

    (void)state;
    assert_true(answer.fields.len > RINGLET_FIELDS_SIZE - 64);
    assert_true(str_equal(answer.body, STR("many")));
    play_close(play);
}

static void some_statuses_have_no_content(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");

    (void)state;
    stage_settle(play->stage);
    struct str said = str_of(client->in + client->in_at, client->in_len - client->in_at);
    assert_true(str_starts(said, STR("HTTP/1.1 204 No Content\r\nDate: ")));
    assert_true(str_ends(said, STR("GMT\r\n\r\n")));
    client->in_at = client->in_len;
    client_more(client, "GET /nothing?status=304 HTTP/1.1\r\nHost: h\r\n\r\n");
    said = str_of(client->in + client->in_at, client->in_len - client->in_at);
    assert_true(str_starts(said, STR("HTTP/1.1 304 ")) && str_ends(said, STR("GMT\r\n\r\n")));
    client->in_at = client->in_len;
    client_more(client, "GET /reset HTTP/1.1\r\nHost: h\r\n\r\n");
    struct answer answer = client_answer(client, false);
    assert_int_equal(answer.status, 205);
    assert_int_equal(answer.length, 0);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    play_close(play);
}

/* What is said on standard error while `target` is asked for, twice. */
static void overhear(struct play *play, const char *target, int status, const char *body,
                     struct ear *ear)
{
    ear_open(ear);
    struct client *first = visit(play, target), *second = visit(play, target);
    ear_close(ear);
    for (int i = 0; i < 2; i++) {
        struct answer answer = client_answer(i == 0 ? first : second, false);
        assert_int_equal(answer.status, status);
        assert_true(str_equal(answer.body, str_from(body)));
    }
    stage_pass(play->stage, MISUSE_TELL_MS);
}

static void mistakes_are_reported_with_their_route(void **state)
{
    struct play *play = play_open();
    struct ear ear;

    (void)state;
    overhear(play, "/forget", 500, "500 Internal Server Error\n", &ear);
    assert_string_equal(ear.said,
                        "ringlet: GET /forget: the handler has not replied; the client got "
                        "a 500\n");
    overhear(play, "/twice", 200, "one", &ear);
    assert_string_equal(ear.said,
                        "ringlet: GET /twice: the handler has replied more than once; the "
                        "first reply counts\n");
    overhear(play, "/dawdle", 200, "late", &ear);
    assert_string_equal(ear.said, "ringlet: GET /dawdle: the handler has held up its core for 101 "
                                  "ms\n");
    overhear(play, "/say", 200, "ok", &ear);
    assert_string_equal(ear.said, "");
    play_close(play);
}

/* --- files --- */

static void files_are_answered_in_full(void **state)
{
    struct play *play = play_open();
    struct client *client = visit(play, "/file?at=/middle.html");

    (void)state;
    client_gets_file(client, FILE_MIDDLE);
    assert_int_equal(play->calls, 1); /* though it had to be looked up */
    client_more(client, "GET /file?at=/hello.txt HTTP/1.1\r\nHost: h\r\n\r\n"
                        "HEAD /file?at=/large.jpg HTTP/1.1\r\nHost: h\r\n\r\n"
                        "GET /file?at=/middle.html HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n"
                        "GET /file?at=/middle.html HTTP/1.1\r\nHost: h\r\nIf-Match: \"x\"\r\n\r\n"
                        "GET /small.css HTTP/1.1\r\nHost: h\r\n\r\n");
    client_gets_file(client, FILE_HELLO);
    client_gets_head(client, FILE_LARGE);
    struct answer answer = client_answer(client, false);
    expect_ranges(&answer, FILE_MIDDLE, &(struct http_range){ .at = 2, .len = 3 }, 1);
    client_gets_plain(client, 412);
    client_gets_file(client, FILE_SMALL);
    assert_int_equal(play->calls, 5);
    play_close(play);
}

static void what_is_no_file_is_404(void **state)
{
    static const char *const targets[] = {
        "/file?at=/none",      "/file?at=/outside",      "/file?at=/../stage.c",
        "/file?at=/%25%32%65", "/file?at=//dir/../none",
    };
    struct play *play = play_open();

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_false(client_gets_plain(visit(play, targets[i]), 404));
    expect_answer(visit(play, "/file/wrong"), 404, "none");
    expect_answer(client_visit(play->stage, "POST /file/wrong HTTP/1.1\r\nHost: h\r\n\r\n"), 404,
                  "none");
    play_close(play);
}

/* Whoever asks knows nothing of the path, so there is nowhere to send him. */
static void a_directory_is_its_index(void **state)
{
    struct play *play = play_open();

    (void)state;
    for (int i = 0; i < 2; i++) { /* from the disk, and from memory */
        assert_false(client_gets_file(visit(play, "/file?at=/dir"), FILE_INDEX));
        assert_false(client_gets_file(visit(play, "/file?at=/dir/"), FILE_INDEX));
        assert_false(client_gets_plain(visit(play, "/file?at=/outside/"), 404));
        assert_false(client_gets_plain(visit(play, "/file?at=/"), 404));
    }
    play_close(play);
}

static void files_may_come_late(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, "GET /file/late HTTP/1.1\r\nHost: h\r\n\r\n"
                                                      "GET /say HTTP/1.1\r\nHost: h\r\n\r\n");

    (void)state;
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    stage_pass(play->stage, 10);
    client_gets_file(client, FILE_MIDDLE);
    expect_answer(client, 200, "ok");
    play_close(play);
}

/* --- bodies --- */

#define POST(target, fields) "POST " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

static void say_length(struct client *client, const char *target, size_t len)
{
    char head[128];

    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
             target, len);
    client_say(client, head);
}

static void bodies_come_whole(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    for (size_t len = 0; len <= WHOLE_MAX; len = len * 3 + 1) {
        say_length(client, "/back", len);
        client_say_bytes(client, play->large, len);
        stage_settle(play->stage);
        struct answer answer = client_answer(client, false);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.length, len);
        assert_memory_equal(answer.body.at, play->large, len);
    }
    client_more(client, POST("/back", "Transfer-Encoding: chunked\r\n") "2\r\nab\r\n3\r\ncde\r\n");
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    client_more(client, "0\r\n\r\nGET /say HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_answer(client, 200, "abcde");
    expect_answer(client, 200, "ok");
    client_more(client, POST("/back", "Transfer-Encoding: chunked\r\n") "0\r\n\r\n");
    expect_answer(client, 200, "");
    play_close(play);
}

static void bodies_come_in_pieces(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    client->write_max = 777;
    say_length(client, "/sum", LARGE);
    client_say_bytes(client, play->large, LARGE);
    client_say(client, POST("/sum", "Transfer-Encoding: chunked\r\n"));
    client_say(client, "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    client_say(client, POST("/sum", "Content-Length: 0\r\n"));
    stage_settle(play->stage);
    expect_answer(client, 200, "100000");
    expect_answer(client, 200, "5");
    expect_answer(client, 200, "0");
    play_close(play);
}

/* Before a byte of it is read, where its length is told. */
static void too_long_bodies_are_413(void **state)
{
    struct play *play = play_open();
    struct client *client = client_open(play->stage);

    (void)state;
    say_length(client, "/back", WHOLE_MAX + 1);
    stage_settle(play->stage);
    assert_true(client_gets_plain(client, 413));
    client_gets_nothing(client, FAKE_SAW_FIN);

    client =
        client_visit(play->stage, POST("/sum", "Transfer-Encoding: chunked\r\n") "2\r\nab\r\n");
    assert_int_equal(play->states, 1);
    client_more(client, "f4240\r\n");
    for (int i = 0; i < PIECES_MAX / LARGE; i++)
        client_say_bytes(client, play->large, LARGE);
    stage_settle(play->stage);
    assert_true(client_gets_plain(client, 413));
    client_gets_nothing(client, FAKE_SAW_FIN);
    assert_int_equal(play->states, 0);
    play_close(play);
}

static void a_piece_may_be_refused(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, POST("/sum", "Content-Length: 9\r\n") "abc");

    (void)state;
    assert_int_equal(play->states, 1);
    client_more(client, "!de");
    assert_true(client_gets_plain(client, 422));
    client_gets_nothing(client, FAKE_SAW_FIN);
    assert_int_equal(play->states, 0);
    play_close(play);
}

/* The client has gone, or breaks the rules, or sends no more. */
static void a_state_goes_back_when_the_body_ends_early(void **state)
{
    struct play *play = play_open();
    struct client *client = client_visit(play->stage, POST("/sum", "Content-Length: 9\r\n") "abc");

    (void)state;
    assert_int_equal(play->states, 1);
    client_leave(client);
    stage_settle(play->stage);
    assert_int_equal(play->states, 0);

    client = client_visit(play->stage, POST("/sum", "Transfer-Encoding: chunked\r\n") "1\r\na\r\n");
    assert_int_equal(play->states, 1);
    client_more(client, "x");
    assert_true(client_gets_plain(client, 400));
    assert_int_equal(play->states, 0);

    client = client_visit(play->stage, POST("/sum", "Content-Length: 9\r\n") "abc");
    assert_int_equal(play->states, 1);
    stage_pass(play->stage, play->stage->config.body_ms + 1);
    assert_true(client_gets_plain(client, 408));
    assert_int_equal(play->states, 0);
    play_close(play);
}

#define EXPECTS "Expect: 100-continue\r\nContent-Length: 3\r\n"

static void only_a_body_that_is_wanted_is_asked_for(void **state)
{
    static const char *const targets[] = { POST("/back", EXPECTS), POST("/sum", EXPECTS) };
    static const char *const bodies[] = { "abc", "3" };
    const char *asked = "HTTP/1.1 100 Continue\r\n\r\n";
    struct play *play = play_open();

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct client *client = client_visit(play->stage, targets[i]);
        assert_int_equal(client->in_len, strlen(asked));
        assert_memory_equal(client->in, asked, strlen(asked));
        client->in_at = client->in_len;
        client_more(client, "abc");
        expect_answer(client, 200, bodies[i]);
    }
    struct client *client = client_visit(play->stage, POST("/say", EXPECTS));
    expect_answer(client, 200, "ok");
    client_more(client, "abcGET /say HTTP/1.1\r\nHost: h\r\n" EXPECTS "\r\n");
    expect_answer(client, 200, "ok");
    client_more(client, "abcGET /file?at=/middle.html HTTP/1.1\r\nHost: h\r\n" EXPECTS "\r\n");
    client_gets_file(client, FILE_MIDDLE);
    client_more(client, "abcGET /file/late HTTP/1.1\r\nHost: h\r\n" EXPECTS "\r\nabc");
    stage_pass(play->stage, 10);
    client_gets_file(client, FILE_MIDDLE);
    client_gets_nothing(client, FAKE_SAW_NOTHING);
    client = client_visit(play->stage, POST("/back", "Expect: 100-continue\r\n"
                                                     "Content-Length: 50001\r\n"));
    assert_true(client_gets_plain(client, 413));
    play_close(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_go_before_files),
        cmocka_unit_test(paths_are_normalised_first),
        cmocka_unit_test(allow_is_of_the_path),
        cmocka_unit_test(a_body_is_dropped_before_the_answer),
        cmocka_unit_test(content_is_given_back),
        cmocka_unit_test(content_is_given_back_when_the_client_goes),
        cmocka_unit_test(pipelined_answers_keep_their_order),
        cmocka_unit_test(many_fields_go_out),
        cmocka_unit_test(some_statuses_have_no_content),
        cmocka_unit_test(mistakes_are_reported_with_their_route),
        cmocka_unit_test(files_are_answered_in_full),
        cmocka_unit_test(what_is_no_file_is_404),
        cmocka_unit_test(a_directory_is_its_index),
        cmocka_unit_test(files_may_come_late),
        cmocka_unit_test(bodies_come_whole),
        cmocka_unit_test(bodies_come_in_pieces),
        cmocka_unit_test(too_long_bodies_are_413),
        cmocka_unit_test(a_piece_may_be_refused),
        cmocka_unit_test(a_state_goes_back_when_the_body_ends_early),
        cmocka_unit_test(only_a_body_that_is_wanted_is_asked_for),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

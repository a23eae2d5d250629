/* A loop and some twenty clients under hundreds of seeds: everybody gets exactly what is due to
 * them, nobody waits for ever, and nothing is left at the end.
 *
 * Each seed is a process of its own, so that a crash or a leak names its seed. TEST_SEED=n runs
 * one, in this process; TEST_SEEDS=n runs so many. */
#include "stage.h"

#include "http/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SEEDS = 200,
    SEED_SECONDS = 60, /* real ones; then it hangs */
    ACTORS_MAX = 24,
    EXCHANGES_MAX = 24,
    BODY_MAX = 4096, /* config.max_body */
    HEAD_MAX = 2048, /* config.max_head */
    QUIET_TURNS = 10,
    RANGES_MAX = 12,
};

/* What one request must be answered with. */
struct expected {
    int status;
    int file; /* of a 200 or 206 that is a file; -1: none */
    unsigned range_count;
    struct http_range ranges[RANGES_MAX]; /* of a 206 */
    bool head_only;
    bool closes;
    bool persists_1_0;
    bool reads_disk; /* so that a disk that fails may fail it */
    bool awaited;    /* before its body is sent */
};

enum ending {
    LEAVES,      /* when all is answered */
    STAYS,       /* until the server has enough of it */
    HALF_CLOSES, /* after its last request */
    BREAKS_OFF,  /* half-closes inside a request */
    REFUSED,     /* the last answer closes; what is written after it must not be answered */
    STALLS,      /* inside a request */
    NEVER_READS,
    VANISHES,
    RESETS,
    ENDINGS,
};

struct actor {
    struct client *client;
    struct expected list[EXCHANGES_MAX];
    unsigned count, next;
    enum ending ending;
    size_t barrier;     /* write no further before its answer has come; 0: none */
    unsigned acts_left; /* VANISHES, RESETS: until it does */
    bool stubborn;      /* does not close when the server has */
    bool told_to_close; /* by the last answer */
    bool done;
};

/* What a seed does to everybody. */
struct weather {
    bool disk_fails, resets, crowded;
    unsigned drain_at, stop_at; /* turns; 0: not before all are done */
};

struct play {
    struct stage *stage;
    struct weather weather;
    struct actor actors[ACTORS_MAX];
    unsigned count, arrived;
    bool draining, stopping;
    unsigned quiet_turns;
};

static unsigned draw(struct play *play, unsigned below)
{
    return (unsigned)fake_io_random(play->stage->io, below);
}

static bool chance(struct play *play, unsigned one_in)
{
    return draw(play, one_in) == 0;
}

/* --- what actors say --- */

static struct expected *expect_next(struct actor *actor, int status)
{
    EXPECT(actor->count < EXCHANGES_MAX);
    struct expected *expected = &actor->list[actor->count++];

    *expected = (struct expected){ .status = status, .file = -1 };
    expected->closes = status >= 400 && !http_status_keeps(status);
    return expected;
}

static void say(struct actor *actor, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct actor *actor, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    EXPECT(len >= 0 && (size_t)len < sizeof text);
    client_say_bytes(actor->client, text, (size_t)len);
}

/* Field lines that change nothing, and the empty line. */
static void say_fields(struct play *play, struct actor *actor)
{
    if (chance(play, 3))
        say(actor, "User-Agent:\tschedule/1.0 \r\n");
    if (chance(play, 8))
        say(actor, "Cookie: %0*d\r\n", (int)draw(play, 900) + 1, 7);
    if (chance(play, 4))
        say(actor, "Ranges: bytes=0-0\r\nhost-like: x:\r\nX:\r\n");
    say(actor, "\r\n");
}

static const char *query(struct play *play)
{
    const char *const queries[] = { "", "", "?", "?a=1&b=/../" };

    return queries[draw(play, 4)];
}

static void ask_file(struct play *play, struct actor *actor)
{
    int file = (int)draw(play, FILE_COUNT);
    /* Large answers are worth having, but not in every exchange. */
    if (file == FILE_HUGE && !chance(play, 4))
        file = FILE_HELLO;
    struct expected *expected = expect_next(actor, 200);

    expected->file = file;
    expected->reads_disk = true;
    expected->head_only = chance(play, 4);
    const char *method = expected->head_only ? "HEAD" : "GET";
    const char *before = chance(play, 6) ? "http://there:80" : chance(play, 6) ? "/./x/.." : "";
    say(actor, "%s%s %s%s%s HTTP/1.1\r\nHost: h\r\n", chance(play, 9) ? "\r\n" : "", method, before,
        stage_files[file].target, query(play));
    say_fields(play, actor);
}

/* Parts of a file in some order, with a gap between each two so that each stays one. */
static void ask_ranges(struct play *play, struct actor *actor)
{
    const int files[] = { FILE_MIDDLE, FILE_WHOLE, FILE_LARGE };
    int file = files[draw(play, 3)];
    struct expected *expected = expect_next(actor, 206);
    unsigned count = 1 + draw(play, chance(play, 2) ? 3 : RANGES_MAX);
    size_t share = stage_files[file].size / RANGES_MAX, from = draw(play, count);

    expected->file = file;
    expected->reads_disk = true;
    expected->range_count = count;
    say(actor, "GET %s HTTP/1.1\r\nHost: h\r\nRange: bytes=", stage_files[file].target);
    for (unsigned i = 0; i < count; i++) {
        size_t at = (from + i) % count * share;
        size_t len = 1 + draw(play, (unsigned)(share / 2));
        expected->ranges[i] = (struct http_range){ at, len };
        say(actor, "%s%zu-%zu", i > 0 ? "," : "", at, at + len - 1);
    }
    say(actor, "\r\n");
    say_fields(play, actor);
}

static void ask_whether_changed(struct play *play, struct actor *actor)
{
    struct expected *expected = expect_next(actor, 304);

    expected->reads_disk = true;
    expected->head_only = chance(play, 4);
    say(actor, "%s %s HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n",
        expected->head_only ? "HEAD" : "GET", stage_files[draw(play, FILE_COUNT)].target);
    say_fields(play, actor);
}

static void ask_bad_path(struct play *play, struct actor *actor)
{
    const struct {
        const char *target;
        int status;
    } paths[] = {
        { "/missing", 404 }, { "/.hidden", 404 },    { "/fifo", 404 },
        { "/outside", 404 }, { "/hello.txt/", 404 }, { "/dir", 301 },
        { "/a%2fb", 404 },   { "/", 404 },           { "/hello.txt/x", 404 },
    };
    unsigned which = draw(play, sizeof paths / sizeof *paths);
    struct expected *expected = expect_next(actor, paths[which].status);

    expected->reads_disk = true;
    say(actor, "GET %s HTTP/1.1\r\nHost: h\r\n", paths[which].target);
    say_fields(play, actor);
}

static void say_chunked(struct play *play, struct actor *actor, unsigned len)
{
    char bytes[BODY_MAX];

    memset(bytes, 'c', sizeof bytes);
    while (len > 0) {
        unsigned size = 1 + draw(play, len);
        say(actor, "%x%s\r\n", size, chance(play, 4) ? ";name=\"GET / HTTP/1.1\"" : "");
        client_say_bytes(actor->client, bytes, size);
        say(actor, "\r\n");
        len -= size;
    }
    say(actor, "0\r\n%s\r\n", chance(play, 4) ? "Trailer: yes\r\n" : "");
}

static void say_body(struct actor *actor, unsigned len)
{
    /* Were it taken for requests, it would be seen. */
    const char text[] = "GET /hello.txt HTTP/1.1\r\nHost: smuggled\r\n\r\n";

    for (unsigned i = 0; i < len; i++)
        client_say_bytes(actor->client, &text[i % (sizeof text - 1)], 1);
}

/* The fields of a body, the empty line, perhaps a barrier, and the body. */
static void say_with_body(struct play *play, struct actor *actor, bool waits)
{
    unsigned len = draw(play, chance(play, 2) ? BODY_MAX : 20) + waits;
    bool chunked = chance(play, 2);

    if (waits)
        say(actor, "Expect: 100-continue\r\n");
    if (chunked)
        say(actor, "Transfer-Encoding: chunked\r\n");
    else
        say(actor, "Content-Length: %u\r\n", len);
    say_fields(play, actor);
    if (waits && actor->barrier == 0)
        actor->barrier = actor->client->out_len;
    if (chunked)
        say_chunked(play, actor, len);
    else
        say_body(actor, len);
}

static void ask_get_with_body(struct play *play, struct actor *actor)
{
    bool waits = actor->barrier == 0 && chance(play, 3);
    struct expected *expected = expect_next(actor, 200);

    expected->file = FILE_HELLO;
    expected->reads_disk = true;
    expected->awaited = waits;
    say(actor, "GET /hello.txt HTTP/1.1\r\nHost: h\r\n");
    say_with_body(play, actor, waits);
}

static void ask_not_allowed(struct play *play, struct actor *actor)
{
    const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH", "TRACE" };

    expect_next(actor, 405);
    say(actor, "%s /hello.txt HTTP/1.1\r\nHost: h\r\n", methods[draw(play, 5)]);
    if (chance(play, 2))
        say_with_body(play, actor, false);
    else
        say_fields(play, actor);
}

static void ask_options(struct play *play, struct actor *actor)
{
    expect_next(actor, 200);
    say(actor, "OPTIONS %s HTTP/1.1\r\nHost: h\r\n", chance(play, 2) ? "*" : "/hello.txt");
    if (chance(play, 4))
        say_with_body(play, actor, false);
    else
        say_fields(play, actor);
}

static void ask_the_impossible(struct play *play, struct actor *actor)
{
    expect_next(actor, 417);
    say(actor, "GET /hello.txt HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n");
    if (chance(play, 2))
        say_with_body(play, actor, false);
    else
        say_fields(play, actor);
}

static void ask_as_of_old(struct play *play, struct actor *actor)
{
    struct expected *expected = expect_next(actor, 200);

    expected->file = FILE_SMALL;
    expected->reads_disk = true;
    expected->persists_1_0 = true;
    say(actor, "GET /small.css HTTP/1.0\r\nConnection: Keep-Alive\r\n");
    say_fields(play, actor);
}

static void (*const asks[])(struct play *, struct actor *) = {
    ask_file,          ask_file,        ask_file,    ask_file,
    ask_bad_path,      ask_ranges,      ask_ranges,  ask_whether_changed,
    ask_get_with_body, ask_not_allowed, ask_options, ask_the_impossible,
    ask_as_of_old,
};

/* --- how they end --- */

static void ask_to_close(struct play *play, struct actor *actor)
{
    struct expected *expected = expect_next(actor, 200);
    const char *const wholes[] = {
        "GET /large.jpg HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /large.jpg HTTP/1.0\r\n\r\n",
    };

    expected->file = FILE_LARGE;
    expected->reads_disk = true;
    expected->closes = true;
    say(actor, "%s", wholes[draw(play, 2)]);
}

static void ask_malformed(struct play *play, struct actor *actor)
{
    const struct {
        const char *text;
        int status;
    } wrongs[] = {
        { "GET /hello.txt HTTP/1.1\r\nHost : h\r\n\r\n", 400 },
        { "GET /hello.txt HTTP/1.1\r\n\r\n", 400 },
        { "GET /hello.txt HTTP/1.1\nHost: h\n\n", 400 },
        { "GET /hello.txt HTTP/1.1\r\nHost: h\r\n x: folded\r\n\r\n", 400 },
        { "GET  /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET /../x HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          400 },
        { "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
        { "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
        { "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
        { "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4097\r\n\r\n", 413 },
        { "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "ffffffffffffffff1\r\n",
          400 },
    };
    unsigned which = draw(play, sizeof wrongs / sizeof *wrongs);

    expect_next(actor, wrongs[which].status);
    say(actor, "%s", wrongs[which].text);
}

static void ask_too_long(struct play *play, struct actor *actor)
{
    char many[HEAD_MAX + 100];

    memset(many, 'm', sizeof many);
    bool line = chance(play, 2);
    expect_next(actor, line ? 414 : 431);
    say(actor, line ? "GET /" : "GET / HTTP/1.1\r\nHost: h\r\nLong: ");
    client_say_bytes(actor->client, many, sizeof many);
}

/* Refused for its method already; its body breaks the rules, and that is the end. */
static void ask_with_bad_body(struct play *play, struct actor *actor)
{
    (void)play;
    expect_next(actor, 405);
    say(actor, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
}

static void ask_too_much(struct play *play, struct actor *actor)
{
    bool held = chance(play, 2);

    expect_next(actor, held ? 413 : 405);
    say(actor, "%s / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        held ? "GET" : "POST");
    say(actor, "%x\r\n", BODY_MAX);
    say_body(actor, BODY_MAX);
    say(actor, "\r\n1\r\nx\r\n");
}

static void (*const last_words[])(struct play *, struct actor *) = {
    ask_to_close, ask_malformed, ask_malformed, ask_too_long, ask_with_bad_body, ask_too_much,
};

static void say_half(struct play *play, struct actor *actor)
{
    bool in_body = chance(play, 2);
    bool held = in_body && chance(play, 2);

    if (in_body)
        say(actor, "%s /hello.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345",
            held ? "GET" : "POST");
    else
        say(actor, "GET /hello.txt HTT");
    if (in_body && !held)
        expect_next(actor, 405);
    else if (actor->ending == STALLS)
        expect_next(actor, 408);
}

static void script(struct play *play, struct actor *actor)
{
    unsigned requests = draw(play, 4) ? draw(play, 6) : draw(play, EXCHANGES_MAX - 2);

    for (unsigned i = 0; i < requests; i++)
        asks[draw(play, sizeof asks / sizeof *asks)](play, actor);
    if (actor->ending == REFUSED) {
        last_words[draw(play, sizeof last_words / sizeof *last_words)](play, actor);
        say(actor, "GET /hello.txt HTTP/1.1\r\nHost: after\r\n\r\n");
    }
    if (actor->ending == STALLS || actor->ending == BREAKS_OFF)
        say_half(play, actor);
}

static void cast(struct play *play, struct actor *actor)
{
    struct client *client = client_open(play->stage);

    *actor = (struct actor){ .client = client };
    actor->ending = chance(play, 2) ? LEAVES : (enum ending)draw(play, ENDINGS);
    actor->acts_left = draw(play, 200);
    actor->stubborn = chance(play, 8);
    script(play, actor);
    if (chance(play, 3))
        fake_peer_set_window(client->peer, 500 + draw(play, 20000));
    if (chance(play, 3))
        client->write_max = 1 + draw(play, chance(play, 2) ? 3 : 300);
    if (chance(play, 3))
        client->read_max = 200 + draw(play, 8000);
    if (actor->ending == NEVER_READS)
        client->read_max = 0;
    client->finishes = actor->ending == HALF_CLOSES || actor->ending == BREAKS_OFF;
}

/* --- what they hear --- */

static bool is_fault(const struct play *play, const struct expected *expected, int status)
{
    return play->weather.disk_fails && expected->reads_disk &&
           (status == 500 || status == 503 || status == 404);
}

static void check_answer(struct play *play, const struct expected *expected,
                         const struct answer *answer)
{
    bool fault = answer->status != expected->status && is_fault(play, expected, answer->status);
    int status = fault ? answer->status : expected->status;

    if (!fault && answer->status != status)
        fprintf(stderr, "expected %d, got %d\n", status, answer->status);
    if (expected->range_count > 0 && !fault)
        expect_ranges(answer, expected->file, expected->ranges, expected->range_count);
    else if (status == 304)
        EXPECT(answer->status == 304 && answer_field(answer, "ETag").at);
    else if (expected->file >= 0 && !fault)
        expect_file(answer, expected->file, expected->head_only);
    else if (status == 200)
        EXPECT(answer->status == 200 && answer->length == 0 && answer_field(answer, "Allow").at);
    else
        EXPECT(answer_is_plain(answer, status, expected->head_only));
    EXPECT(status != 301 || str_equal(answer_field(answer, "Location"), STR("/dir/")));
    EXPECT(status != 405 || answer_field(answer, "Allow").at);

    bool closes = expected->closes || (fault && !http_status_keeps(status));
    EXPECT(answer->closes == closes || (answer->closes && play->draining));
    EXPECT(answer->closes || answer->persists_1_0 == expected->persists_1_0);
}

/* Returns whether there was an answer. */
static bool hear(struct play *play, struct actor *actor)
{
    struct client *c = actor->client;
    struct expected *expected = &actor->list[actor->next];
    struct str unread = str_of(c->in_len ? c->in + c->in_at : "", c->in_len - c->in_at);
    struct answer answer;

    if (unread.len == 0)
        return false;
    if (actor->next == actor->count)
        fprintf(stderr, "not asked for: %.*s\n", (int)unread.len, unread.at);
    EXPECT(actor->next < actor->count);
    size_t used = answer_read(&answer, unread, expected->head_only);
    if (used == 0)
        return false;
    c->in_at += used;
    check_answer(play, expected, &answer);
    if (expected->awaited)
        actor->barrier = SIZE_MAX;
    actor->next++;
    actor->told_to_close = answer.closes;
    if (answer.closes)
        actor->count = actor->next;
    return true;
}

static bool heard_all(const struct actor *actor)
{
    return actor->next == actor->count && actor->client->in_at == actor->client->in_len;
}

static bool may_break(const struct play *play, const struct actor *actor)
{
    return play->weather.resets || play->stopping || actor->ending == NEVER_READS ||
           (actor->stubborn && heard_all(actor));
}

/* The connection has ended: was it time? */
static void check_end(struct play *play, struct actor *actor)
{
    struct client *c = actor->client;
    bool lenient = play->draining || play->weather.resets || actor->ending == NEVER_READS;

    EXPECT(c->saw == FAKE_SAW_FIN || may_break(play, actor));
    if (c->saw == FAKE_SAW_FIN)
        EXPECT(c->in_at == c->in_len);
    if (!lenient && actor->next != actor->count)
        fprintf(stderr, "ended after %u of %u answers\n", actor->next, actor->count);
    EXPECT(lenient || heard_all(actor));
    /* Nobody who would have gone by himself is sent away, unless others wait for his place. */
    EXPECT(lenient || play->weather.crowded || actor->ending != LEAVES || actor->told_to_close);
}

static void act_by_force(struct actor *actor)
{
    if (actor->ending != VANISHES && actor->ending != RESETS)
        return;
    if (actor->acts_left-- > 0)
        return;
    if (actor->ending == RESETS)
        fake_peer_reset(actor->client->peer);
    client_leave(actor->client);
    actor->done = true;
}

static bool pump_to_barrier(struct actor *actor)
{
    struct client *c = actor->client;
    size_t out_len = c->out_len;
    bool finishes = c->finishes;

    if (actor->barrier > 0 && actor->barrier < out_len) {
        c->out_len = actor->barrier;
        c->finishes = false;
    }
    bool moved = client_pump(c);
    c->out_len = out_len;
    c->finishes = finishes;
    return moved;
}

/* Returns whether it did anything. */
static bool act(struct play *play, struct actor *actor)
{
    struct client *c = actor->client;

    if (actor->done)
        return false;
    bool moved = pump_to_barrier(actor);
    while (hear(play, actor))
        moved = true;
    act_by_force(actor);
    if (actor->done)
        return true;

    if (actor->ending == LEAVES && heard_all(actor) && c->out_at == c->out_len)
        actor->done = !actor->told_to_close && !play->draining;
    if (c->saw == FAKE_SAW_RST || (c->saw == FAKE_SAW_FIN && (!actor->stubborn || c->finished))) {
        check_end(play, actor);
        actor->done = true;
    }
    if (actor->done)
        client_leave(c);
    return moved || actor->done;
}

/* --- the play --- */

static void draw_faults(struct play *play, struct stage *stage)
{
    const int errors[] = { EMFILE, EIO, ENOENT, ENOMEM };

    if (chance(play, 4)) {
        play->weather.disk_fails = true;
        for (int i = 0; i < 3; i++)
            fake_io_fail_file(stage->io, (enum io_file_kind)draw(play, IO_FILE_CLOSE + 1),
                              errors[draw(play, 4)], 1 + draw(play, 12));
    }
    if (chance(play, 4))
        fake_io_fail_accept(stage->io, EMFILE, 1 + draw(play, 10));

    struct fake_io_odds odds = fake_io_odds(stage->io);
    play->weather.resets = chance(play, 8);
    odds.reset = play->weather.resets ? 1 + draw(play, 3) : 0;
    odds.accept = chance(play, 8) ? 100 : 0;
    fake_io_set_odds(stage->io, &odds);
}

static struct stage *build(uint64_t seed)
{
    struct config config = stage_config();

    config.max_head = HEAD_MAX;
    config.max_body = BODY_MAX;
    config.drain_ms = 1000000;
    config.max_conns = seed % 3 == 0 ? 2 + (uint32_t)(seed / 3 % 8) : 64;
    config.log = seed % 4 == 0 ? "/dev/null" : NULL;
    struct stage *stage = stage_open(&config);
    fake_io_seed(stage->io, seed);
    return stage;
}

static void arrive(struct play *play)
{
    unsigned left = play->count - play->arrived;
    unsigned now = play->draining ? 0 : draw(play, left + 1);

    for (; now > 0; now--)
        cast(play, &play->actors[play->arrived++]);
}

static bool all_done(const struct play *play)
{
    for (unsigned i = 0; i < play->arrived; i++)
        if (!play->actors[i].done)
            return false;
    return play->arrived == play->count || play->draining;
}

static void give_orders(struct play *play)
{
    struct stage *stage = play->stage;

    if (play->weather.drain_at && stage->turns >= play->weather.drain_at && !play->draining) {
        play->draining = true;
        loop_drain(&stage->loop);
    }
    if (play->weather.stop_at && stage->turns >= play->weather.stop_at && !play->stopping) {
        play->draining = play->stopping = true;
        loop_stop(&stage->loop);
    }
}

/* Progress of a send is no event, so a wait that only brings some of it would let time pass
 * although a client could read on: time may pass when nothing has happened for a while. */
static void take_turn(struct play *play, bool moved)
{
    const struct io_engine *engine = &fake_io_engine;
    uint64_t before = engine->stats(play->stage->io).events;
    bool expected = play->arrived < play->count && !play->draining;
    bool busy = moved || expected || play->quiet_turns < QUIET_TURNS;

    stage_turn(play->stage, busy);
    bool happened = engine->stats(play->stage->io).events - before > busy;
    play->quiet_turns = moved || happened || !busy ? 0 : play->quiet_turns + 1;
}

static void perform(struct play *play)
{
    while (!all_done(play) && !(play->stopping && loop_is_over(&play->stage->loop))) {
        bool moved = false;

        if (play->arrived < play->count)
            arrive(play);
        for (unsigned i = 0; i < play->arrived; i++)
            moved = act(play, &play->actors[i]) || moved;
        take_turn(play, moved);
        give_orders(play);
    }
}

static void play_seed(uint64_t seed)
{
    struct play *play = calloc(1, sizeof *play);

    EXPECT(play);
    play->stage = build(seed);
    draw_faults(play, play->stage);
    play->count = 1 + draw(play, ACTORS_MAX);
    play->weather.crowded = play->count > play->stage->config.max_conns;
    play->weather.drain_at = chance(play, 4) ? 1 + draw(play, 400) : 0;
    play->weather.stop_at = chance(play, 8) ? 1 + draw(play, 400) : 0;
    perform(play);
    if (!play->stopping) {
        stage_close(play->stage);
    } else {
        while (!loop_is_over(&play->stage->loop))
            stage_turn(play->stage, false);
        stage_free(play->stage);
    }
    free(play);
}

static bool seed_passes(uint64_t seed)
{
    int status;

    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        stage_fail_by_exit();
        alarm(SEED_SECONDS);
        play_seed(seed);
        exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fprintf(stderr, "test_schedules: TEST_SEED=%llu fails (wait status %#x)\n",
                (unsigned long long)seed, (unsigned)status);
    return status == 0;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void everybody_gets_what_is_due(void **state)
{
    uint64_t one = number_from("TEST_SEED", 0);
    uint64_t seeds = number_from("TEST_SEEDS", SEEDS);
    unsigned failures = 0;

    (void)state;
    if (one > 0) {
        stage_fail_by_exit();
        play_seed(one);
        return;
    }
    for (uint64_t seed = 1; seed <= seeds; seed++)
        failures += !seed_passes(seed);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_what_is_due),
    };

    return cmocka_run_group_tests(tests, stage_build_site, stage_remove_site);
}

#include "stage.h"

#include "base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CLOCK_START_MS = 1000000, SETTLE_QUIET = 4, OLD_SECONDS = 1000000000 };

const struct stage_file stage_files[FILE_COUNT] = {
    [FILE_EMPTY] = { "/empty.txt", "empty.txt", 0, "text/plain; charset=utf-8" },
    [FILE_HELLO] = { "/hello.txt", "hello.txt", 13, "text/plain; charset=utf-8" },
    [FILE_SMALL] = { "/small.css", "small.css", 1500, "text/css; charset=utf-8" },
    [FILE_MIDDLE] = { "/middle.html", "middle.html", 5000, "text/html; charset=utf-8" },
    [FILE_WHOLE] = { "/whole.png", "whole.png", 128 * 1024, "image/png" },
    [FILE_LARGE] = { "/large.jpg", "large.jpg", SITE_WHOLE_MAX + 1, "image/jpeg" },
    [FILE_HUGE] = { "/huge.bin", "huge.bin", SITE_WHOLE_MAX + 3 * IO_SEND_PIECE - 7,
                    "application/octet-stream" },
    [FILE_INDEX] = { "/dir/", "dir/index.html", 321, "text/html; charset=utf-8" },
};

static char site_path[] = "/tmp/ringlet-stage-XXXXXX";

/* What is in each file of it, so that an answer is compared whole. */
static char *site_bytes[FILE_COUNT];

/* The loop's clock takes no argument. */
static struct io *clock_io;

static uint64_t stage_clock_ms(void)
{
    return clock_io ? fake_io_clock_ms(clock_io) : CLOCK_START_MS;
}

/* --- the site --- */

static char byte_of(int file, size_t offset)
{
    return (char)('!' + (offset * 7 + offset / 251 + (size_t)file * 13) % 90);
}

const char *stage_site(void)
{
    return site_path;
}

static void write_file(int root, int file)
{
    size_t size = stage_files[file].size;
    char *bytes = malloc(size + 1);
    int fd = openat(root, stage_files[file].name, O_WRONLY | O_CREAT | O_EXCL, 0644);

    CHECK(bytes && fd >= 0);
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_of(file, i);
    CHECK(write(fd, bytes, size) == (ssize_t)size);
    const struct timespec times[2] = { { .tv_sec = OLD_SECONDS }, { .tv_sec = OLD_SECONDS } };
    CHECK(futimens(fd, times) == 0);
    close(fd);
    site_bytes[file] = bytes;
}

int stage_build_site(void **state)
{
    (void)state;
    CHECK(mkdtemp(site_path));
    int root = open(site_path, O_PATH | O_DIRECTORY);
    CHECK(root >= 0);
    CHECK(mkdirat(root, "dir", 0755) == 0);
    CHECK(mkfifoat(root, "fifo", 0644) == 0);
    CHECK(symlinkat("/etc/hostname", root, "outside") == 0);
    for (int file = 0; file < FILE_COUNT; file++)
        write_file(root, file);
    close(root);
    return 0;
}

int stage_remove_site(void **state)
{
    (void)state;
    int root = open(site_path, O_PATH | O_DIRECTORY);
    CHECK(root >= 0);
    for (int file = 0; file < FILE_COUNT; file++) {
        unlinkat(root, stage_files[file].name, 0);
        free(site_bytes[file]);
    }
    unlinkat(root, "fifo", 0);
    unlinkat(root, "outside", 0);
    unlinkat(root, "dir", AT_REMOVEDIR);
    close(root);
    return rmdir(site_path);
}

/* --- the stage --- */

struct config stage_config(void)
{
    return (struct config){
        .cores = 1,
        .root = site_path,
        .index = "index.html",
        .idle_ms = 60000,
        .header_ms = 10000,
        .body_ms = 30000,
        .write_ms = 30000,
        .drain_ms = 20000,
        .cache_bytes = 64 << 20,
        .max_head = 16384,
        .max_body = 1 << 20,
        .max_conns = 64,
    };
}

struct stage *stage_open_secure(const struct config *config, const struct tls_config *tls)
{
    int listener = open("/dev/null", O_RDONLY | O_CLOEXEC); /* closed like a real one */
    struct stage *stage = calloc(1, sizeof *stage);
    struct sentence why;

    CHECK(stage && !clock_io);
    stage->config = *config;
    stage->root = open(config->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    stage->orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(stage->root >= 0 && stage->orders >= 0);
    if (config->log) {
        CHECK(access_log_open(&stage->log, config->log, &why) == 0);
        stage->logging = true;
    }
    CHECK(rule_book_make(&stage->book, &stage->config));
    const struct loop_setup setup = {
        .config = &stage->config,
        .book = &stage->book,
        .engine = &fake_io_engine,
        .listener = tls ? -1 : listener,
        .tls_listener = tls ? listener : -1,
        .tls = tls,
        .orders = stage->orders,
        .root = stage->root,
        .log = stage->logging ? &stage->log : NULL,
        .clock_ms = stage_clock_ms,
    };
    EXPECT(loop_init(&stage->loop, &setup) == 0);
    stage->io = clock_io = stage->loop.core.source.io;
    return stage;
}

struct stage *stage_open(const struct config *config)
{
    return stage_open_secure(config, NULL);
}

struct stage *stage_calm(void)
{
    const struct config config = stage_config();

    return stage_open(&config);
}

static void poke(const struct stage *stage)
{
    const uint64_t one = 1;

    CHECK(write(stage->orders, &one, sizeof one) == sizeof one);
}

static void check_loop(struct stage *stage)
{
    struct core *core = &stage->loop.core;
    struct io_stats stats = fake_io_engine.stats(stage->io);
    struct list *node;
    unsigned count = 0;

    for (node = core->conns.next; node != &core->conns; node = node->next, count++) {
        const struct conn *c = CONTAINER_OF(node, struct conn, link);
        EXPECT(conn_holds(c));
        EXPECT(c->sock.leases <= IO_SOCK_LEASES_MAX);
        EXPECT(c->state != CONN_CLOSING || c->http1.held == NULL);
    }
    EXPECT(core->conn_count == count);
    EXPECT(core->conn_count == stats.socks);
    EXPECT(count <= core->config->max_conns);
}

void stage_turn(struct stage *stage, bool busy)
{
    const struct loop *loop = &stage->loop;
    bool nothing_due = loop->core.conn_count == 0 && loop->stage == LOOP_SERVING &&
                       loop->entrance.doors[0].retry_ms == 0;

    if (busy || nothing_due)
        poke(stage);
    EXPECT(stage->turns++ < STAGE_TURNS_MAX);
    loop_turn(&stage->loop);
    check_loop(stage);
}

static bool pump_all(struct stage *stage)
{
    bool moved = false;

    for (unsigned i = 0; i < stage->client_count; i++)
        moved = client_pump(stage->clients[i]) || moved;
    return moved;
}

void stage_settle(struct stage *stage)
{
    int quiet = 0;

    while (quiet < SETTLE_QUIET) {
        uint64_t before = fake_io_engine.stats(stage->io).events;
        bool moved = pump_all(stage);
        stage_turn(stage, true);
        bool happened = fake_io_engine.stats(stage->io).events - before > 1;
        quiet = moved || happened ? 0 : quiet + 1;
    }
}

void stage_pass(struct stage *stage, uint64_t ms)
{
    fake_io_advance(stage->io, ms);
    stage_settle(stage);
}

void stage_free(struct stage *stage)
{
    EXPECT(loop_is_over(&stage->loop));
    while (stage->client_count > 0) /* before the engine and its peers are freed */
        client_forget(stage->clients[0]);
    EXPECT(loop_release(&stage->loop));
    clock_io = NULL;
    if (stage->logging)
        access_log_close(&stage->log);
    rule_book_release(&stage->book);
    close(stage->orders);
    close(stage->root);
    free(stage);
}

void stage_close(struct stage *stage)
{
    for (unsigned i = 0; i < stage->client_count; i++)
        client_leave(stage->clients[i]);
    loop_drain(&stage->loop);
    while (!loop_is_over(&stage->loop))
        stage_turn(stage, false);
    EXPECT(loop_cut(&stage->loop) == 0);
    stage_free(stage);
}

/* --- clients --- */

static void free_client(struct client *client)
{
    free(client->out);
    free(client->in);
    free(client);
}

void client_forget(struct client *client)
{
    struct stage *stage = client->stage;

    client_leave(client);
    for (unsigned i = 0; i < stage->client_count; i++)
        if (stage->clients[i] == client)
            stage->clients[i] = stage->clients[--stage->client_count];
    free_client(client);
}

struct client *client_open(struct stage *stage)
{
    struct client *client = calloc(1, sizeof *client);

    CHECK(client && stage->client_count < STAGE_CLIENTS_MAX);
    client->stage = stage;
    client->peer = fake_peer_connect(stage->io);
    client->read_max = client->write_max = SIZE_MAX;
    stage->clients[stage->client_count++] = client;
    return client;
}

static void reserve(char **bytes, size_t *cap, size_t len)
{
    if (len <= *cap)
        return;
    *cap = len * 2;
    *bytes = realloc(*bytes, *cap);
    CHECK(*bytes);
}

void client_say_bytes(struct client *client, const void *bytes, size_t len)
{
    reserve(&client->out, &client->out_cap, client->out_len + len);
    if (len > 0)
        memcpy(client->out + client->out_len, bytes, len);
    client->out_len += len;
}

void client_say(struct client *client, const char *text)
{
    client_say_bytes(client, text, strlen(text));
}

struct client *client_visit(struct stage *stage, const char *says)
{
    struct client *client = client_open(stage);

    client_more(client, says);
    return client;
}

void client_more(struct client *client, const char *says)
{
    client_say(client, says);
    stage_settle(client->stage);
}

struct client *client_slow(struct stage *stage)
{
    struct client *client = client_open(stage);

    client->read_max = 0;
    client_more(client, "GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    return client;
}

static bool write_some(struct client *client)
{
    size_t len = client->out_len - client->out_at;
    size_t taken = 0;

    if (client->finished)
        return false;
    if (len > client->write_max)
        len = client->write_max;
    if (len > 0)
        taken = fake_peer_write(client->peer, client->out + client->out_at, len);
    client->out_at += taken;
    if (client->finishes && client->out_at == client->out_len) {
        fake_peer_shutdown(client->peer);
        client->finished = true;
        return true;
    }
    return taken > 0;
}

void client_heard(struct client *client, const void *bytes, size_t len)
{
    reserve(&client->in, &client->in_cap, client->in_len + len);
    memcpy(client->in + client->in_len, bytes, len);
    client->in_len += len;
}

static bool read_some(struct client *client)
{
    char bytes[16384];
    size_t most = client->read_max, got, all = 0;

    while (all < most) {
        size_t cap = most - all < sizeof bytes ? most - all : sizeof bytes;
        got = fake_peer_read(client->peer, bytes, cap);
        if (got == 0)
            break;
        client_heard(client, bytes, got);
        all += got;
    }
    client->saw = fake_peer_saw(client->peer);
    return all > 0;
}

bool client_pump(struct client *client)
{
    if (!client->peer)
        return false;
    bool wrote = write_some(client);
    return read_some(client) || wrote;
}

void client_leave(struct client *client)
{
    if (client->peer)
        fake_peer_close(client->peer);
    client->peer = NULL;
}

struct str client_unread(const struct client *client)
{
    return str_of(client->in_len ? client->in + client->in_at : "", client->in_len - client->in_at);
}

void client_skip(struct client *client, size_t len)
{
    EXPECT(len <= client->in_len - client->in_at);
    client->in_at += len;
}

struct answer client_answer(struct client *client, bool head_only)
{
    struct answer answer;
    size_t used = answer_read(&answer, client_unread(client), head_only);

    EXPECT(used > 0);
    client->in_at += used;
    return answer;
}

bool client_gets_plain(struct client *client, int status)
{
    struct answer answer = client_answer(client, false);

    if (!answer_is_plain(&answer, status, false))
        fprintf(stderr, "got %d, not %d\n", answer.status, status);
    EXPECT(answer_is_plain(&answer, status, false));
    return answer.closes;
}

void expect_file(const struct answer *answer, int file, bool head_only)
{
    const struct stage_file *wanted = &stage_files[file];

    EXPECT(answer->status == 200);
    EXPECT(answer->length == wanted->size);
    EXPECT(str_equal(answer_field(answer, "Content-Type"), str_from(wanted->type)));
    EXPECT(answer_field(answer, "ETag").at);
    EXPECT(str_equal(answer_field(answer, "Last-Modified"), STR("Sun, 09 Sep 2001 01:46:40 GMT")));
    if (!head_only)
        EXPECT(memcmp(answer->body.at, site_bytes[file], wanted->size) == 0);
}

static void expect_bytes(struct str bytes, int file, struct http_range range)
{
    EXPECT(bytes.len >= range.len);
    EXPECT(memcmp(bytes.at, site_bytes[file] + range.at, range.len) == 0);
}

/* Cut what must be there off the start. */
static void expect_text(struct str *rest, struct str wanted)
{
    EXPECT(rest->len >= wanted.len && memcmp(rest->at, wanted.at, wanted.len) == 0);
    *rest = str_of(rest->at + wanted.len, rest->len - wanted.len);
}

static void expect_part(struct str *rest, int file, struct http_range range, struct str boundary,
                        bool first)
{
    char space[512];
    struct text head = text_in(space, sizeof space);

    text_add(&head, first ? STR("--") : STR("\r\n--"));
    text_add(&head, boundary);
    text_add(&head, STR("\r\nContent-Type: "));
    text_add(&head, str_from(stage_files[file].type));
    text_add(&head, STR("\r\n"));
    http_content_range(&head, range, stage_files[file].size);
    text_add(&head, STR("\r\n"));
    expect_text(rest, text_str(&head));
    expect_bytes(*rest, file, range);
    *rest = str_of(rest->at + range.len, rest->len - (size_t)range.len);
}

static void expect_parts(const struct answer *answer, int file, const struct http_range *ranges,
                         unsigned count)
{
    struct str boundary = answer_field(answer, "Content-Type");
    struct str rest = answer->body;

    EXPECT(!answer_field(answer, "Content-Range").at);
    expect_text(&boundary, STR("multipart/byteranges; boundary="));
    EXPECT(boundary.len > 20 && boundary.len <= 70); /* RFC 2046 5.1.1 */
    for (unsigned i = 0; i < count; i++)
        expect_part(&rest, file, ranges[i], boundary, i == 0);
    expect_text(&rest, STR("\r\n--"));
    expect_text(&rest, boundary);
    EXPECT(str_equal(rest, STR("--\r\n")));
}

void expect_ranges(const struct answer *answer, int file, const struct http_range *ranges,
                   unsigned count)
{
    char space[HTTP_CONTENT_RANGE_MAX];
    struct text line = text_in(space, sizeof space);

    EXPECT(answer->status == 206);
    EXPECT(answer_field(answer, "ETag").at && answer_field(answer, "Last-Modified").at);
    if (count > 1) {
        expect_parts(answer, file, ranges, count);
        return;
    }
    http_content_range(&line, ranges[0], stage_files[file].size);
    EXPECT(memmem(answer->fields.at, answer->fields.len, line.at, line.len));
    EXPECT(str_equal(answer_field(answer, "Content-Type"), str_from(stage_files[file].type)));
    EXPECT(answer->length == ranges[0].len);
    expect_bytes(answer->body, file, ranges[0]);
}

bool client_gets_file(struct client *client, int file)
{
    struct answer answer = client_answer(client, false);

    expect_file(&answer, file, false);
    return answer.closes;
}

bool client_gets_head(struct client *client, int file)
{
    struct answer answer = client_answer(client, true);

    expect_file(&answer, file, true);
    return answer.closes;
}

void client_gets_nothing(struct client *client, enum fake_peer_saw saw)
{
    if (client_unread(client).len > 0)
        fprintf(stderr, "unread: %.*s\n", (int)client_unread(client).len, client_unread(client).at);
    if (client->saw != saw)
        fprintf(stderr, "saw %d, not %d\n", (int)client->saw, (int)saw);
    EXPECT(client_unread(client).len == 0);
    EXPECT(client->saw == saw);
}

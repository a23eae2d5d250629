#include "server/reply.h"

#include "base/check.h"
#include "http/status.h"

static void add_connection(struct text *out, enum reply_connection connection)
{
    if (connection == REPLY_CLOSES)
        text_add(out, STR("Connection: close\r\n"));
    if (connection == REPLY_PERSISTS_1_0)
        text_add(out, STR("Connection: keep-alive\r\n"));
}

static void begin(struct text *out, const struct reply_clock *clock, int status,
                  enum reply_connection connection)
{
    text_add(out, STR("HTTP/1.1 "));
    text_add_number(out, (unsigned)status);
    text_add(out, STR(" "));
    text_add(out, http_reason(status));
    text_add(out, STR("\r\nDate: "));
    text_add(out, str_of(clock->date, sizeof clock->date));
    text_add(out, STR("\r\n"));
    text_add(out, str_of(clock->more, clock->more_len));
    add_connection(out, connection);
}

void reply_clock_init(struct reply_clock *clock, const char *name, const char *value)
{
    struct text text = text_in(clock->more, sizeof clock->more);

    *clock = (struct reply_clock){ .unix_time = 0 };
    if (*value == '\0')
        return;
    text_add(&text, str_from(name));
    text_add(&text, STR(": "));
    text_add(&text, str_from(value));
    text_add(&text, STR("\r\n"));
    CHECK(!text.cut);
    clock->more_len = text.len;
}

void reply_clock_set(struct reply_clock *clock, int64_t unix_time)
{
    clock->unix_time = unix_time;
    http_date_write(clock->date, unix_time);
    for (int i = 0; i < REPLY_CONNECTIONS; i++) {
        struct text text = text_in(clock->ok[i].text, sizeof clock->ok[i].text);
        begin(&text, clock, 200, (enum reply_connection)i);
        CHECK(!text.cut);
        clock->ok[i].len = text.len;
    }
}

void reply_begin(struct text *out, const struct reply_clock *clock, int status,
                 enum reply_connection connection)
{
    if (status == 200)
        text_add(out, str_of(clock->ok[connection].text, clock->ok[connection].len));
    else
        begin(out, clock, status, connection);
}

size_t reply_plain(struct text *out, const struct reply_clock *clock, int status,
                   enum reply_connection connection, struct str fields, bool head_only)
{
    char space[64];
    struct text content = text_in(space, sizeof space);

    text_add_number(&content, (unsigned)status);
    text_add(&content, STR(" "));
    text_add(&content, http_reason(status));
    text_add(&content, STR("\n"));

    reply_begin(out, clock, status, connection);
    text_add(out, STR("Content-Type: text/plain; charset=utf-8\r\nContent-Length: "));
    text_add_number(out, content.len);
    text_add(out, STR("\r\n"));
    text_add(out, fields);
    text_add(out, STR("\r\n"));
    if (head_only)
        return 0;
    text_add(out, text_str(&content));
    return content.len;
}

void reply_empty(struct text *out, const struct reply_clock *clock, int status,
                 enum reply_connection connection, struct str fields)
{
    reply_begin(out, clock, status, connection);
    text_add(out, fields);
    text_add(out, STR("Content-Length: 0\r\n\r\n"));
}

#include "answer.h"

#include "base/text.h"
#include "http/date.h"
#include "http/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static bool fails_by_exit;

void stage_fail_by_exit(void)
{
    fails_by_exit = true;
}

void stage_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    if (fails_by_exit)
        _exit(1);
    _fail(file, line);
    abort();
}

/* Longer than any head of ours. A body behind it is not looked through: it may be large, and it is
 * read again and again while it comes. */
enum { ANSWER_HEAD_MAX = 16384 };

static const char *find_in_head(struct str bytes, const char *what)
{
    size_t len = bytes.len < ANSWER_HEAD_MAX ? bytes.len : ANSWER_HEAD_MAX;

    return memmem(bytes.at, len, what, strlen(what));
}

/* The line at the start of `bytes`, with its CRLF; .at is NULL when it is not complete. */
static struct str line_of(struct str bytes)
{
    const char *end = find_in_head(bytes, "\r\n");

    return end ? str_of(bytes.at, (size_t)(end - bytes.at) + 2) : str_of(NULL, 0);
}

static struct str after(struct str bytes, size_t len)
{
    EXPECT(len <= bytes.len);
    return str_of(bytes.at + len, bytes.len - len);
}

static void read_status_line(struct answer *answer, struct str line)
{
    const size_t fixed = strlen("HTTP/1.1 200 ");

    EXPECT(line.len > fixed + 2 && memcmp(line.at, "HTTP/1.1 ", 9) == 0);
    answer->status = 0;
    for (size_t i = 9; i < 12; i++) {
        EXPECT(line.at[i] >= '0' && line.at[i] <= '9');
        answer->status = answer->status * 10 + (line.at[i] - '0');
    }
    EXPECT(line.at[12] == ' ');
    struct str reason = str_of(line.at + fixed, line.len - fixed - 2);
    EXPECT(str_equal(reason, http_reason(answer->status)));
}

struct str answer_field(const struct answer *answer, const char *name)
{
    struct str found = { NULL, 0 };
    size_t name_len = strlen(name);
    struct str rest = answer->fields;

    while (rest.len > 0) {
        struct str line = line_of(rest);
        EXPECT(line.len > 4);
        if (line.len > name_len + 4 && memcmp(line.at, name, name_len) == 0 &&
            memcmp(line.at + name_len, ": ", 2) == 0) {
            EXPECT(!found.at);
            found = str_of(line.at + name_len + 2, line.len - name_len - 4);
        }
        rest = after(rest, line.len);
    }
    return found;
}

static size_t number_of(struct str digits)
{
    size_t number = 0;

    EXPECT(digits.at && digits.len > 0 && digits.len < 19);
    for (size_t i = 0; i < digits.len; i++) {
        EXPECT(digits.at[i] >= '0' && digits.at[i] <= '9');
        number = number * 10 + (size_t)(digits.at[i] - '0');
    }
    return number;
}

/* All but those that say where the content ends. */
static void read_fields(struct answer *answer)
{
    struct str connection = answer_field(answer, "Connection");

    answer->closes = str_equal(connection, STR("close"));
    answer->persists_1_0 = str_equal(connection, STR("keep-alive"));
    EXPECT(!connection.at || answer->closes || answer->persists_1_0);
    if (answer->status == 100) {
        EXPECT(answer->fields.len == 0);
        return;
    }
    struct str date = answer_field(answer, "Date");
    int64_t seconds;
    EXPECT(date.at && http_date_read(date, 0, &seconds));
    if (answer->status == 304 || answer->status == 204) { /* RFC 9110 15.4.5, 8.6 */
        EXPECT(!answer_field(answer, "Content-Length").at);
        EXPECT(!answer_field(answer, "Content-Type").at);
        EXPECT(!answer_field(answer, "Transfer-Encoding").at);
    }
}

static void read_length(struct answer *answer)
{
    EXPECT(!answer_field(answer, "Transfer-Encoding").at);
    if (answer->status != 100 && answer->status != 304 && answer->status != 204)
        answer->length = number_of(answer_field(answer, "Content-Length"));
}

static size_t read_head(struct answer *answer, struct str bytes)
{
    const char *end = find_in_head(bytes, "\r\n\r\n");

    if (!end) {
        EXPECT(bytes.len < ANSWER_HEAD_MAX);
        return 0;
    }
    *answer = (struct answer){ 0 };
    size_t head_len = (size_t)(end - bytes.at) + 4;
    struct str status_line = line_of(bytes);
    read_status_line(answer, status_line);
    answer->fields = str_of(bytes.at + status_line.len, head_len - 2 - status_line.len);
    read_fields(answer);
    return head_len;
}

size_t answer_read(struct answer *answer, struct str bytes, bool head_only)
{
    size_t head_len = read_head(answer, bytes);

    if (head_len == 0)
        return 0;
    read_length(answer);
    size_t body_len = head_only ? 0 : answer->length;
    if (bytes.len - head_len < body_len)
        return 0;
    answer->body = str_of(bytes.at + head_len, body_len);
    return head_len + body_len;
}

size_t answer_read_head(struct answer *answer, struct str bytes)
{
    size_t head_len = read_head(answer, bytes);

    if (head_len == 0)
        return 0;
    struct str coding = answer_field(answer, "Transfer-Encoding");
    struct str length = answer_field(answer, "Content-Length");
    EXPECT(!coding.at || (!length.at && str_equal(coding, STR("chunked"))));
    if (length.at)
        answer->length = number_of(length);
    return head_len;
}

bool answer_is_plain(const struct answer *answer, int status, bool head_only)
{
    char space[64];
    struct text words = text_in(space, sizeof space);

    text_add_number(&words, (unsigned)status);
    text_add(&words, STR(" "));
    text_add(&words, http_reason(status));
    text_add(&words, STR("\n"));
    return answer->status == status && answer->length == words.len &&
           (head_only || str_equal(answer->body, text_str(&words))) &&
           str_equal(answer_field(answer, "Content-Type"), STR("text/plain; charset=utf-8"));
}

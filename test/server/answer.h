/* answer.h - what a client reads: one answer taken apart to the letter.
 *
 * Anything that RFC 9112 would not let a server send, and anything ringlet promises and does not
 * keep (one Date, one Content-Length, the reason that belongs to the status), fails the test. */
#ifndef TEST_ANSWER_H
#define TEST_ANSWER_H

#include "base/str.h"

#include <stdbool.h>

struct answer {
    int status;
    struct str fields; /* field lines, each with its CRLF */
    struct str body;
    size_t length;     /* Content-Length */
    bool closes;       /* Connection: close */
    bool persists_1_0; /* Connection: keep-alive */
};

/* Fail the test: through cmocka, or, once stage_fail_by_exit was called, by ending the process. */
void stage_fail(const char *what, const char *file, int line) __attribute__((noreturn));
void stage_fail_by_exit(void);

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            stage_fail(#condition, __FILE__, __LINE__);                                            \
    } while (0)

/* Take the answer at the start of `bytes` apart. Returns how many bytes it takes, 0 when it is not
 * complete. After a HEAD there is no body. */
size_t answer_read(struct answer *answer, struct str bytes, bool head_only);

/* Take only the head apart, of an answer whose content may come in pieces: it has one of
 * Content-Length and "Transfer-Encoding: chunked", or none of them. Returns how many bytes it
 * takes, 0 when it is not complete. */
size_t answer_read_head(struct answer *answer, struct str bytes);

/* The value of a field that comes once at most; .at is NULL when it does not. */
struct str answer_field(const struct answer *answer, const char *name);

/* Is it ringlet's own page for this status: its words in plain text? */
bool answer_is_plain(const struct answer *answer, int status, bool head_only);

#endif

/* reading.h - options read as the program reads them, for tests.
 *
 * The process is pinned to one CPU, which stands in for an operator's. */
#ifndef TEST_SERVER_READING_H
#define TEST_SERVER_READING_H

#include "server/options.h"

enum { WORDS_MAX = 8 };

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING    ((const char *const[]){ NULL })

/* A group's setup: pins to the first CPU allowed; *state is its number, an int. */
int reading_pin(void **state);

/* What is read of these words and variables, up to WORDS_MAX of each, into *config, whose texts
 * last until the next call. Either may be NULL. Fails unless that ends with `wanted`, in silence.
 */
void assert_read(struct config *config, const char *const *words, const char *const *variables,
                 enum options_action wanted);

/* Fails unless it is refused with one line that begins with `sentence`. */
void assert_refused(const char *const *words, const char *const *variables, const char *sentence);

#endif

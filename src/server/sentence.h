/* sentence.h - one sentence for the operator: what is wrong, with what, and what would help.
 *
 * Functions that can fail for a reason the operator should read take one and fill it only then;
 * main prints it after "ringlet: ". Without a final full stop or line end. What does not fit is
 * cut. */
#ifndef SERVER_SENTENCE_H
#define SERVER_SENTENCE_H

#include <stddef.h>

enum { SENTENCE_MAX = 1024 };

struct sentence {
    char text[SENTENCE_MAX]; /* ends with a NUL */
};

/* Put a '?' in the place of every control character: what an operator gave may hold line ends and
 * the escape sequences of a terminal. */
void sentence_clean(char *text, size_t len);

/* As printf(3) would write it, cut and cleaned. */
void sentence_set(struct sentence *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

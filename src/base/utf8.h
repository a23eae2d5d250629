/* utf8.h - bytes that may or may not be UTF-8 (RFC 3629), such as names of files. Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

#include <stdint.h>

enum { UTF8_INVALID = 0xfffd }; /* what stands for a byte that is no part of a character */

/* Cut the first character off *s, which must not be empty, and return its code point. What is not
 * UTF-8 (overlong forms and surrogates are not) is cut off a byte at a time, as UTF8_INVALID with
 * *valid false. */
uint32_t utf8_next(struct str *s, bool *valid);

#endif

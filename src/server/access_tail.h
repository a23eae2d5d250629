/* access_tail.h - the end of an access log's line that has long fields: Referer and User-Agent, 32
 * bytes at a time. For tail.h. */
#ifndef SERVER_ACCESS_TAIL_H
#define SERVER_ACCESS_TAIL_H

#include "base/str.h"

#include <stdbool.h>

enum { ACCESS_TAIL_MIN = 16 }; /* bytes of each field, if it is not empty */

/* May access_tail_write_wide be called with it? */
static inline bool access_tail_takes(struct str field)
{
    return field.len >= ACCESS_TAIL_MIN || field.len == 0;
}

/* Writes both fields, what is between them and the line's end. Returns where it ends, or NULL when
 * a byte of a field needs escaping; then anything was written, but no more. Nothing around the
 * fields is read. With AVX2, which the processor must have; on x86-64 alone. */
char *access_tail_write_wide(char *out, struct str referer, struct str user_agent);

#endif

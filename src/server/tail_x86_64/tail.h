/* tail.h - the best way to write the end of an access log's line, where its fields are long and the
 * processor has AVX2. tail_any/tail.h has the same functions and takes none. */
#ifndef SERVER_TAIL_H
#define SERVER_TAIL_H

#include "server/access_tail.h"

/* What it asks of the processor was found out before main (libgcc). */
static inline bool tail_takes(struct str referer, struct str user_agent)
{
    return user_agent.len >= ACCESS_TAIL_MIN && access_tail_takes(referer) &&
           __builtin_cpu_supports("avx2");
}

/* As access_tail_write_wide. */
static inline char *tail_write(char *out, struct str referer, struct str user_agent)
{
    return access_tail_write_wide(out, referer, user_agent);
}

#endif

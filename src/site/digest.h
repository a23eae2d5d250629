/* digest.h - a hash of a file's bytes, for entity tags that do not depend on its times.
 *
 * XXH3 with 128 bits: not made against those who look for collisions, but whoever can write the
 * files of a site needs none. What is in memory is hashed on the core's thread, at several bytes a
 * cycle; a file on disk on a helper thread, because it may be long and the disk may not answer. */
#ifndef SITE_DIGEST_H
#define SITE_DIGEST_H

#include "base/str.h"

#include <stdint.h>

enum {
    DIGEST_LEN = 32,           /* as text: hexadecimal digits */
    DIGEST_PIECE = 256 * 1024, /* bytes read from a file at a time */
};

/* A longer file is not hashed, and has no entity tag. */
#define DIGEST_FILE_MAX (UINT64_C(4) << 30)

/* Of the bytes of a file. */
struct digest {
    int fd;        /* borrowed */
    uint64_t size; /* in: what the file should have; out: what was read, if less */
    int error;     /* out: 0 or -errno */
    char text[DIGEST_LEN];
};

/* Of bytes in memory. */
void digest_of(struct str bytes, char text[DIGEST_LEN]);

/* On a helper thread: read the file from its start, and hash it. */
void digest_run(struct digest *digest);

#endif

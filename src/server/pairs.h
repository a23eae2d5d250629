/* pairs.h - certificates with their keys as they are on disk: PEM, read whole.
 *
 * Used by main, on its thread, which may wait for the disk. Keys are overwritten before their
 * memory is freed. Whether a certificate is any good is for the tls room to say. */
#ifndef SERVER_PAIRS_H
#define SERVER_PAIRS_H

#include "server/config.h"
#include "server/sentence.h"
#include "tls/context.h"

#include <sys/types.h>
#include <time.h>

enum { PAIRS_FILE_MAX = 1024 * 1024 }; /* bytes; a longer file is refused */

/* All zero: there are none. */
struct pairs {
    int count;
    struct tls_pem pems[CONFIG_PAIRS_MAX]; /* their bytes are the pairs' own, names the config's */
};

/* Read every pair of the config. False, with nothing kept: one of the files is not to be had, and
 * *why names it. *warning names a key that all users can read, and is empty when there is none. */
bool pairs_read(struct pairs *pairs, const struct config *config, struct sentence *why,
                struct sentence *warning);

/* Copy a pair that is not of a file. False when memory is short. */
bool pairs_add(struct pairs *pairs, struct str name, struct str certificates, struct str key);

/* Overwrite the keys, and free everything. */
void pairs_release(struct pairs *pairs);

/* Could all files be read once more, as the user we are now? *why says what could not. */
bool pairs_are_readable(const struct config *config, struct sentence *why);

/* What the files are: when this is the same, so are they. */
struct pairs_stamp {
    int error; /* errno of the look */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct pairs_stamps {
    struct pairs_stamp certs[CONFIG_PAIRS_MAX], keys[CONFIG_PAIRS_MAX];
};

/* Look at every file, without reading it. */
void pairs_look(struct pairs_stamps *stamps, const struct config *config);
/* Has nothing changed between the two looks? */
bool pairs_same(const struct pairs_stamps *a, const struct pairs_stamps *b);

#endif

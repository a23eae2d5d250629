/* variants.h - the compressed forms of a file: how they are called, and which lie beside it.
 *
 * A variant is an entry of its own. Its key is the path of the file, a NUL, which no target can
 * have, and the name of the coding, and with a directory's path another NUL and the name of the
 * file that answers for it. So a file that lies beside another one as its variant can still be
 * asked for by its own name, and is then nothing but itself.
 *
 * Beside survey_run and digest_run, variants_run is all of this room that makes system calls. */
#ifndef SITE_VARIANTS_H
#define SITE_VARIANTS_H

#include "http/coding.h"
#include "http/path.h"

#include <limits.h>

enum {
    VARIANT_SUFFIX_MAX = sizeof ".zst" - 1,
    VARIANT_KEY_MAX = HTTP_PATH_MAX + sizeof "\0zstd" + NAME_MAX,
};

/* Which variants of a file there are. A link counts, wherever it may lead: that is found out when
 * it is asked for. So does what is older than the file: times tell when something was copied
 * rather than what it was made from. */
struct variants {
    int root;         /* where names start; borrowed */
    const char *file; /* relative to the root; borrowed */
    unsigned found;   /* out: bits 1 << coding */
};

/* On a helper thread: look for all of them. What can't be looked at is not there. */
void variants_run(struct variants *variants);

/* What the name of a file's variant ends with; empty for identity. Static. */
struct str variant_suffix(enum http_coding coding);

/* The key of a path's variant, not identity, written to `space`. Where the file answers for a
 * directory `index` is its name, because it may be one of several. */
struct str variant_key(struct str path, struct str index, enum http_coding coding,
                       char space[VARIANT_KEY_MAX]);

/* What a key stands for; with any other one it is the identity of the whole of it. Points into it.
 */
struct variant {
    struct str path;
    struct str index;
    enum http_coding coding;
};
struct variant variant_of_key(struct str key);

/* If the name is that of a variant: the name of the file that it lies beside. */
bool variant_has_name(struct str name, struct str *file);

#endif

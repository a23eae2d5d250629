#include "site/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

/* Most significant digit first. */
static void write_hex(char *text, uint64_t number)
{
    for (int i = 0; i < 16; i++)
        text[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
}

static void write_digest(char text[DIGEST_LEN], XXH128_hash_t hash)
{
    write_hex(text, hash.high64);
    write_hex(text + 16, hash.low64);
}

void digest_of(struct str bytes, char text[DIGEST_LEN])
{
    write_digest(text, XXH3_128bits(bytes.at, bytes.len));
}

/* How many bytes were read and hashed: fewer than `size` at the file's end. Negative: -errno. */
static int64_t hash_file(XXH3_state_t *state, int fd, uint64_t size, char *piece)
{
    uint64_t done = 0;

    while (done < size) {
        size_t left = size - done < DIGEST_PIECE ? (size_t)(size - done) : DIGEST_PIECE;
        ssize_t count = pread(fd, piece, left, (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        XXH3_128bits_update(state, piece, (size_t)count);
        done += (uint64_t)count;
    }
    return (int64_t)done;
}

void digest_run(struct digest *digest)
{
    XXH3_state_t *state = XXH3_createState();
    char *piece = malloc(DIGEST_PIECE);

    digest->error = -ENOMEM;
    if (state && piece) {
        XXH3_128bits_reset(state);
        int64_t done = hash_file(state, digest->fd, digest->size, piece);
        digest->error = done < 0 ? (int)done : 0;
        digest->size = done < 0 ? 0 : (uint64_t)done;
        write_digest(digest->text, XXH3_128bits_digest(state));
    }
    free(piece);
    XXH3_freeState(state);
}

/* scan_lines.h - the field lines of a head, many at once; for scan.h.
 *
 * The ways to do it, scan_lines and its kin, all have the outcome that is described here. A line is
 * taken that is as nearly all of them are: a name of at most SCAN_NAME_MAX letters and '-', maybe
 * empty; a colon; printable ASCII, maybe none; CR LF, and at least one byte more before `end`. The
 * first one begins at lines[0]; the length of each one's name goes into name_lens, and where the
 * next line begins into the next of lines; until `max` were taken, at most SCAN_LINES_MAX, or a
 * line is not like that. None is taken when from `first`, at or before lines[0], to `end` there are
 * fewer than SCAN_LINE_MIN bytes. Nothing at or beyond `end` is read.
 *
 * Lines are listed that have in `lengths`, by the lowest five bits of their first byte, the bit of
 * their name's length: those that may be of names that the caller knows. */
#ifndef HTTP_SCAN_LINES_H
#define HTTP_SCAN_LINES_H

#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_BLOCK = 32,    /* bytes of a line that are looked at together, without AVX2 */
    SCAN_LINE_MIN = 34, /* such a block, and a CR LF that begins in it */
    SCAN_WIDE_MIN = 66, /* 64 bytes, and a CR LF that begins in them */
    SCAN_NAME_MAX = 31,
    SCAN_LINES_MAX = 64,
};

struct scan_lines {
    size_t count;    /* how many were taken */
    uint64_t listed; /* a bit for each of them */
};

/* With AVX2 and BMI, which the processor must have, where from `first` to `end` there are at least
 * SCAN_WIDE_MIN bytes. On x86-64 alone. */
struct scan_lines scan_lines_wide(const char **lines, uint16_t *name_lens, size_t max,
                                  const char *first, const char *end, const uint32_t *lengths);

#endif

/* scan_under_test.h - one of the two variants of scan.h behind function pointers, so that one
 * program can hold both. */
#ifndef TEST_SCAN_UNDER_TEST_H
#define TEST_SCAN_UNDER_TEST_H

#include "http/scan_lines.h"

#include <stdbool.h>

struct scan_under_test {
    struct scan_lines (*lines)(const char **, uint16_t *, size_t, const char *, const char *,
                               const uint32_t *);
    struct scan_lines (*lines_narrow)(const char **, uint16_t *, size_t, const char *, const char *,
                                      const uint32_t *);
    const char *(*target)(const char *, const char *);
    const char *(*host)(const char *, const char *);
    unsigned (*lengths)(const uint16_t *, uint16_t);
    const char *(*short_target)(const char *);
    const char *(*short_host)(const char *);
    size_t short_len;
    bool (*path_is_plain)(const char *, size_t);
    size_t slack;
};

/* Of the folder that the include path of its object names. */
extern const struct scan_under_test scan_plain_c;
extern const struct scan_under_test scan_machine;

#endif

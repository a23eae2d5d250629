/* Compiled once for each variant, with its folder in the include path and its name in VARIANT. */
#include "scan.h"
#include "scan_under_test.h"

const struct scan_under_test VARIANT = {
    .lines = scan_lines,
    .lines_narrow = scan_lines_narrow,
    .target = scan_target,
    .host = scan_host,
    .lengths = scan_lengths,
    .short_target = scan_short_target,
    .short_host = scan_short_host,
    .short_len = SCAN_SHORT,
    .path_is_plain = scan_path_is_plain,
    .slack = SCAN_SLACK,
};

/* Compiled once for each variant, with its folder in the include path and its name in VARIANT. */
#include "scan.h"
#include "scan_under_test.h"

const struct scan_under_test VARIANT = {
    .lines = scan_lines,
    .lines_narrow = scan_lines_narrow,
    .target = scan_target,
    .host = scan_host,
    .path_is_plain = scan_path_is_plain,
    .slack = SCAN_SLACK,
};

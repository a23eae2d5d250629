/* Compiled once for each variant, with its folder in the include path and its name in VARIANT. */
#include "scan.h"
#include "scan_under_test.h"

const struct scan_under_test VARIANT = {
    .field = scan_field,
    .target = scan_target,
    .host = scan_host,
    .path_is_plain = scan_path_is_plain,
    .slack = SCAN_SLACK,
    .field_min = SCAN_FIELD_MIN,
};
